// What /proc shows of a task and process beside their public state.

extension Task {
    /// Whether it is parked in a system call.
    public var isWaiting: Bool { operation != nil || futexWait != nil || waitsForVfork }
    /// Signals pending for this thread alone, and for its whole process.
    public var pendingSets: (thread: UInt64, process: UInt64) { (pending.set, process.sharedPending.set) }
}

extension ThreadGroup {
    /// Signals that are ignored on request.
    public var ignoredSignals: UInt64 { signals { $0 == SignalAction.ignore } }
    /// Signals with a handler.
    public var caughtSignals: UInt64 { signals { $0 != SignalAction.ignore && $0 != SignalAction.byDefault } }

    private func signals(_ matches: (UInt64) -> Bool) -> UInt64 {
        var set: UInt64 = 0
        for signal in Int32(1)...64 where matches(actions[signal].handler) { set |= Signal.bit(signal) }
        return set
    }
}
