import LinuxABI

/// How system calls, faults and registers of guest threads reach the kernel, and how they go on (design, section 4).
///
/// All methods, and all of ``PlatformDelegate``, run with the kernel lock held.
public protocol Platform: AnyObject {
    /// The address of the vDSO that every guest process has, or 0.
    var vdsoAddress: UInt64 { get }
    /// The least size of a signal stack (AT_MINSIGSTKSZ).
    var minimumSignalStack: UInt64 { get }
    /// Hands an empty process to `body`, now or when one is ready. Its thread is stopped; the image is mapped by orders.
    func takeBlank(_ body: @escaping (any PlatformProcess, PlatformThread) -> Void)
}

/// One host process: an address space, or a vfork child that shares one.
public protocol PlatformProcess: AnyObject {
    /// The host's process id as the sentry sees it: what memory copies name.
    var hostID: Int32 { get }
    /// Ends it at once; ``PlatformDelegate/processEnded(_:status:)`` follows.
    func kill()
}

/// What a new thread or process shares with the one that makes it.
public enum CloneKind {
    /// A thread of the same process.
    case thread
    /// A process with a copy of the address space.
    case fork
    /// A process in the same address space.
    case vfork
}

/// How the platform answers a call that came straight from the workload's site, without registers.
public enum ExpressAnswer {
    case value(Int64)
    /// The host runs the very call.
    case native
    /// ``PlatformThread/answerExpress(_:)`` follows later: a gofer is being asked.
    case later
}

/// One guest thread's body on the host. It is *running* (in guest code), or *stopped* (in the stub, its registers to read and change).
open class PlatformThread {
    /// The kernel's task.
    /// Weak: the host thread may outlive what it was the body of, and go on making calls until it is dead.
    public final weak var owner: AnyObject?

    public init() {}

    /// The host thread id as the sentry sees it; 0 until it has announced itself.
    open var hostThreadID: Int32 { 0 }
    open var process: any PlatformProcess { preconditionFailure("abstract") }
    /// Whether it is stopped: its registers can be read.
    open var isStopped: Bool { false }

    // While stopped.

    /// The registers: one copy of what may be forged by the workload.
    open func registers() -> GuestRegisters { preconditionFailure("abstract") }
    /// Replaces all general registers; flags are sanitised.
    open func setRegisters(_ registers: GuestRegisters) {}
    open func setResult(_ rax: UInt64) {}
    /// The floating-point state as the host saved it (XSAVE area with its software-reserved bytes); empty if there is none.
    open func floatingPointState() -> [UInt8] { [] }
    /// Replaces the floating-point state; empty gives the initial one.
    open func setFloatingPointState(_ state: [UInt8]) {}

    /// Goes on in guest code.
    open func resume() {}
    /// Waits, without cost, until ``resume()`` or ``run(_:resume:)``, or to the deadline (CLOCK_MONOTONIC ns), when the delegate hears of it.
    open func sleep(until deadline: UInt64?) {}
    /// Makes these host calls, in order; then resumes, or reports ``PlatformDelegate/ordersDone(_:)``.
    open func run(_ orders: [HostOrder], resume: Bool) {}
    /// Makes a new host thread or process that continues from this one's registers with rax 0, `stackPointer` if not nil.
    /// The child announces itself with ``PlatformDelegate/threadStarted(_:)``; this one resumes or, with `sleeps`, stays stopped until resumed.
    open func clone(
        _ child: PlatformThread, kind: CloneKind, stackPointer: UInt64?, clearTID: UInt64, tls: UInt64?, sleeps: Bool
    ) {}
    /// An unborn thread for ``clone(_:kind:stackPointer:clearTID:tls:sleeps:)``; nil if the platform has no room.
    open func makeChild(kind: CloneKind) -> PlatformThread? { nil }
    /// Waits natively on a futex word with an absolute timeout, in guest context; the delegate hears the result.
    open func timedFutexWait(_ arguments: SyscallArguments, deadline: Timespec) {}

    // While running.

    /// Makes a running thread enter the stub soon: the delegate hears ``PlatformDelegate/kicked(_:)``. Nothing if it is stopped.
    open func kick() {}
    /// A kick was sent and the thread has not entered the stub since.
    open var isKickUnanswered: Bool { false }
    /// The late answer to an express call.
    open func answerExpress(_ result: Int64) {}
    /// The late answer that the host may run the call.
    open func answerExpressNatively() {}
}

/// What the platform tells the kernel. After each the thread is stopped unless said otherwise.
public protocol PlatformDelegate: AnyObject {
    /// A call that needs no registers; the thread is *running* and waits for the answer.
    func expressCall(_ thread: PlatformThread, _ number: UInt64, _ arguments: SyscallArguments) -> ExpressAnswer
    func trappedCall(_ thread: PlatformThread, _ number: UInt64, _ arguments: SyscallArguments)
    func faulted(_ thread: PlatformThread, _ fault: GuestFault)
    func kicked(_ thread: PlatformThread)
    func deadlinePassed(_ thread: PlatformThread)
    func ordersDone(_ thread: PlatformThread)
    func ordersFailed(_ thread: PlatformThread, index: Int, error: Errno)
    /// A native timed futex wait ended; registers are those of the call again.
    func timedWaitEnded(_ thread: PlatformThread, result: Int64)
    /// A new thread has announced itself and is about to run guest code.
    func threadStarted(_ thread: PlatformThread)
    /// An unborn thread will never start: its maker died first.
    func neverStarted(_ thread: PlatformThread)
    /// The thread did what only a hostile one does; its process is being killed.
    func violated(_ thread: PlatformThread, _ what: String)
    /// The host process is gone and reaped.
    func processEnded(_ process: any PlatformProcess, status: Int32)
    /// Runs queued resumptions; called after the answer to the call at hand was sent.
    func drain()
}
