import Filesystems
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements timerfd_create(2).
///
/// - Throws: `EINVAL` for other clocks and flags; `EPERM` for the alarm clocks; `EMFILE`.
func sysTimerfdCreate(_ task: Task, _ clock: Int32, _ flags: Int32) throws(Errno) -> Outcome {
    let flags = OpenFlags(rawValue: UInt32(bitPattern: flags))
    guard flags.isSubset(of: [.O_CLOEXEC, .O_NONBLOCK]) else { throw .EINVAL }
    let source: TimerFDDescription.Clock
    switch clock {
    case 0: source = .realtime
    case 1: source = .monotonic
    case 7: source = .boottime
    // CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM: no CAP_WAKE_ALARM inside.
    case 8, 9: throw .EPERM
    default: throw .EINVAL
    }
    let timer = TimerFDDescription(kernel: task.kernel, clock: source, flags: flags.subtracting(.O_CLOEXEC))
    return .value(Int64(try task.install(timer, closeOnExec: flags.contains(.O_CLOEXEC)).rawValue))
}

/// `struct itimerspec`.
private struct IntervalTimerValue: BitwiseCopyable {
    var intervalSeconds, intervalNanoseconds, seconds, nanoseconds: Int64

    init(_ setting: (remaining: UInt64, interval: UInt64)) {
        let interval = Timespec(nanoseconds: setting.interval)
        let remaining = Timespec(nanoseconds: setting.remaining)
        intervalSeconds = interval.seconds
        intervalNanoseconds = interval.nanoseconds
        seconds = remaining.seconds
        nanoseconds = remaining.nanoseconds
    }
}

/// Implements timerfd_settime(2). TFD_TIMER_CANCEL_ON_SET changes nothing: the sandbox's clock is never set.
///
/// - Throws: `EBADF`; `EINVAL` if it is no timerfd, for other flags and bad times; `EFAULT`.
func sysTimerfdSettime(_ task: Task, _ fd: FD, _ flags: Int32, _ value: UserAddress, _ old: UserAddress) throws(Errno) -> Outcome {
    let absolute: Int32 = 1
    let cancelOnSet: Int32 = 2
    let new = try task.memory.copyIn(value, as: IntervalTimerValue.self)
    let first = Timespec(seconds: new.seconds, nanoseconds: new.nanoseconds)
    let interval = Timespec(seconds: new.intervalSeconds, nanoseconds: new.intervalNanoseconds)
    guard flags & ~(absolute | cancelOnSet) == 0, first.isValid, interval.isValid else { throw .EINVAL }
    guard let timer = try task.description(fd) as? TimerFDDescription else { throw .EINVAL }
    let previous = timer.setting
    timer.arm(
        first.totalNanoseconds == 0 ? nil : first.totalNanoseconds, interval: interval.totalNanoseconds,
        isAbsolute: flags & absolute != 0)
    if !old.isNull { try task.memory.copyOut(IntervalTimerValue(previous), to: old) }
    return .done
}

/// Implements timerfd_gettime(2).
///
/// - Throws: `EBADF`; `EINVAL` if it is no timerfd; `EFAULT`.
func sysTimerfdGettime(_ task: Task, _ fd: FD, _ value: UserAddress) throws(Errno) -> Outcome {
    guard let timer = try task.description(fd) as? TimerFDDescription else { throw .EINVAL }
    try task.memory.copyOut(IntervalTimerValue(timer.setting), to: value)
    return .done
}
