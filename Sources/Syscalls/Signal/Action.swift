import Kernel
import LinuxABI
import Memory
import Platform

/// The only size of a signal set that Linux takes.
private let signalSetSize: UInt64 = 8

/// Implements rt_sigaction(2).
///
/// - Throws: `EINVAL` for a signal out of range, SIGKILL, SIGSTOP, or another set size; `EFAULT`.
func sysRtSigaction(
    _ task: Task, _ signal: Int32, _ new: UserAddress, _ old: UserAddress, _ setSize: UInt64
) throws(Errno) -> Outcome {
    if setSize != signalSetSize { throw .EINVAL }
    guard (1...64).contains(signal) else { throw .EINVAL }
    let previous = task.process.signalAction(signal)
    if !new.isNull {
        var action = try task.memory.copyIn(new, as: SignalAction.self)
        if Signal.unblockable & Signal.bit(signal) != 0 { throw .EINVAL }
        action.mask &= ~Signal.unblockable
        task.process.setSignalAction(signal, action)
    }
    if !old.isNull { try task.memory.copyOut(previous, to: old) }
    return .done
}

/// Implements rt_sigprocmask(2).
///
/// - Throws: `EINVAL` for `how` or the set size; `EFAULT`.
func sysRtSigprocmask(_ task: Task, _ how: Int32, _ new: UserAddress, _ old: UserAddress, _ setSize: UInt64) throws(Errno) -> Outcome {
    if setSize != signalSetSize { throw .EINVAL }
    let previous = task.signalMask
    if !new.isNull {
        let set = try task.memory.copyIn(new, as: UInt64.self)
        switch how {
        case 0: task.setSignalMask(previous | set)
        case 1: task.setSignalMask(previous & ~set)
        case 2: task.setSignalMask(set)
        default: throw .EINVAL
        }
    }
    if !old.isNull { try task.memory.copyOut(previous, to: old) }
    return .done
}

/// Implements rt_sigpending(2).
func sysRtSigpending(_ task: Task, _ set: UserAddress, _ setSize: UInt64) throws(Errno) -> Outcome {
    if setSize > signalSetSize { throw .EINVAL }
    var bytes = task.pendingSet & task.signalMask
    let pending = withUnsafeBytes(of: &bytes) { Array($0.prefix(Int(setSize))) }
    try task.memory.copyOut(pending, to: set)
    return .done
}

/// Implements rt_sigreturn(2): the frame under the stack pointer becomes the context.
func sysRtSigreturn(_ task: Task) throws(Errno) -> Outcome {
    if !task.popSignalFrame() { task.process.exitGroup(status: Signal.SIGSEGV) }
    return .contextReplaced
}

/// `stack_t`: 24 bytes.
private struct StackArgument: BitwiseCopyable {
    var base: UInt64
    var flags: Int32
    var padding: Int32 = 0
    var size: UInt64
}

/// Implements sigaltstack(2).
///
/// - Throws: `EPERM` while on the stack; `EINVAL` for flags; `ENOMEM` if too small; `EFAULT`.
func sysSigaltstack(_ task: Task, _ new: UserAddress, _ old: UserAddress) throws(Errno) -> Outcome {
    let stackPointer = task.stackPointer
    let previous = StackArgument(
        base: task.alternateStack.base, flags: task.stackFlags(stackPointer), size: task.alternateStack.size)
    if !new.isNull {
        let given = try task.memory.copyIn(new, as: StackArgument.self)
        if task.alternateStack.contains(stackPointer) { throw .EPERM }
        let mode = given.flags & ~SignalStack.SS_AUTODISARM
        guard mode == 0 || mode == SignalStack.SS_ONSTACK || mode == SignalStack.SS_DISABLE else { throw .EINVAL }
        var stack = SignalStack()
        if mode != SignalStack.SS_DISABLE {
            if given.size < 2048 { throw .ENOMEM }
            stack.base = given.base
            stack.size = given.size
            stack.autoDisarms = given.flags & SignalStack.SS_AUTODISARM != 0
        }
        task.alternateStack = stack
    }
    if !old.isNull { try task.memory.copyOut(previous, to: old) }
    return .done
}
