import Kernel
import LinuxABI
import Memory
import Primitives
import VFS

/// Implements select(2).
func sysSelect(
    _ task: Task, _ count: Int32, _ read: UserAddress, _ write: UserAddress, _ except: UserAddress, _ timeout: UserAddress
) throws(Errno) -> Outcome {
    try select(task, count, [read, write, except], try CallDeadline(timeval: timeout, task))
}

/// Implements pselect6(2). `mask` points to a pointer and a size.
///
/// - Throws: `EINVAL` for a negative count, a bad time or mask size; `EBADF`; `EFAULT`.
func sysPselect6(
    _ task: Task, _ count: Int32, _ read: UserAddress, _ write: UserAddress, _ except: UserAddress, _ timeout: UserAddress,
    _ mask: UserAddress
) throws(Errno) -> Outcome {
    let deadline = try CallDeadline(timespec: timeout, writesRemaining: true, task)
    if !mask.isNull {
        let pair = try task.memory.copyIn(mask, as: (UInt64, UInt64).self)
        try useTemporarySignalMask(task, UserAddress(pair.0), size: pair.1)
    }
    return try select(task, count, [read, write, except], deadline)
}

private func select(_ task: Task, _ count: Int32, _ addresses: [UserAddress], _ deadline: CallDeadline) throws(Errno) -> Outcome {
    guard count >= 0 else { throw .EINVAL }
    // No descriptor lies beyond the limit; Linux cuts the count to its table's size.
    let count = Int(min(UInt64(count), task.process.limits.values[ResourceLimits.RLIMIT_NOFILE].hard, 1 << 20))
    let byteCount = (count + 63) / 64 * 8
    var sets: [[UInt8]?] = []
    for address in addresses {
        sets.append(address.isNull ? nil : try task.memory.copyIn(address, count: byteCount))
    }
    return try deadline.outcome(of: try SelectOperation(task, count: count, addresses, sets, deadline), task)
}

/// A select: the descriptors are resolved once.
private final class SelectOperation: BlockingOperation {
    /// What makes a descriptor ready to read, to write, exceptional.
    private static let conditions: [ReadyEvents] = [
        [.POLLIN, .POLLRDNORM, .POLLHUP, .POLLERR], [.POLLOUT, .POLLWRNORM, .POLLERR], [.POLLPRI],
    ]

    private struct Entry {
        let fd: Int
        let held: HeldDescription
        /// Which of the three sets it is in.
        let sets: [Int]
        var interest: ReadyEvents
    }

    private let addresses: [UserAddress]
    private let isGiven: [Bool]
    private let byteCount: Int
    private let limit: CallDeadline
    private var entries: [Entry] = []

    override var interruption: InterruptBehavior { .onlyWithoutHandler }

    /// - Throws: `EBADF` if a set names a descriptor that is not open.
    init(_ task: Task, count: Int, _ addresses: [UserAddress], _ sets: [[UInt8]?], _ limit: CallDeadline) throws(Errno) {
        self.addresses = addresses
        self.limit = limit
        isGiven = sets.map { $0 != nil }
        byteCount = (count + 63) / 64 * 8
        super.init()
        deadline = limit.deadline
        let context = task.vfs
        for fd in 0..<count {
            var members: [Int] = []
            var interest: ReadyEvents = []
            for index in sets.indices {
                guard let set = sets[index], set[fd >> 3] >> UInt8(fd & 7) & 1 != 0 else { continue }
                members.append(index)
                interest.formUnion(Self.conditions[index])
            }
            if members.isEmpty { continue }
            let description = try task.description(FD(Int32(truncatingIfNeeded: fd)))
            entries.append(Entry(fd: fd, held: HeldDescription(description, context), sets: members, interest: interest))
        }
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        var results = [[UInt8]](repeating: [UInt8](repeating: 0, count: byteCount), count: addresses.count)
        var count: Int64 = 0
        for entry in entries {
            let events = entry.held.description.poll()
            if events.isDisjoint(with: entry.interest) { continue }
            for set in entry.sets where !events.isDisjoint(with: Self.conditions[set]) {
                results[set][entry.fd >> 3] |= 1 << UInt8(entry.fd & 7)
                count += 1
            }
        }
        return count == 0 ? nil : try finish(count, results, task)
    }

    override func register(_ task: Task) {
        for entry in entries {
            guard let queue = entry.held.description.waitQueue else { continue }
            wait(on: queue, interest: entry.interest, task)
        }
    }

    override func timedOut(_ task: Task) throws(Errno) -> Int64 {
        try finish(0, [[UInt8]](repeating: [UInt8](repeating: 0, count: byteCount), count: addresses.count), task)
    }

    override func interrupted(_ task: Task) -> Int64? {
        limit.writeRemaining(task)
        return nil
    }

    private func finish(_ count: Int64, _ results: [[UInt8]], _ task: Task) throws(Errno) -> Int64 {
        for index in addresses.indices where isGiven[index] && byteCount > 0 {
            try task.memory.copyOut(results[index], to: addresses[index])
        }
        limit.writeRemaining(task)
        return count
    }
}
