import LinuxABI

/// A timer of a process that sends a signal: ITIMER_REAL, or one of timer_create(2). Guarded by the kernel lock.
public final class IntervalTimer {
    /// What happens at an expiration.
    public enum Notification {
        case none
        case process(SignalInfo)
        case thread(Int32, SignalInfo)
    }

    private unowned let process: ThreadGroup
    private let notification: Notification
    private var timer: TimerQueue.Timer?
    /// CLOCK_MONOTONIC of the next expiration, ns; nil: disarmed.
    private var deadline: UInt64?
    private var interval: UInt64 = 0
    /// Expirations beyond the one that the last delivered signal stood for.
    public private(set) var overrun: UInt64 = 0
    /// Its signal waits for delivery; expirations meanwhile only count.
    private var isPending = false
    private var missedWhilePending: UInt64 = 0
    /// What timer_create(2) returned: part of the signal.
    public var id: Int32 = 0

    /// The shortest interval: a workload's storm of expirations must not keep the timer thread from others.
    private static let minimumInterval: UInt64 = 20_000

    public init(_ process: ThreadGroup, _ notification: Notification) {
        self.process = process
        self.notification = notification
    }

    /// Time to the next expiration and the interval, ns; (0, …) when disarmed.
    public var setting: (remaining: UInt64, interval: UInt64) {
        guard let deadline else { return (0, interval) }
        let now = process.kernel.monotonicNow
        // An expiration that is due but not served yet shows as the shortest time, never as disarmed.
        return (deadline > now ? deadline - now : 1000, interval)
    }

    /// Arms for `deadline` (CLOCK_MONOTONIC ns), then every `interval`; nil disarms.
    public func set(_ deadline: UInt64?, interval: UInt64) {
        disarm()
        self.interval = interval == 0 ? 0 : max(interval, IntervalTimer.minimumInterval)
        guard let deadline else { return }
        self.deadline = deadline
        schedule(deadline)
    }

    public func disarm() {
        if let timer { process.kernel.timers.cancel(timer) }
        timer = nil
        deadline = nil
        overrun = 0
    }

    private func schedule(_ deadline: UInt64) {
        timer = process.kernel.timers.schedule(at: deadline) { [weak self] in self?.expired() }
    }

    private func expired() {
        guard let last = deadline, !process.isZombie else { return }
        var missed: UInt64 = 0
        if interval > 0 {
            let now = process.kernel.monotonicNow
            missed = now > last ? (now - last) / interval : 0
            let (next, overflow) = last.addingReportingOverflow((missed + 1) &* interval)
            deadline = overflow ? nil : next
            if let deadline { schedule(deadline) }
        } else {
            deadline = nil
        }
        if isPending {
            missedWhilePending += missed + 1
        } else {
            missedWhilePending = missed
            notify()
        }
    }

    private func notify() {
        switch notification {
        case .none: break
        case .process(var info):
            claim(&info)
            try? process.send(info)
        case .thread(let tid, var info):
            claim(&info)
            try? process.kernel.tasks[tid]?.send(info)
        }
    }

    /// POSIX timers' signals carry id and overrun; ITIMER_REAL's does not.
    private func claim(_ info: inout SignalInfo) {
        if info.code != IntervalTimer.SI_TIMER { return }
        let discarded = process.actions.discards(info.signal)
        isPending = !discarded
        if !discarded { info.timer = self }
    }

    private static let SI_TIMER: Int32 = -2

    /// The signal leaves the queue: si_timerid and si_overrun get their values (sigaction(2)).
    func completeDelivery(of info: inout SignalInfo) {
        isPending = false
        overrun = min(missedWhilePending, UInt64(Int32.max))
        missedWhilePending = 0
        info.fields.0 = UInt64(UInt32(bitPattern: id)) | overrun << 32
        info.timer = nil
    }
}

extension ThreadGroup {
    /// ITIMER_REAL; made on first use.
    public var realTimer: IntervalTimer {
        if let storedRealTimer { return storedRealTimer }
        let timer = IntervalTimer(self, .process(SignalInfo(signal: Signal.SIGALRM, code: 0x80)))
        storedRealTimer = timer
        return timer
    }

    /// Most timers of one process (RLIMIT_SIGPENDING bounds them on Linux).
    static let maximumTimers = 1024

    /// Adds a timer; its id.
    ///
    /// - Throws: `EAGAIN` past the bound.
    public func addTimer(_ timer: IntervalTimer) throws(Errno) -> Int32 {
        guard timers.count < ThreadGroup.maximumTimers else { throw .EAGAIN }
        var id: Int32 = 0
        while timers[id] != nil { id += 1 }
        timer.id = id
        timers[id] = timer
        return id
    }

    /// Ends all timers: exit, and those of timer_create at exec.
    func disarmTimers(keepingReal: Bool) {
        for timer in timers.values { timer.disarm() }
        timers = [:]
        if !keepingReal { storedRealTimer?.disarm() }
    }
}
