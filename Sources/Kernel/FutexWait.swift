import LinuxABI
import Platform

// Futex waits with a timeout: made natively by the thread's stub, in the workload's context, to an absolute deadline
// (design, section 7). Waits without one, wakes and requeues never come here: the filter lets them pass.

extension Task {
    /// FUTEX_WAIT and FUTEX_WAIT_BITSET with a timeout.
    ///
    /// - Parameter deadline: absolute, on CLOCK_MONOTONIC unless `arguments.a1` has FUTEX_CLOCK_REALTIME.
    public func waitForFutex(_ arguments: SyscallArguments, deadline: Timespec, isRelative: Bool) -> Outcome {
        guard let thread else { preconditionFailure("a call without a thread") }
        if hasDeliverableSignal {
            // Linux checks the word first; a pending signal would end the wait at once.
            return .value(Errno.EINTR.result)
        }
        futexWait = (arguments, deadline, isRelative)
        thread.timedFutexWait(arguments, deadline: deadline)
        return .delegated
    }

    /// The native wait is over: woken, timed out, or interrupted by a kick.
    func futexWaitEnded(_ result: Int64) {
        guard let wait = futexWait else { return complete(result) }
        let isInterrupted = result == Errno.EINTR.result || result == -512 || result == -516
        if isInterrupted && !hasDeliverableSignal && !process.isStopped {
            thread?.timedFutexWait(wait.arguments, deadline: wait.deadline)
            return
        }
        futexWait = nil
        complete(isInterrupted ? Errno.EINTR.result : result)
    }
}
