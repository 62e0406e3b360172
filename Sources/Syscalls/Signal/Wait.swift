import Kernel
import LinuxABI
import Memory
import Primitives

/// A wait that only a signal's handler ends: pause(2), rt_sigsuspend(2).
private final class SignalWait: BlockingOperation {
    override var interruption: InterruptBehavior { .onlyWithoutHandler }

    override func attempt(_ task: Task) throws(Errno) -> Int64? { nil }
}

/// Implements pause(2).
func sysPause(_ task: Task) throws(Errno) -> Outcome { .park(SignalWait()) }

/// Implements rt_sigsuspend(2).
///
/// - Throws: `EINVAL` for the set size; `EFAULT`.
func sysRtSigsuspend(_ task: Task, _ set: UserAddress, _ setSize: UInt64) throws(Errno) -> Outcome {
    if setSize != 8 { throw .EINVAL }
    task.setTemporarySignalMask(try task.memory.copyIn(set, as: UInt64.self))
    return .park(SignalWait())
}

/// A wait for one of a set of signals, taken without its handler.
private final class SignalTake: BlockingOperation {
    private let set: UInt64
    private let information: UserAddress
    private let oldMask: UInt64

    init(_ set: UInt64, information: UserAddress, oldMask: UInt64) {
        self.set = set
        self.information = information
        self.oldMask = oldMask
    }

    override var interruption: InterruptBehavior { .never }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        guard let info = task.takeSignal(of: set) else { return nil }
        task.setSignalMask(oldMask)
        if !information.isNull { try task.memory.copyOut(info.bytes, to: information) }
        return Int64(info.signal)
    }

    override func register(_ task: Task) { task.awaitedSignals = set }

    override func timedOut(_ task: Task) throws(Errno) -> Int64 {
        task.setSignalMask(oldMask)
        task.awaitedSignals = 0
        throw .EAGAIN
    }

    override func interrupted(_ task: Task) -> Int64? {
        task.setSignalMask(oldMask)
        task.awaitedSignals = 0
        return Errno.EINTR.result
    }
}

/// Implements rt_sigtimedwait(2).
///
/// - Throws: `EAGAIN` at the timeout; `EINTR`; `EINVAL`; `EFAULT`.
func sysRtSigtimedwait(
    _ task: Task, _ set: UserAddress, _ information: UserAddress, _ timeout: UserAddress, _ setSize: UInt64
) throws(Errno) -> Outcome {
    if setSize != 8 { throw .EINVAL }
    let wanted = try task.memory.copyIn(set, as: UInt64.self) & ~Signal.unblockable
    let operation = SignalTake(wanted, information: information, oldMask: task.signalMask)
    if !timeout.isNull {
        let time = try task.memory.copyIn(timeout, as: Timespec.self)
        guard time.isValid else { throw .EINVAL }
        let (sum, overflow) = task.kernel.monotonicNow.addingReportingOverflow(time.totalNanoseconds)
        operation.deadline = overflow ? nil : sum
    }
    return .park(operation)
}
