// set_robust_list(2), get_robust_list(2).
import Kernel
import LinuxABI

/// sizeof(struct robust_list_head).
private let headSize: UInt64 = 24

/// Implements set_robust_list(2).
///
/// - Throws: `EINVAL` for another size.
func sysSetRobustList(_ task: Task, _ head: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    guard size == headSize else { throw .EINVAL }
    task.robustList = (head, size)
    return .done
}

/// Implements get_robust_list(2).
///
/// - Throws: `ESRCH`; `EPERM` for another user's thread without CAP_SYS_PTRACE; `EFAULT`.
func sysGetRobustList(_ task: Task, _ pid: Int32, _ head: UserAddress, _ size: UserAddress) throws(Errno) -> Outcome {
    let target = try task.kernel.task(pid, orSelf: task)
    guard target.process === task.process || target.credentials.uid == task.credentials.uid || task.credentials.has(.CAP_SYS_PTRACE)
    else { throw .EPERM }
    try task.memory.copyOut(headSize, to: size)
    try task.memory.copyOut(target.robustList.head.rawValue, to: head)
    return .done
}
