// The processor time of a process, and RLIMIT_CPU.
import HostSyscalls
import LinuxABI
import Platform

extension ThreadGroup {
    /// Processor time so far, ns: that of the host process behind it and of those that earlier programs had. User and system time are
    /// not told apart: the host does so only for the process itself.
    public var processorTime: UInt64 {
        guard let host = tasks.first(where: { $0.thread != nil })?.thread?.process.hostID, host > 0 else { return earlierProcessorTime }
        guard let time = try? HostSystem.clock(HostSystem.processClock(host)) else { return earlierProcessorTime }
        return earlierProcessorTime &+ time.totalNanoseconds
    }

    /// Keeps the time of a host process that is about to go (exec, exit).
    func keepProcessorTime() { earlierProcessorTime = processorTime }

    /// Watches RLIMIT_CPU: after a change of the limit, and in a new process. What it leads to happens later, on the timers' thread: an
    /// express call of the process itself must not end in its own signal.
    public func watchProcessorLimit() {
        ignoreProcessorLimit()
        let limit = limits.values[ResourceLimits.RLIMIT_CPU]
        if limit.soft == ResourceLimits.infinity && limit.hard == ResourceLimits.infinity { return }
        processorTimer = kernel.timers.schedule(at: kernel.monotonicNow) { [weak self] in self?.checkProcessorLimit() }
    }

    /// Stops watching: the process ends.
    func ignoreProcessorLimit() {
        if let processorTimer { kernel.timers.cancel(processorTimer) }
        processorTimer = nil
    }

    private func checkProcessorLimit() {
        processorTimer = nil
        if isZombie || isExiting { return }
        let limit = limits.values[ResourceLimits.RLIMIT_CPU]
        let used = processorTime
        if used >= nanoseconds(limit.hard) {
            exitGroup(status: Signal.SIGKILL)
            return
        }
        if used >= nanoseconds(limit.soft) {
            // As Linux does: the next one a second later.
            limits.values[ResourceLimits.RLIMIT_CPU].soft = limit.soft &+ 1
            try? send(SignalInfo(signal: Signal.SIGXCPU, code: 0x80))
            if isZombie || isExiting { return }
        }
        let next = min(nanoseconds(limits.values[ResourceLimits.RLIMIT_CPU].soft), nanoseconds(limit.hard))
        // All threads together can use it up that much sooner.
        let wait = max(1_000_000, (next > used ? next - used : 0) / UInt64(max(1, tasks.count)))
        let (deadline, overflow) = kernel.monotonicNow.addingReportingOverflow(wait)
        if overflow { return }
        processorTimer = kernel.timers.schedule(at: deadline) { [weak self] in self?.checkProcessorLimit() }
    }

    private func nanoseconds(_ seconds: UInt64) -> UInt64 {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product
    }
}
