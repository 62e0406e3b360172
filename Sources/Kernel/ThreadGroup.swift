import HostSyscalls
import LinuxABI
import Platform
import Primitives
import VFS

/// A process (Linux's `signal_struct` and thread group). Guarded by the kernel lock.
public final class ThreadGroup {
    public let kernel: Kernel
    /// Process id: the tid of its first thread.
    public let pid: Int32
    public internal(set) var parent: ThreadGroup?
    public internal(set) var children: [ThreadGroup] = []
    public internal(set) var tasks: [Task] = []
    public var processGroup: Int32 = 0
    public var session: Int32 = 0
    /// Whether it has execed since its fork: setpgid by the parent is refused then.
    public internal(set) var hasExeced = false
    /// The program: what /proc/PID/exe leads to.
    public internal(set) var executable: VFSPath?
    public var limits = ResourceLimits()
    /// The signal sent to the parent at the end: SIGCHLD, or clone's choice.
    var exitSignal: Int32 = 17

    /// Shared with CLONE_SIGHAND (threads, and vfork-like children that ask for it).
    var actions = SignalActions()
    var sharedPending = PendingSignals()
    /// Woken when a signal becomes pending: what signalfd waits on.
    public let signalArrivals = WaitQueue()

    /// What wait4(2) will report; nil while it lives.
    public internal(set) var exitStatus: Int32?
    public var isZombie: Bool { exitStatus != nil }
    /// exit_group was begun.
    var isExiting = false

    // Job control.
    public internal(set) var isStopped = false
    /// A stop or continuation that wait4(2) has not reported yet.
    var unreportedStop: Int32?
    var unreportedContinue = false

    /// Hears the wait status at the end: for processes that the sentry itself started.
    public var ended: ((Int32) -> Void)?
    /// The terminal of its session, owned by the terminal file system.
    public var controllingTerminal: AnyObject?
    /// The user it last ran as, for SIGCHLD and waitid.
    public var lastUID: UInt32 = 0
    /// Woken when a child changes state.
    let childEvents = WaitQueue()
    var storedRealTimer: IntervalTimer?
    /// Of timer_create(2), by id.
    public var timers: [Int32: IntervalTimer] = [:]
    /// The clock that each was made on: for absolute times.
    public var timerClocks: [Int32: Int32] = [:]
    /// Children reap themselves: SIGCHLD ignored or SA_NOCLDWAIT.
    var autoReaps: Bool { actions[17].handler == SignalAction.ignore || actions[17].flags & SignalAction.SA_NOCLDWAIT != 0 }
    /// PR_SET_CHILD_SUBREAPER.
    public var isSubreaper = false
    /// Arguments and environment as /proc shows them: where they lie on the stack.
    public internal(set) var argumentArea: Range<UInt64> = 0..<0
    public internal(set) var environmentArea: Range<UInt64> = 0..<0
    public internal(set) var auxiliaryVector: [UInt8] = []
    /// Of host processes that are gone (ThreadGroup+ProcessorTime.swift).
    var earlierProcessorTime: UInt64 = 0
    /// RLIMIT_CPU.
    var processorTimer: TimerQueue.Timer?
    /// User and system time of reaped children, ns.
    public internal(set) var childrenUserTime: UInt64 = 0
    public internal(set) var childrenSystemTime: UInt64 = 0
    public let startTime: UInt64

    init(kernel: Kernel, pid: Int32) {
        self.kernel = kernel
        self.pid = pid
        startTime = HostClock.boottime
    }

    /// The first thread while it lives, else any.
    public var leader: Task? { tasks.first { $0.tid == pid } ?? tasks.first }
}
