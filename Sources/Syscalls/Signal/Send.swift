import Auth
import Kernel
import LinuxABI
import Memory

/// Whether `task` may send `signal` to `target` (kill(2)): same user, CAP_KILL, or SIGCONT within the session.
private func mayKill(_ task: Task, _ target: ThreadGroup, _ signal: Int32) -> Bool {
    guard let other = target.leader?.credentials else { return true }
    let own = task.credentials
    if own.has(.CAP_KILL) || own.euid == other.suid || own.euid == other.uid || own.uid == other.suid || own.uid == other.uid {
        return true
    }
    return signal == Signal.SIGCONT && target.session == task.process.session
}

/// Implements kill(2): a process, the own group (0), everything but pid 1 (-1), or a group (-pgid).
///
/// - Throws: `EINVAL` for the signal; `ESRCH`; `EPERM` if none of the targets may be signalled.
func sysKill(_ task: Task, _ pid: Int32, _ signal: Int32) throws(Errno) -> Outcome {
    guard (0...64).contains(signal) else { throw .EINVAL }
    if pid == .min { throw .ESRCH }
    let info = SignalInfo.sent(signal, code: 0, pid: task.process.pid, uid: task.credentials.uid)
    if pid > 0 {
        guard let target = task.kernel.processes[pid] ?? task.kernel.tasks[pid]?.process else { throw .ESRCH }
        if !mayKill(task, target, signal) { throw .EPERM }
        if signal != 0 { try target.send(info) }
        return task.afterSending
    }
    let group = pid == 0 ? task.process.processGroup : -pid
    var targets: [ThreadGroup] = []
    for process in task.kernel.processes.values {
        if pid == -1 ? process !== task.process && process.pid != 1 : process.processGroup == group { targets.append(process) }
    }
    if targets.isEmpty { throw .ESRCH }
    let allowed = targets.filter { mayKill(task, $0, signal) }
    if allowed.isEmpty { throw .EPERM }
    if signal != 0 {
        // The caller last: its own death must not keep the others from theirs.
        for target in allowed where target !== task.process { try target.send(info) }
        if allowed.contains(where: { $0 === task.process }) { try task.process.send(info) }
    }
    return task.afterSending
}

/// Implements tkill(2).
func sysTkill(_ task: Task, _ tid: Int32, _ signal: Int32) throws(Errno) -> Outcome {
    if tid <= 0 { throw .EINVAL }
    return try sendToThread(
        task, group: nil, tid, signal, SignalInfo.sent(signal, code: -6, pid: task.process.pid, uid: task.credentials.uid))
}

/// Implements tgkill(2).
///
/// - Throws: `EINVAL` for ids or the signal; `ESRCH` if the thread is not of that process; `EPERM`; `EAGAIN`.
func sysTgkill(_ task: Task, _ group: Int32, _ tid: Int32, _ signal: Int32) throws(Errno) -> Outcome {
    if group <= 0 || tid <= 0 { throw .EINVAL }
    return try sendToThread(
        task, group: group, tid, signal, SignalInfo.sent(signal, code: -6, pid: task.process.pid, uid: task.credentials.uid))
}

private func sendToThread(_ task: Task, group: Int32?, _ tid: Int32, _ signal: Int32, _ info: SignalInfo) throws(Errno) -> Outcome {
    guard (0...64).contains(signal) else { throw .EINVAL }
    guard let target = task.kernel.tasks[tid], group == nil || target.process.pid == group else { throw .ESRCH }
    if !mayKill(task, target.process, signal) { throw .EPERM }
    if signal == Signal.SIGKILL {
        try target.process.send(info)
    } else if signal != 0 {
        try target.send(info)
    }
    return task.afterSending
}

/// `siginfo_t` from the caller, for rt_sigqueueinfo: positive codes and SI_TKILL are the kernel's own.
private func copyInInfo(_ task: Task, _ signal: Int32, _ address: UserAddress, toSelf: Bool) throws(Errno) -> SignalInfo {
    let bytes = try task.memory.copyIn(address, count: 128)
    return try bytes.withUnsafeBytes { raw -> Result<SignalInfo, Errno> in
        let code = raw.loadUnaligned(fromByteOffset: 8, as: Int32.self)
        if !toSelf && (code >= 0 || code == -6) { return .failure(.EPERM) }
        var info = SignalInfo(signal: signal, code: code)
        info.errno = raw.loadUnaligned(fromByteOffset: 4, as: Int32.self)
        info.fields.0 = raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        info.fields.1 = raw.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        info.fields.2 = raw.loadUnaligned(fromByteOffset: 32, as: UInt64.self)
        info.fields.3 = raw.loadUnaligned(fromByteOffset: 40, as: UInt64.self)
        return .success(info)
    }.get()
}

/// Implements rt_sigqueueinfo(2).
func sysRtSigqueueinfo(_ task: Task, _ pid: Int32, _ signal: Int32, _ information: UserAddress) throws(Errno) -> Outcome {
    let info = try copyInInfo(task, signal, information, toSelf: pid == task.process.pid)
    guard (0...64).contains(signal) else { throw .EINVAL }
    guard pid > 0, let target = task.kernel.processes[pid] else { throw .ESRCH }
    if !mayKill(task, target, signal) { throw .EPERM }
    if signal != 0 { try target.send(info) }
    return task.afterSending
}

/// Implements rt_tgsigqueueinfo(2).
func sysRtTgsigqueueinfo(
    _ task: Task, _ group: Int32, _ tid: Int32, _ signal: Int32, _ information: UserAddress
) throws(Errno) -> Outcome {
    if group <= 0 || tid <= 0 { throw .EINVAL }
    let info = try copyInInfo(task, signal, information, toSelf: group == task.process.pid)
    return try sendToThread(task, group: group, tid, signal, info)
}
