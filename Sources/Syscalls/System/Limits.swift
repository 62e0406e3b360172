// getrlimit(2), setrlimit(2), prlimit(2).
import Kernel
import LinuxABI

/// fs.nr_open: nobody may open more.
private let openFileLimit: UInt64 = 1_048_576

/// `struct rlimit64`, which is also x86-64's `struct rlimit`.
private struct GuestLimit: BitwiseCopyable {
    var soft: UInt64
    var hard: UInt64
}

private func limitIndex(_ resource: UInt32) throws(Errno) -> Int {
    guard resource < 16 else { throw .EINVAL }
    return Int(resource)
}

/// Sets one limit of `process`.
///
/// - Throws: `EINVAL` if the soft limit is above the hard one; `EPERM` to raise the hard one without CAP_SYS_RESOURCE, or RLIMIT_NOFILE
///   beyond what the system allows.
private func setLimit(_ task: Task, _ process: ThreadGroup, _ index: Int, _ new: GuestLimit) throws(Errno) {
    guard new.soft <= new.hard else { throw .EINVAL }
    if index == ResourceLimits.RLIMIT_NOFILE, new.hard > openFileLimit { throw .EPERM }
    if new.hard > process.limits.values[index].hard, !task.credentials.has(.CAP_SYS_RESOURCE) { throw .EPERM }
    process.limits.values[index] = ResourceLimits.Limit(soft: new.soft, hard: new.hard)
    if index == ResourceLimits.RLIMIT_CPU { process.watchProcessorLimit() }
}

/// Implements getrlimit(2).
///
/// - Throws: `EINVAL` for no such resource; `EFAULT`.
func sysGetrlimit(_ task: Task, _ resource: UInt32, _ address: UserAddress) throws(Errno) -> Outcome {
    let limit = task.process.limits.values[try limitIndex(resource)]
    try task.memory.copyOut(GuestLimit(soft: limit.soft, hard: limit.hard), to: address)
    return .done
}

/// Implements setrlimit(2).
///
/// - Throws: `EINVAL`, `EPERM`, `EFAULT`: see `setLimit`.
func sysSetrlimit(_ task: Task, _ resource: UInt32, _ address: UserAddress) throws(Errno) -> Outcome {
    let new = try task.memory.copyIn(address, as: GuestLimit.self)
    try setLimit(task, task.process, try limitIndex(resource), new)
    return .done
}

/// Implements prlimit64(2).
///
/// - Throws: `ESRCH`; `EPERM` for a process of other users without CAP_SYS_RESOURCE; else as setrlimit(2).
func sysPrlimit64(
    _ task: Task, _ pid: Int32, _ resource: UInt32, _ newAddress: UserAddress, _ oldAddress: UserAddress
) throws(Errno) -> Outcome {
    let new = newAddress.isNull ? nil : try task.memory.copyIn(newAddress, as: GuestLimit.self)
    let target = try task.kernel.task(pid, orSelf: task)
    try requireSameUsers(task, target)
    let process = target.process
    let index = try limitIndex(resource)
    let old = process.limits.values[index]
    if let new { try setLimit(task, process, index, new) }
    if !oldAddress.isNull { try task.memory.copyOut(GuestLimit(soft: old.soft, hard: old.hard), to: oldAddress) }
    return .done
}

/// check_prlimit_permission: the caller's real ids must be all of the target's.
private func requireSameUsers(_ task: Task, _ target: Task) throws(Errno) {
    if task.process === target.process { return }
    let caller = task.credentials
    let owner = target.credentials
    let isSame =
        caller.uid == owner.uid && caller.uid == owner.euid && caller.uid == owner.suid && caller.gid == owner.gid
        && caller.gid == owner.egid && caller.gid == owner.sgid
    guard isSame || caller.has(.CAP_SYS_RESOURCE) else { throw .EPERM }
}
