// Process groups and sessions (credentials(7)).
import LinuxABI

extension ThreadGroup {
    /// Whether it made its session: its pid is the session's id.
    public var isSessionLeader: Bool { session == pid }

    /// Moves the process `target` into group `group`: setpgid(2), called by this process. 0 stands for the caller, and for the target's own pid.
    ///
    /// - Throws: `EINVAL` for a negative group; `ESRCH` if the target is neither the caller nor its child; `EACCES` for a child that has
    ///   execed; `EPERM` across sessions, for a session leader, or into a group that the session does not have.
    public func setProcessGroup(of target: Int32, to group: Int32) throws(Errno) {
        let target = target == 0 ? pid : target
        let group = group == 0 ? target : group
        guard group >= 0 else { throw .EINVAL }
        guard let process = kernel.processes[target] else { throw .ESRCH }
        if process !== self {
            guard process.parent === self else { throw .ESRCH }
            guard process.session == session else { throw .EPERM }
            guard !process.hasExeced else { throw .EACCES }
        }
        guard !process.isSessionLeader else { throw .EPERM }
        if group != target {
            guard kernel.processes.values.contains(where: { $0.processGroup == group && $0.session == session }) else { throw .EPERM }
        }
        process.processGroup = group
    }

    /// Makes the process the leader of a session and a group of its own: setsid(2). The new session has no controlling terminal.
    ///
    /// - Throws: `EPERM` if a group has the process's pid.
    public func startSession() throws(Errno) -> Int32 {
        if kernel.processes.values.contains(where: { $0.processGroup == pid }) { throw .EPERM }
        session = pid
        processGroup = pid
        return pid
    }
}
