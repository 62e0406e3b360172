import HostSyscalls
import LinuxABI
import Platform

// A thread that does not answer a kick hides from its signals: only a hostile one does (it can forge the host mask in its own
// frame). It is found out by processor time, never by the clock on the wall, so that a starved machine kills nobody.

extension Kernel {
    /// Processor time that a process may use before one of its threads answers a kick, ns.
    private static let kickBudget: UInt64 = 100_000_000
    /// How often unanswered kicks are looked at, ns.
    private static let watchInterval: UInt64 = 200_000_000

    /// Notes that `task` was kicked; looked at later, and only if it has still not answered.
    func watchKick(_ task: Task) {
        if task.isWatched { return }
        task.isWatched = true
        watchedKicks.append((task, nil))
        if watchedKicks.count == 1 { scheduleWatch() }
    }

    private func scheduleWatch() {
        timers.schedule(at: monotonicNow + Kernel.watchInterval) { [unowned self] in lookAtKicks() }
    }

    private func lookAtKicks() {
        let watched = watchedKicks
        watchedKicks = []
        for (task, usedBefore) in watched {
            guard !task.isDead, let thread = task.thread, thread.isKickUnanswered, !task.process.isStopped else {
                task.isWatched = false
                continue
            }
            let used = task.process.processorTime
            if let usedBefore, used > usedBefore + Kernel.kickBudget {
                task.isWatched = false
                log("process \(task.process.pid) killed: a thread does not answer")
                task.process.exitGroup(status: Signal.SIGKILL)
            } else {
                watchedKicks.append((task, usedBefore ?? used))
            }
        }
        if !watchedKicks.isEmpty { scheduleWatch() }
    }
}

extension Task {
    /// Makes the thread look at its signals; it is watched until it does.
    func kick() {
        guard let thread else { return }
        thread.kick()
        if thread.isKickUnanswered { kernel.watchKick(self) }
    }
}
