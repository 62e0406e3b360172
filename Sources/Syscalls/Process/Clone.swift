import Kernel
import LinuxABI
import Memory

/// Implements fork(2).
func sysFork(_ task: Task) throws(Errno) -> Outcome { try task.clone(CloneRequest(flags: [], exitSignal: Signal.SIGCHLD)) }

/// Implements vfork(2).
func sysVfork(_ task: Task) throws(Errno) -> Outcome {
    try task.clone(CloneRequest(flags: [.CLONE_VM, .CLONE_VFORK], exitSignal: Signal.SIGCHLD))
}

/// Implements clone(2), in x86-64's order of arguments. The low byte of `flags` is the signal at the child's end.
///
/// - Throws: `EINVAL` for combinations of flags that are refused; `EAGAIN` at a limit; `EPERM`.
func sysClone(
    _ task: Task, _ flags: UInt64, _ stack: UserAddress, _ parentTID: UserAddress, _ childTID: UserAddress, _ tls: UserAddress
) throws(Errno) -> Outcome {
    // CLONE_PIDFD shares its argument with CLONE_PARENT_SETTID here.
    var request = CloneRequest(flags: CloneFlags(rawValue: flags & 0xffff_ff00), exitSignal: Int32(flags & 0xff))
    request.stackPointer = stack.rawValue
    request.parentTID = parentTID
    request.childTID = childTID
    request.tls = tls.rawValue
    return try task.clone(request)
}

/// `struct clone_args`, version 2.
private struct CloneArguments: BitwiseCopyable {
    var flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup: UInt64
}

/// Implements clone3(2).
///
/// - Throws: `EINVAL` for sizes below version 0 and for what is refused; `E2BIG` for a longer structure with more than zeros; `EFAULT`.
func sysClone3(_ task: Task, _ arguments: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    if size > 4096 { throw .E2BIG }
    if size < 64 { throw .EINVAL }
    var bytes = try task.memory.copyIn(arguments, count: Int(size))
    let known = MemoryLayout<CloneArguments>.size
    if bytes.count > known {
        if bytes[known...].contains(where: { $0 != 0 }) { throw .E2BIG }
    } else {
        bytes.append(contentsOf: [UInt8](repeating: 0, count: known - bytes.count))
    }
    let given = bytes.withUnsafeBytes { $0.loadUnaligned(as: CloneArguments.self) }
    let flags = CloneFlags(rawValue: given.flags)
    if given.exitSignal > 64 || given.flags & 0xff != 0 || flags.contains(.CLONE_DETACHED) { throw .EINVAL }
    if !flags.isDisjoint(with: [.CLONE_THREAD, .CLONE_PARENT]) && given.exitSignal != 0 { throw .EINVAL }
    if (given.stack == 0) != (given.stackSize == 0) { throw .EINVAL }
    // set_tid needs a capability over the pid namespace that no container has.
    if given.setTIDSize != 0 { throw given.setTIDSize > 32 || given.setTID == 0 ? .EINVAL : .EPERM }
    var request = CloneRequest(flags: flags, exitSignal: Int32(given.exitSignal))
    if given.stack != 0 {
        let (top, overflow) = given.stack.addingReportingOverflow(given.stackSize)
        if overflow { throw .EINVAL }
        request.stackPointer = top
    }
    request.parentTID = UserAddress(given.parentTID)
    request.childTID = UserAddress(given.childTID)
    request.tls = given.tls
    return try task.clone(request)
}
