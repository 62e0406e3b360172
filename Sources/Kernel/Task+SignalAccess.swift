import LinuxABI

// What the signal handlers of the Syscalls module need of a task.

extension Task {
    /// The stack pointer of the trapped call.
    public var stackPointer: UInt64 { thread?.isStopped == true ? thread?.registers().rsp ?? 0 : 0 }

    /// What a call that sends a signal returns: the sender may have killed itself.
    public var afterSending: Outcome { isDead ? .delegated : .value(0) }
}

extension ThreadGroup {
    public func signalAction(_ signal: Int32) -> SignalAction { actions[signal] }

    /// Replaces an action; a pending signal that is ignored from now on is dropped.
    public func setSignalAction(_ signal: Int32, _ action: SignalAction) {
        actions[signal] = action
        guard actions.discards(signal) else { return }
        sharedPending.remove(Signal.bit(signal))
        for task in tasks { task.pending.remove(Signal.bit(signal)) }
    }
}
