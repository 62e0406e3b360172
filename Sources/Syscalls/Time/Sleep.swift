// nanosleep(2), clock_nanosleep(2).
import HostSyscalls
import Kernel
import LinuxABI

private let TIMER_ABSTIME: Int32 = 1

/// A sleep to a point in time. Signals that run no handler leave it parked, with the deadline it has: what Linux's restart blocks are for.
final class SleepOperation: BlockingOperation {
    private let end: UInt64
    /// Where a relative sleep that a handler interrupts tells what is left.
    private let remaining: UserAddress

    override var interruption: InterruptBehavior { .onlyWithoutHandler }

    init(until end: UInt64, remaining: UserAddress) {
        self.end = end
        self.remaining = remaining
        super.init()
        deadline = end
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? { task.kernel.monotonicNow >= end ? 0 : nil }

    override func interrupted(_ task: Task) -> Int64? {
        if remaining.isNull { return nil }
        let now = task.kernel.monotonicNow
        let left = Timespec(nanoseconds: end > now ? end - now : 0)
        do throws(Errno) { try task.memory.copyOut(left, to: remaining) } catch { return error.result }
        return nil
    }
}

/// The CLOCK_MONOTONIC time `duration` from now; for ever if that is out of range.
private func deadline(after duration: Timespec, _ task: Task) -> UInt64 {
    let (sum, overflow) = task.kernel.monotonicNow.addingReportingOverflow(duration.totalNanoseconds)
    return overflow ? UInt64(Int64.max) : min(sum, UInt64(Int64.max))
}

/// Implements nanosleep(2).
///
/// - Throws: `EINVAL` for an invalid time; `EFAULT`; `EINTR` after a handler has run.
func sysNanosleep(_ task: Task, _ request: UserAddress, _ remaining: UserAddress) throws(Errno) -> Outcome {
    let duration = try task.memory.copyIn(request, as: Timespec.self)
    guard duration.isValid else { throw .EINVAL }
    return .park(SleepOperation(until: deadline(after: duration, task), remaining: remaining))
}

/// Implements clock_nanosleep(2). An absolute time on a clock that can be set is taken at its distance now: a later change is not followed.
///
/// - Throws: `EINVAL` for no such clock (the alarm clocks among them: nothing wakes the host) or an invalid time; `EOPNOTSUPP` for clocks
///   without sleep, here also the process's processor clock; `EFAULT`; `EINTR` after a handler has run.
func sysClockNanosleep(
    _ task: Task, _ clock: Int32, _ flags: Int32, _ request: UserAddress, _ remaining: UserAddress
) throws(Errno) -> Outcome {
    switch clock {
    case CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI: break
    case CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, 4, 5, 6: throw .EOPNOTSUPP
    default: throw .EINVAL
    }
    let time = try task.memory.copyIn(request, as: Timespec.self)
    guard time.isValid else { throw .EINVAL }
    guard flags & TIMER_ABSTIME != 0 else { return .park(SleepOperation(until: deadline(after: time, task), remaining: remaining)) }
    let now: Timespec
    do throws(HostErrno) { now = try HostSystem.clock(clock) } catch { throw error.guestErrno }
    let target = time.totalNanoseconds
    let distance = target > now.totalNanoseconds ? target - now.totalNanoseconds : 0
    return .park(SleepOperation(until: deadline(after: Timespec(nanoseconds: distance), task), remaining: .null))
}
