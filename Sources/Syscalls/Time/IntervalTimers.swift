// getitimer(2), setitimer(2), alarm(2), timer_create(2) and kin.
import HostSyscalls
import Kernel
import LinuxABI

/// `struct itimerval`: interval, then value, in microseconds.
private struct IntervalValue: BitwiseCopyable {
    var intervalSeconds, intervalMicroseconds, valueSeconds, valueMicroseconds: Int64

    init(remaining: UInt64, interval: UInt64) {
        intervalSeconds = Int64(interval / 1_000_000_000)
        intervalMicroseconds = Int64(interval % 1_000_000_000 / 1000)
        valueSeconds = Int64(remaining / 1_000_000_000)
        // Rounded up: an armed timer never reads 0.
        valueMicroseconds = Int64((remaining % 1_000_000_000 + 999) / 1000)
        if valueMicroseconds == 1_000_000 {
            valueSeconds += 1
            valueMicroseconds = 0
        }
    }

    /// - Throws: `EINVAL` for microseconds out of range or negative seconds.
    func nanoseconds() throws(Errno) -> (value: UInt64, interval: UInt64) {
        let value = Timespec(seconds: valueSeconds, nanoseconds: try scaled(valueMicroseconds))
        let interval = Timespec(seconds: intervalSeconds, nanoseconds: try scaled(intervalMicroseconds))
        guard value.isValid, interval.isValid else { throw .EINVAL }
        return (value.totalNanoseconds, interval.totalNanoseconds)
    }

    private func scaled(_ microseconds: Int64) throws(Errno) -> Int64 {
        guard microseconds >= 0, microseconds < 1_000_000 else { throw .EINVAL }
        return microseconds * 1000
    }
}

private let ITIMER_REAL: Int32 = 0

/// - Throws: `EINVAL` for the processor-time timers, which are not there, and unknown ones.
private func timer(_ task: Task, _ which: Int32) throws(Errno) -> IntervalTimer {
    guard which == ITIMER_REAL else { throw .EINVAL }
    return task.process.realTimer
}

private func deadline(after nanoseconds: UInt64, _ task: Task) -> UInt64? {
    if nanoseconds == 0 { return nil }
    let (sum, overflow) = task.kernel.monotonicNow.addingReportingOverflow(nanoseconds)
    return overflow ? UInt64(Int64.max) : min(sum, UInt64(Int64.max))
}

/// Implements getitimer(2).
func sysGetitimer(_ task: Task, _ which: Int32, _ value: UserAddress) throws(Errno) -> Outcome {
    let setting = try timer(task, which).setting
    try task.memory.copyOut(IntervalValue(remaining: setting.remaining, interval: setting.interval), to: value)
    return .done
}

/// Implements setitimer(2). A NULL value disarms, as Linux still allows.
func sysSetitimer(_ task: Task, _ which: Int32, _ new: UserAddress, _ old: UserAddress) throws(Errno) -> Outcome {
    var value: (value: UInt64, interval: UInt64) = (0, 0)
    if !new.isNull { value = try task.memory.copyIn(new, as: IntervalValue.self).nanoseconds() }
    let timer = try timer(task, which)
    let previous = timer.setting
    timer.set(deadline(after: value.value, task), interval: value.interval)
    if !old.isNull { try task.memory.copyOut(IntervalValue(remaining: previous.remaining, interval: previous.interval), to: old) }
    return .done
}

/// Implements alarm(2): the seconds that were left, rounded as Linux does, at least 1 if any time was.
func sysAlarm(_ task: Task, _ seconds: UInt32) throws(Errno) -> Outcome {
    let timer = task.process.realTimer
    let left = timer.setting.remaining
    timer.set(deadline(after: UInt64(seconds) * 1_000_000_000, task), interval: 0)
    let rounded = left == 0 ? 0 : max(1, (left + 500_000_000) / 1_000_000_000)
    return .value(Int64(rounded))
}

// MARK: POSIX timers

/// `struct sigevent`, the part that is used.
private struct SignalEvent: BitwiseCopyable {
    var value: UInt64
    var signal: Int32
    var notify: Int32
    var thread: Int32
}

/// `struct itimerspec`.
private struct IntervalSpec: BitwiseCopyable {
    var interval: Timespec
    var value: Timespec
}

private let SIGEV_SIGNAL: Int32 = 0
private let SIGEV_NONE: Int32 = 1
private let SIGEV_THREAD_ID: Int32 = 4
private let SI_TIMER: Int32 = -2

