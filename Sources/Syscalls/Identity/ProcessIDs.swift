// getpid(2), gettid(2), getppid(2), setpgid(2), setsid(2) and kin.
import Kernel
import LinuxABI

/// Implements getpid(2).
func sysGetpid(_ task: Task) throws(Errno) -> Outcome { .value(Int64(task.process.pid)) }

/// Implements gettid(2).
func sysGettid(_ task: Task) throws(Errno) -> Outcome { .value(Int64(task.tid)) }

/// Implements getppid(2): 0 for a process whose parent is outside the sandbox.
func sysGetppid(_ task: Task) throws(Errno) -> Outcome { .value(Int64(task.process.parent?.pid ?? 0)) }

/// Implements getpgid(2).
///
/// - Throws: `ESRCH`.
func sysGetpgid(_ task: Task, _ pid: Int32) throws(Errno) -> Outcome {
    .value(Int64(try task.kernel.process(pid, orSelf: task).processGroup))
}

/// Implements getpgrp(2).
func sysGetpgrp(_ task: Task) throws(Errno) -> Outcome { .value(Int64(task.process.processGroup)) }

/// Implements getsid(2).
///
/// - Throws: `ESRCH`.
func sysGetsid(_ task: Task, _ pid: Int32) throws(Errno) -> Outcome {
    .value(Int64(try task.kernel.process(pid, orSelf: task).session))
}

/// Implements setpgid(2).
///
/// - Throws: `EINVAL`, `ESRCH`, `EACCES`, `EPERM`: see ``ThreadGroup/setProcessGroup(of:to:)``.
func sysSetpgid(_ task: Task, _ pid: Int32, _ group: Int32) throws(Errno) -> Outcome {
    try task.process.setProcessGroup(of: pid, to: group)
    return .done
}

/// Implements setsid(2).
///
/// - Throws: `EPERM` if the caller leads a process group.
func sysSetsid(_ task: Task) throws(Errno) -> Outcome { .value(Int64(try task.process.startSession())) }

/// Implements personality(2): the persona is kept and reported; none of its flags has an effect.
func sysPersonality(_ task: Task, _ persona: UInt32) throws(Errno) -> Outcome {
    let old = task.attributes.personality
    if persona != UInt32.max { task.attributes.personality = persona }
    return .value(Int64(old))
}
