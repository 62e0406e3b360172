import Auth
import LinuxABI
import Platform

// Sending, blocking, taking and delivering signals (signal(7)).

extension Task {
    /// Signals that are neither blocked nor only noted.
    var deliverable: UInt64 { (pending.set | process.sharedPending.set) & ~signalMask }
    var hasDeliverableSignal: Bool { deliverable != 0 }

    public var pendingSet: UInt64 { pending.set | process.sharedPending.set }

    /// Replaces the mask; SIGKILL and SIGSTOP stay unblocked. What is unblocked is delivered when the call returns.
    public func setSignalMask(_ mask: UInt64) { signalMask = mask & ~Signal.unblockable }

    /// The mask for the duration of this call (ppoll, pselect, epoll_pwait, rt_sigsuspend); the handler that ends it runs with it.
    public func setTemporarySignalMask(_ mask: UInt64) {
        if savedSignalMask == nil { savedSignalMask = signalMask }
        setSignalMask(mask)
    }

    /// Sends a signal to this thread from the kernel itself, as SIGPIPE is.
    public func raiseSignal(_ number: Int32) {
        var info = SignalInfo.sent(number, code: 0, pid: process.pid, uid: credentials.uid)
        info.code = 0
        try? send(info)
    }

    /// Queues a thread-directed signal.
    ///
    /// - Throws: `EAGAIN` if a real-time signal finds the queue full.
    public func send(_ info: SignalInfo) throws(Errno) {
        if isDead || !process.prepare(info) { return }
        let bit = Signal.bit(info.signal)
        if process.actions.discards(info.signal), signalMask & bit == 0, awaitedSignals & bit == 0 { return }
        try pending.add(info, limit: process.pendingSignalLimit)
        process.signalArrivals.wake(.readable)
        notice(info.signal)
    }

    /// Makes the thread look at its signals if it can take `signal`. Whether it can.
    @discardableResult
    func notice(_ signal: Int32) -> Bool {
        if !isDead, awaitedSignals & Signal.bit(signal) != 0 {
            awaitedSignals = 0
            wakeParked()
            return true
        }
        guard !isDead, signalMask & Signal.bit(signal) == 0 else { return false }
        if operation != nil {
            // The call is tried once more before the signal interrupts it: what it waits for may have come with the signal, as a child's
            // end comes with SIGCHLD.
            if !isHeld || signal == Signal.SIGKILL { wakeParked() }
        } else if isHeld {
            if signal == Signal.SIGKILL { returnToGuest() }
        } else if let thread, !thread.isStopped {
            kick()
        }
        return true
    }

    /// A fault: delivered at once; fatal if blocked or ignored (force_sig of Linux).
    func forceSignal(_ info: SignalInfo) {
        let bit = Signal.bit(info.signal)
        if signalMask & bit != 0 || process.actions[info.signal].handler == SignalAction.ignore {
            process.actions[info.signal] = SignalAction()
            signalMask &= ~bit
        }
        pending.remove(bit)
        try? pending.add(info)
    }

    /// The next signal to deliver, of the thread's own and the process's.
    func takeDeliverableSignal() -> SignalInfo? {
        let allowed = deliverable
        if allowed == 0 { return nil }
        if let info = pending.take(allowed) { return info }
        return process.sharedPending.take(allowed)
    }

    /// The next signal that ends a parked call: ignored ones are dropped on the way, stops are carried out.
    func takeInterruptingSignal() -> SignalInfo? {
        while let info = takeDeliverableSignal() {
            let action = process.actions[info.signal]
            if action.handler > SignalAction.ignore { return info }
            if process.actions.discards(info.signal) { continue }
            deliver(info)
            if isDead { return nil }
        }
        return nil
    }

    /// Puts a taken signal back in front: an express call's, delivered after the kick.
    func requeue(_ info: SignalInfo) { try? pending.add(info) }

    /// Takes one of `set` for sigtimedwait.
    public func takeSignal(of set: UInt64) -> SignalInfo? {
        pending.take(set) ?? process.sharedPending.take(set)
    }

    /// Acts on one signal: the handler's frame, or the default action.
    func deliver(_ info: SignalInfo) {
        let action = process.actions[info.signal]
        switch action.handler {
        case SignalAction.ignore: return
        case SignalAction.byDefault: takeDefaultAction(info)
        default:
            let oldMask = savedSignalMask ?? signalMask
            savedSignalMask = nil
            guard let thread, thread.isStopped, pushSignalFrame(thread, info, action, oldMask: oldMask) else {
                kernel.log("process \(process.pid): no stack for signal \(info.signal)")
                process.exitGroup(status: Signal.SIGSEGV)
                return
            }
            if action.flags & SignalAction.SA_RESETHAND != 0 { process.actions[info.signal] = SignalAction() }
            var mask = signalMask | action.mask
            if action.flags & SignalAction.SA_NODEFER == 0 { mask |= Signal.bit(info.signal) }
            setSignalMask(mask)
        }
    }

