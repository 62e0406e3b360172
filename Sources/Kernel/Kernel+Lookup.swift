// Finding tasks and processes by the ids that system calls name.
import LinuxABI

extension Kernel {
    /// The live thread `tid`, or `caller` for 0.
    ///
    /// - Throws: `ESRCH`.
    public func task(_ tid: Int32, orSelf caller: Task) throws(Errno) -> Task {
        if tid == 0 { return caller }
        guard let task = tasks[tid] else { throw .ESRCH }
        return task
    }

    /// The process with a thread `pid`, zombies included, or the caller's for 0.
    ///
    /// - Throws: `ESRCH`.
    public func process(_ pid: Int32, orSelf caller: Task) throws(Errno) -> ThreadGroup {
        if pid == 0 { return caller.process }
        guard let process = tasks[pid]?.process ?? processes[pid] else { throw .ESRCH }
        return process
    }
}