/// Implements timer_create(2).
///
/// - Throws: `EINVAL` for the clock or the event; `EAGAIN` at the bound; `EFAULT`.
func sysTimerCreate(_ task: Task, _ clock: Int32, _ event: UserAddress, _ identifier: UserAddress) throws(Errno) -> Outcome {
    // REALTIME, MONOTONIC, BOOTTIME, TAI. A change of the wall clock is not followed.
    guard [0, 1, 7, 11].contains(clock) else { throw clock == 2 || clock == 3 ? .EOPNOTSUPP : .EINVAL }
    var given = SignalEvent(value: 0, signal: Signal.SIGALRM, notify: SIGEV_SIGNAL, thread: 0)
    let isDefault = event.isNull
    if !isDefault { given = try task.memory.copyIn(event, as: SignalEvent.self) }
    // si_timerid, si_overrun, si_value.
    var info = SignalInfo(signal: given.signal, code: SI_TIMER)
    let notification: IntervalTimer.Notification
    info.fields.1 = given.value
    switch given.notify {
    case SIGEV_NONE: notification = .none
    case SIGEV_SIGNAL, SIGEV_THREAD_ID:
        guard (1...64).contains(given.signal) else { throw .EINVAL }
        if given.notify == SIGEV_SIGNAL {
            notification = .process(info)
        } else {
            guard let target = task.kernel.tasks[given.thread], target.process === task.process else { throw .EINVAL }
            notification = .thread(given.thread, info)
        }
    default: throw .EINVAL
    }
    let timer = IntervalTimer(task.process, notification)
    let id = try task.process.addTimer(timer)
    do throws(Errno) { try task.memory.copyOut(id, to: identifier) } catch {
        task.process.timers[id] = nil
        throw error
    }
    task.process.timerClocks[id] = clock
    return .done
}

private func find(_ task: Task, _ id: Int32) throws(Errno) -> IntervalTimer {
    guard let timer = task.process.timers[id] else { throw .EINVAL }
    return timer
}

/// Implements timer_settime(2).
///
/// - Throws: `EINVAL` for the id or a time out of range; `EFAULT`.
func sysTimerSettime(
    _ task: Task, _ id: Int32, _ flags: Int32, _ new: UserAddress, _ old: UserAddress
) throws(Errno) -> Outcome {
    let spec = try task.memory.copyIn(new, as: IntervalSpec.self)
    guard spec.value.isValid, spec.interval.isValid else { throw .EINVAL }
    let timer = try find(task, id)
    let previous = timer.setting
    var end = deadline(after: spec.value.totalNanoseconds, task)
    if flags & 1 != 0, end != nil {  // TIMER_ABSTIME
        let offset: UInt64
        switch task.process.timerClocks[id] ?? 1 {
        case 0, 11: offset = HostClock.realtime.totalNanoseconds &- HostClock.monotonic
        case 7: offset = HostClock.boottime &- HostClock.monotonic
        default: offset = 0
        }
        let absolute = spec.value.totalNanoseconds
        end = absolute > offset ? min(absolute - offset, UInt64(Int64.max)) : 1
    }
    timer.set(end, interval: spec.interval.totalNanoseconds)
    if !old.isNull { try task.memory.copyOut(intervalSpec(previous), to: old) }
    return .done
}

private func intervalSpec(_ setting: (remaining: UInt64, interval: UInt64)) -> IntervalSpec {
    IntervalSpec(interval: Timespec(nanoseconds: setting.interval), value: Timespec(nanoseconds: setting.remaining))
}

/// Implements timer_gettime(2).
func sysTimerGettime(_ task: Task, _ id: Int32, _ value: UserAddress) throws(Errno) -> Outcome {
    try task.memory.copyOut(intervalSpec(try find(task, id).setting), to: value)
    return .done
}

/// Implements timer_getoverrun(2).
func sysTimerGetoverrun(_ task: Task, _ id: Int32) throws(Errno) -> Outcome {
    .value(Int64(min(try find(task, id).overrun, UInt64(Int32.max))))
}

/// Implements timer_delete(2).
func sysTimerDelete(_ task: Task, _ id: Int32) throws(Errno) -> Outcome {
    try find(task, id).disarm()
    task.process.timers[id] = nil
    task.process.timerClocks[id] = nil
    return .done
}
