// What prctl(2), personality(2) and the scheduling calls keep for a thread.
import HostSyscalls

/// Settings of one thread that a child inherits, but for what ``forChild()`` resets. Guarded by the kernel lock.
public struct TaskAttributes {
    /// -20 to 19. Kept for getpriority(2); the host's scheduler is not told.
    public var niceness: Int32 = 0
    /// SCHED_OTHER 0, SCHED_BATCH 3 or SCHED_IDLE 5; the host's scheduler is not told.
    public var schedulingPolicy: Int32 = 0
    public var resetsSchedulingOnFork = false
    public var ioPriority: Int32 = 0
    /// The processors chosen by sched_setaffinity(2), a bit mask; nil: all.
    public var affinity: [UInt8]?
    /// personality(2): kept, without effect.
    public var personality: UInt32 = 0
    /// PR_SET_PDEATHSIG; 0 for none.
    public var parentDeathSignal: Int32 = 0
    /// PR_SET_KEEPCAPS; exec clears it.
    public var keepsCapabilities = false
    /// PR_SET_TIMERSLACK, ns: kept, without effect.
    public var timerSlack: UInt64 = 50_000
    /// PR_SET_DUMPABLE.
    public var isDumpable = true

    public init() {}

    /// What a child begins with.
    public func forChild() -> TaskAttributes {
        var child = self
        child.parentDeathSignal = 0
        if resetsSchedulingOnFork {
            child.resetsSchedulingOnFork = false
            child.schedulingPolicy = 0
            child.niceness = max(0, niceness)
        }
        return child
    }

    /// execve(2): what a program does not hand on to the next.
    public mutating func resetForExec() {
        keepsCapabilities = false
        isDumpable = true
    }
}

extension Task {
    /// Binds the thread's body to the processors it chose; a body's children inherit that, a new body (exec) needs it again.
    public func applyAffinity() {
        guard let mask = attributes.affinity, let thread, thread.hostThreadID > 0 else { return }
        do throws(HostErrno) { try HostSystem.setAffinity(of: thread.hostThreadID, to: mask) } catch {
            log("sched_setaffinity on the host: \(error)")
        }
    }

    private func log(_ message: String) { kernel.log("thread \(tid): \(message)") }
}
