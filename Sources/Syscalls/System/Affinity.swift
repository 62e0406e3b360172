// sched_getaffinity(2), sched_setaffinity(2): real processors, by real pinning.
import HostSyscalls
import Kernel
import LinuxABI

/// The processors that the host gives the sandbox: what the sentry itself may run on.
private func hostMask() throws(Errno) -> [UInt8] {
    do throws(HostErrno) { return try HostSystem.affinity() } catch { throw error.guestErrno }
}

/// The mask as far as `target` may use it.
private func effectiveMask(_ target: Task) throws(Errno) -> [UInt8] {
    let host = try hostMask()
    guard let chosen = target.attributes.affinity else { return host }
    let both = zip(host, chosen).map { $0 & $1 }
    // The host took the chosen processors away: Linux then falls back to all.
    return both.contains { $0 != 0 } ? both + [UInt8](repeating: 0, count: host.count - both.count) : host
}

/// Implements sched_getaffinity(2): the result is the mask's length in bytes.
///
/// - Throws: `EINVAL` if `size` is no multiple of 8 or too small for the host's processors; `ESRCH`; `EFAULT`.
func sysSchedGetaffinity(_ task: Task, _ pid: Int32, _ size: UInt32, _ address: UserAddress) throws(Errno) -> Outcome {
    let target = try task.kernel.task(pid, orSelf: task)
    let mask = try effectiveMask(target)
    guard size % 8 == 0 else { throw .EINVAL }
    let used = (mask.lastIndex { $0 != 0 } ?? 0) + 1
    guard Int(size) >= used else { throw .EINVAL }
    let count = min(Int(size), mask.count)
    try task.memory.copyOut(Array(mask[..<count]), to: address)
    return .value(Int64(count))
}

/// Implements sched_setaffinity(2).
///
/// - Throws: `EINVAL` if the mask names none of the sandbox's processors; `EPERM` for another user's thread; `ESRCH`; `EFAULT`.
func sysSchedSetaffinity(_ task: Task, _ pid: Int32, _ size: UInt32, _ address: UserAddress) throws(Errno) -> Outcome {
    let host = try hostMask()
    let given = size == 0 ? [] : try task.memory.copyIn(address, count: min(Int(size), host.count))
    let target = try task.kernel.task(pid, orSelf: task)
    let caller = task.credentials
    guard caller.euid == target.credentials.euid || caller.euid == target.credentials.uid || caller.has(.CAP_SYS_NICE) else { throw .EPERM }
    let mask = zip(host, given).map { $0 & $1 }
    guard mask.contains(where: { $0 != 0 }) else { throw .EINVAL }
    target.attributes.affinity = mask
    target.applyAffinity()
    return .done
}
