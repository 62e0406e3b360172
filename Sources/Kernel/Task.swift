import Auth
import HostSyscalls
import LinuxABI
import Memory
import Platform
import Primitives
import VFS

/// One guest thread (Linux's `task_struct`). Guarded by the kernel lock, like all kernel objects.
public final class Task {
    public let kernel: Kernel
    /// Thread id as the guest sees it, in the only pid namespace so far. An exec by another thread than the leader makes it the leader's.
    public internal(set) var tid: Int32
    public internal(set) unowned var process: ThreadGroup
    public var credentials: Credentials { didSet { context.credentials = credentials } }
    /// Shared with CLONE_FILES.
    public var files: DescriptorTable
    /// Root, working directory, umask; shared with CLONE_FS.
    public var fs: TaskFileSystem { didSet { contextVersion = 0 } }
    /// The address space; shared with CLONE_VM.
    public internal(set) var memory: AddressSpace
    /// `prctl(PR_SET_NAME)`: at most 15 bytes.
    public var name: [UInt8]
    /// prctl, personality, scheduling (TaskAttributes.swift).
    public var attributes = TaskAttributes()
    /// Its body on the host; nil before it has one.
    public internal(set) var thread: PlatformThread?

    private let context: TaskContext
    private var contextVersion: UInt64 = 0

    // Signals (Task+Signals.swift).
    public internal(set) var signalMask: UInt64 = 0
    /// The mask to go back to after ppoll, pselect, sigsuspend and the handler that ended them.
    var savedSignalMask: UInt64?
    var pending = PendingSignals()
    /// The set that rt_sigtimedwait waits for: such signals end the wait although they are blocked.
    public var awaitedSignals: UInt64 = 0
    public var alternateStack = SignalStack()

    // The call being served.
    /// The number of the trapped call, for restarts.
    var callNumber: UInt64 = 0
    var callArguments = SyscallArguments(0, 0, 0, 0, 0, 0)
    /// The parked call.
    var operation: BlockingOperation?
    /// The parked call came straight from its site: it is answered, not resumed.
    var isExpress = false
    var isQueued = false
    /// In the kernel's list of unanswered kicks.
    var isWatched = false
    /// How an express call that a signal interrupted goes on when its kick arrives.
    var interruptedExpress: InterruptBehavior?
    /// Orders being carried out whose end is reported.
    var plan: OrderPlan?
    /// Orders after which the thread went on by itself: their failure is still reported.
    var lastPlan: OrderPlan?
    /// The deadline of a parked call whose thread cannot keep it itself.
    var expressTimer: TimerQueue.Timer?
    /// The child whose clone order is being carried out.
    var birth: Task?
    /// The exec in progress.
    var execution: Execution?
    /// The native futex wait being made for it.
    var futexWait: (arguments: SyscallArguments, deadline: Timespec, isRelative: Bool)?
    /// Stopped by job control: registers are ready, the thread is not resumed.
    var isHeld = false
    /// Ended; late events are ignored.
    public internal(set) var isDead = false
    /// The parent that waits in vfork for this task to exec or exit.
    var vforkParent: Task?
    /// In vfork's wait.
    var waitsForVfork = false
    /// The address to clear and wake at exit; carried out by the host's own thread exit.
    public var clearTID: UInt64 = 0
    /// CLONE_CHILD_SETTID's address, written when the child appears.
    var childSetTID: UInt64 = 0
    public var robustList: (head: UserAddress, length: UInt64) = (.null, 0)
    /// The last fault, for the signal frame.
    var lastFault: GuestFault?
    public let startTime: UInt64

    init(
        kernel: Kernel, tid: Int32, process: ThreadGroup, credentials: Credentials, files: DescriptorTable, fs: TaskFileSystem,
        memory: AddressSpace, name: [UInt8]
    ) {
        self.kernel = kernel
        self.tid = tid
        self.process = process
        self.credentials = credentials
        self.files = files
        self.fs = fs
        self.memory = memory
        self.name = name
        startTime = HostClock.boottime
        context = TaskContext(kernel: kernel, credentials: credentials)
    }

    /// The caller as VFS sees it, for the call being served: valid until it returns.
    public var vfs: VFSContext {
        if contextVersion != fs.version {
            contextVersion = fs.version
            context.root = fs.root
            context.workingDirectory = fs.workingDirectory
            context.umask = fs.umask
            // An exec changes the thread id, and replaces ``fs`` too.
            context.processID = process.pid
            context.threadID = tid
        }
        return context
    }

    /// Whether the call being served runs on the slow pool.
    var isOnSlowPath: Bool {
        get { context.isOnSlowPath }
        set { context.isOnSlowPath = newValue }
    }

    /// Marks the parked call for another attempt.
    func wakeParked() {
        if operation == nil || isQueued { return }
        isQueued = true
        kernel.runnable.append(self)
    }
}

/// Root, working directory and umask (Linux's `fs_struct`).
public final class TaskFileSystem {
    public var root: VFSPath { didSet { version = TaskFileSystem.nextVersion() } }
    public var workingDirectory: VFSPath { didSet { version = TaskFileSystem.nextVersion() } }
    public var umask: UInt32 { didSet { version = TaskFileSystem.nextVersion() } }
    /// Changes with every change, and differs between objects: contexts copy the fields when it moved.
    private(set) var version: UInt64

    // Guarded by the kernel lock.
    nonisolated(unsafe) private static var lastVersion: UInt64 = 0

    private static func nextVersion() -> UInt64 {
        lastVersion += 1
        return lastVersion
    }

    public init(root: VFSPath, workingDirectory: VFSPath, umask: UInt32) {
        self.root = root
        self.workingDirectory = workingDirectory
        self.umask = umask
        version = TaskFileSystem.nextVersion()
    }

    /// A copy for fork.
    func copy() -> TaskFileSystem { TaskFileSystem(root: root, workingDirectory: workingDirectory, umask: umask) }
}
