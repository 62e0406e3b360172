// How the waiting calls take their time limits and signal masks.
import Kernel
import LinuxABI
import Memory

/// When a call gives up, on CLOCK_MONOTONIC, and where it says how much time was left.
struct CallDeadline {
    /// ns; nil: never.
    let deadline: UInt64?
    private let remaining: Remaining

    private enum Remaining {
        case notWritten
        case timespec(UserAddress)
        case timeval(UserAddress)
    }

    /// poll's and epoll_wait's milliseconds; below 0: never.
    init(milliseconds: Int32, _ task: Task) {
        deadline = milliseconds < 0 ? nil : task.kernel.monotonicNow &+ UInt64(milliseconds) * 1_000_000
        remaining = .notWritten
    }

    /// A timespec, or null for never. `writesRemaining`: the time left goes back there.
    ///
    /// - Throws: `EFAULT`; `EINVAL` for times that no timespec may hold.
    init(timespec address: UserAddress, writesRemaining: Bool, _ task: Task) throws(Errno) {
        guard !address.isNull else {
            deadline = nil
            remaining = .notWritten
            return
        }
        let words = try task.memory.copyIn(address, as: (Int64, Int64).self)
        deadline = try Self.deadline(Timespec(seconds: words.0, nanoseconds: words.1), task)
        remaining = writesRemaining ? .timespec(address) : .notWritten
    }

    /// select's timeval, or null for never. More than a million microseconds are carried over, as on Linux.
    ///
    /// - Throws: `EFAULT`; `EINVAL` for negative times.
    init(timeval address: UserAddress, _ task: Task) throws(Errno) {
        guard !address.isNull else {
            deadline = nil
            remaining = .notWritten
            return
        }
        let words = try task.memory.copyIn(address, as: (Int64, Int64).self)
        let (seconds, overflow) = words.0.addingReportingOverflow(words.1 / 1_000_000)
        if overflow { throw .EINVAL }
        deadline = try Self.deadline(Timespec(seconds: seconds, nanoseconds: words.1 % 1_000_000 * 1000), task)
        remaining = .timeval(address)
    }

    private static func deadline(_ time: Timespec, _ task: Task) throws(Errno) -> UInt64 {
        guard time.isValid else { throw .EINVAL }
        let (sum, overflow) = task.kernel.monotonicNow.addingReportingOverflow(time.totalNanoseconds)
        return overflow ? .max : sum
    }

    /// How a call with this limit goes on: one look if there is no time to wait, else parked.
    func outcome(of operation: BlockingOperation, _ task: Task) throws(Errno) -> Outcome {
        guard let deadline, deadline <= task.kernel.monotonicNow else { return .park(operation) }
        if let result = try operation.attempt(task) { return .value(result) }
        return .value(try operation.timedOut(task))
    }

    /// Writes back how much time is left. A fault is ignored: the call has happened.
    func writeRemaining(_ task: Task) {
        guard let deadline else { return }
        let now = task.kernel.monotonicNow
        let left = Timespec(nanoseconds: deadline > now ? deadline - now : 0)
        switch remaining {
        case .notWritten: break
        case .timespec(let address): try? task.memory.copyOut((left.seconds, left.nanoseconds), to: address)
        case .timeval(let address): try? task.memory.copyOut((left.seconds, left.nanoseconds / 1000), to: address)
        }
    }
}

/// Sets the signal mask that ppoll, pselect6 and epoll_pwait bring, for the duration of the call.
///
/// - Throws: `EINVAL` for another size than 8; `EFAULT`.
func useTemporarySignalMask(_ task: Task, _ mask: UserAddress, size: UInt64) throws(Errno) {
    guard !mask.isNull else { return }
    guard size == 8 else { throw .EINVAL }
    task.setTemporarySignalMask(try task.memory.copyIn(mask, as: UInt64.self))
}