    private func takeDefaultAction(_ info: SignalInfo) {
        let bit = Signal.bit(info.signal)
        if Signal.ignoredByDefault & bit != 0 { return }
        if Signal.stopping & bit != 0 {
            // An orphaned process group cannot be stopped from its terminal (setpgid(2)); SIGSTOP always stops.
            if info.signal != Signal.SIGSTOP && process.isInOrphanedGroup { return }
            process.stop(info.signal)
            return
        }
        // pid 1 of the sandbox is protected from its own stray signals, as in a pid namespace, but not from faults and SIGKILL.
        if process === kernel.initProcess && info.signal != Signal.SIGKILL && info.code <= 0 && Signal.synchronous & bit == 0
            && !kernel.initTakesDefaultActions
        {
            return
        }
        process.exitGroup(status: info.signal)
    }
}

extension ThreadGroup {
    /// Side effects that a signal has when it is sent: SIGCONT continues, stops and continuations cancel each other.
    /// False if the process takes no signals any more.
    func prepare(_ info: SignalInfo) -> Bool {
        if isZombie || isExiting { return false }
        let bit = Signal.bit(info.signal)
        if info.signal == Signal.SIGCONT || info.signal == Signal.SIGKILL {
            sharedPending.remove(Signal.stopping)
            for task in tasks { task.pending.remove(Signal.stopping) }
            if isStopped { resumeStopped(reports: info.signal == Signal.SIGCONT) }
        } else if Signal.stopping & bit != 0 {
            sharedPending.remove(Signal.bit(Signal.SIGCONT))
            for task in tasks { task.pending.remove(Signal.bit(Signal.SIGCONT)) }
        }
        return true
    }

    /// Queues a process-directed signal; some thread that does not block it takes it.
    ///
    /// - Throws: `EAGAIN` if a real-time signal finds the queue full.
    public func send(_ info: SignalInfo) throws(Errno) {
        guard prepare(info) else { return }
        let bit = Signal.bit(info.signal)
        if actions.discards(info.signal), !tasks.contains(where: { ($0.signalMask | $0.awaitedSignals) & bit != 0 }) { return }
        if info.signal == Signal.SIGKILL {
            exitGroup(status: Signal.SIGKILL)
            return
        }
        try sharedPending.add(info, limit: pendingSignalLimit)
        signalArrivals.wake(.readable)
        if let leader, leader.notice(info.signal) { return }
        for task in tasks where task !== leader && task.notice(info.signal) { return }
    }

    /// Stops every thread (job control).
    func stop(_ signal: Int32) {
        if isStopped || isExiting { return }
        isStopped = true
        unreportedStop = signal
        for task in tasks {
            if task.operation != nil {
                task.isHeld = true
            } else if task.thread?.isStopped == false {
                task.kick()
            }
        }
        notifyParent(code: 5, status: signal)  // CLD_STOPPED
        if self === kernel.initProcess { kernel.initStopped?(signal) }
    }

    private func resumeStopped(reports: Bool) {
        isStopped = false
        unreportedStop = nil
        unreportedContinue = reports
        for task in Array(tasks) where task.isHeld {
            task.isHeld = false
            if task.operation != nil { task.wakeParked() } else { task.returnToGuest() }
        }
        if reports { notifyParent(code: 6, status: Signal.SIGCONT) }  // CLD_CONTINUED
    }

    /// SIGCHLD and a wake for a stop or continuation.
    private func notifyParent(code: Int32, status: Int32) {
        guard let parent else { return }
        parent.childEvents.wake()
        if parent.actions[Signal.SIGCHLD].flags & SignalAction.SA_NOCLDSTOP != 0 { return }
        try? parent.send(.child(Signal.SIGCHLD, code: code, pid: pid, uid: leader?.credentials.uid ?? 0, status: status))
    }

    /// Whether no member of the group has a parent in another group of the same session.
    public var isInOrphanedGroup: Bool {
        if kernel.initStopped != nil, let first = kernel.initProcess, first.processGroup == processGroup { return false }
        for process in kernel.processes.values where process.processGroup == processGroup && !process.isZombie {
            if let parent = process.parent, !parent.isZombie, parent.processGroup != processGroup, parent.session == session {
                return false
            }
        }
        return true
    }

    /// Real-time signals that may wait: RLIMIT_SIGPENDING.
    var pendingSignalLimit: UInt64 { limits.values[ResourceLimits.RLIMIT_SIGPENDING].soft }

    /// At this process's end: groups of its children that have nobody left to continue them, and a stopped member, are hung up
    /// (setpgid(2)).
    func hangUpOrphanedGroups() {
        var groups = Set<Int32>()
        for child in children where child.session == session && child.processGroup != processGroup { groups.insert(child.processGroup) }
        for group in groups {
            let members = kernel.processes.values.filter { $0.processGroup == group && !$0.isZombie }
            guard members.contains(where: { $0.isStopped }), let first = members.first, first.isInOrphanedGroup else { continue }
            for member in members {
                try? member.send(SignalInfo(signal: Signal.SIGHUP, code: 0x80))
                try? member.send(SignalInfo(signal: Signal.SIGCONT, code: 0x80))
            }
        }
    }
}
