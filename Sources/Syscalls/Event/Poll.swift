import Kernel
import LinuxABI
import Memory
import Primitives
import VFS

/// Implements poll(2).
func sysPoll(_ task: Task, _ fds: UserAddress, _ count: UInt32, _ timeout: Int32) throws(Errno) -> Outcome {
    try poll(task, fds, count, CallDeadline(milliseconds: timeout, task))
}

/// Implements ppoll(2).
///
/// - Throws: `EINVAL` for more descriptors than RLIMIT_NOFILE, a bad time or mask size; `ENOMEM` for more than 65,536; `EFAULT`.
func sysPpoll(
    _ task: Task, _ fds: UserAddress, _ count: UInt32, _ timeout: UserAddress, _ mask: UserAddress, _ maskSize: UInt64
) throws(Errno) -> Outcome {
    let deadline = try CallDeadline(timespec: timeout, writesRemaining: true, task)
    try useTemporarySignalMask(task, mask, size: maskSize)
    return try poll(task, fds, count, deadline)
}

private func poll(_ task: Task, _ fds: UserAddress, _ count: UInt32, _ deadline: CallDeadline) throws(Errno) -> Outcome {
    guard UInt64(count) <= task.process.limits.values[ResourceLimits.RLIMIT_NOFILE].soft else { throw .EINVAL }
    // Each entry costs the sentry a waiter while the call is parked.
    guard count <= 65536 else { throw .ENOMEM }
    let requests = try task.memory.copyIn(fds, count: Int(count) * PollOperation.requestSize)
    return try deadline.outcome(of: PollOperation(task, requests, address: fds, deadline), task)
}

/// A poll: the descriptors are resolved once.
private final class PollOperation: BlockingOperation {
    /// `struct pollfd`: fd, events and revents.
    static let requestSize = 8

    private struct Entry {
        let held: HeldDescription?
        /// What it waits for, with POLLERR and POLLHUP.
        let interest: ReadyEvents
        /// What it is without a description: POLLNVAL, or nothing for an ignored entry.
        let fixed: ReadyEvents
    }

    private var requests: [UInt8]
    private let address: UserAddress
    private let limit: CallDeadline
    private var entries: [Entry] = []

    override var interruption: InterruptBehavior { .onlyWithoutHandler }

    init(_ task: Task, _ requests: [UInt8], address: UserAddress, _ limit: CallDeadline) {
        self.requests = requests
        self.address = address
        self.limit = limit
        super.init()
        deadline = limit.deadline
        entries.reserveCapacity(requests.count / Self.requestSize)
        let context = task.vfs
        for start in stride(from: 0, to: requests.count, by: Self.requestSize) {
            let (fd, events) = requests.withUnsafeBytes {
                (
                    $0.loadUnaligned(fromByteOffset: start, as: Int32.self),
                    $0.loadUnaligned(fromByteOffset: start + 4, as: UInt16.self)
                )
            }
            var held: HeldDescription?
            if fd >= 0, let description = try? task.description(FD(fd)) { held = HeldDescription(description, context) }
            entries.append(
                Entry(
                    held: held, interest: ReadyEvents(rawValue: UInt32(events)).union([.POLLERR, .POLLHUP]),
                    fixed: fd >= 0 && held == nil ? .POLLNVAL : []))
        }
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        var count: Int64 = 0
        for (index, entry) in entries.enumerated() {
            let events = entry.held.map { $0.description.poll().intersection(entry.interest) } ?? entry.fixed
            if !events.isEmpty { count += 1 }
            let start = index * Self.requestSize + 6
            requests[start] = UInt8(truncatingIfNeeded: events.rawValue)
            requests[start + 1] = UInt8(truncatingIfNeeded: events.rawValue >> 8)
        }
        if count == 0 { return nil }
        return try finish(count, task)
    }

    override func register(_ task: Task) {
        for entry in entries {
            guard let queue = entry.held?.description.waitQueue else { continue }
            wait(on: queue, interest: entry.interest, task)
        }
    }

    override func timedOut(_ task: Task) throws(Errno) -> Int64 { try finish(0, task) }

    override func interrupted(_ task: Task) -> Int64? {
        limit.writeRemaining(task)
        return nil
    }

    private func finish(_ count: Int64, _ task: Task) throws(Errno) -> Int64 {
        if !requests.isEmpty { try task.memory.copyOut(requests, to: address) }
        limit.writeRemaining(task)
        return count
    }
}
