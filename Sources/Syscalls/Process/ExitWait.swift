import Kernel
import LinuxABI
import Memory

/// Implements exit(2): this thread only.
func sysExit(_ task: Task, _ status: Int32) throws(Errno) -> Outcome {
    task.exitThread(status: status) ? .native : .delegated
}

/// Implements exit_group(2).
func sysExitGroup(_ task: Task, _ status: Int32) throws(Errno) -> Outcome {
    task.process.exitGroup(status: (status & 0xff) << 8)
    return .delegated
}

/// Implements wait4(2).
///
/// - Throws: `ECHILD` if there is nothing to wait for; `EINVAL` for unknown options; `ESRCH` for pid INT_MIN; `EFAULT`.
func sysWait4(
    _ task: Task, _ pid: Int32, _ status: UserAddress, _ options: Int32, _ usage: UserAddress
) throws(Errno) -> Outcome {
    let given = WaitOptions(rawValue: UInt32(bitPattern: options))
    let known: WaitOptions = [.WNOHANG, .WSTOPPED, .WCONTINUED, .__WNOTHREAD, .__WALL, .__WCLONE]
    if !given.isSubset(of: known) { throw .EINVAL }
    if pid == .min { throw .ESRCH }
    let target: WaitTarget =
        pid == -1 ? .any : pid == 0 ? .group(task.process.processGroup) : pid < 0 ? .group(-pid) : .process(pid)
    return .park(
        WaitOperation(target, given.union(.WEXITED)) { task, result throws(Errno) in
            guard let result else { return 0 }
            if !status.isNull { try task.memory.copyOut(result.status, to: status) }
            if !usage.isNull { try task.memory.copyOut(resourceUsage(result), to: usage) }
            return Int64(result.pid)
        })
}

/// Implements waitid(2) and its raw form with resource usage.
///
/// - Throws: `ECHILD`, `EINVAL`, `EFAULT`.
func sysWaitid(
    _ task: Task, _ kind: Int32, _ id: Int32, _ information: UserAddress, _ options: Int32, _ usage: UserAddress
) throws(Errno) -> Outcome {
    let given = WaitOptions(rawValue: UInt32(bitPattern: options))
    let states: WaitOptions = [.WEXITED, .WSTOPPED, .WCONTINUED]
    let known: WaitOptions = [.WNOHANG, .WNOWAIT, .__WNOTHREAD, .__WALL, .__WCLONE]
    if !given.isSubset(of: known.union(states)) || given.isDisjoint(with: states) { throw .EINVAL }
    let target: WaitTarget
    switch kind {
    case 0: target = .any
    case 1:
        if id <= 0 { throw .EINVAL }
        target = .process(id)
    case 2:
        if id < 0 { throw .EINVAL }
        target = .group(id == 0 ? task.process.processGroup : id)
    default: throw .EINVAL
    }
    return .park(
        WaitOperation(target, given) { task, result throws(Errno) in
            if !information.isNull {
                var bytes = [UInt8](repeating: 0, count: 128)
                if let result {
                    let status =
                        result.code == 1
                        ? result.status >> 8 & 0xff
                        : result.code == 6
                            ? Signal.SIGCONT
                            : result.code == 5 ? result.status >> 8 & 0xff : result.status & 0x7f
                    bytes = SignalInfo.child(Signal.SIGCHLD, code: result.code, pid: result.pid, uid: result.uid, status: status).bytes
                }
                try task.memory.copyOut(bytes, to: information)
            }
            if let result, !usage.isNull { try task.memory.copyOut(resourceUsage(result), to: usage) }
            return 0
        })
}

/// `struct rusage` of a reaped child: the times; the rest is not counted yet and reads 0, as Linux leaves what it does not maintain.
private func resourceUsage(_ result: WaitResult) -> [UInt8] {
    var bytes: [UInt8] = []
    func put(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    put(result.userTime / 1_000_000_000)
    put(result.userTime % 1_000_000_000 / 1000)
    put(result.systemTime / 1_000_000_000)
    put(result.systemTime % 1_000_000_000 / 1000)
    for _ in 0..<14 { put(0) }
    return bytes
}
