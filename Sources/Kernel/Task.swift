import Auth
import LinuxABI
import Memory
import Platform
import Primitives
import VFS

/// One guest thread (Linux's `task_struct`). Guarded by the kernel lock, like all kernel objects.
public final class Task {
    public let kernel: Kernel
    /// Thread id as the guest sees it, in the only pid namespace so far.
    public let tid: Int32
    public internal(set) var process: ThreadGroup
    public var credentials: Credentials
    /// Shared with CLONE_FILES.
    public var files: DescriptorTable
    /// Root, working directory, umask; shared with CLONE_FS.
    public var fs: TaskFileSystem
    /// The address space; shared with CLONE_VM.
    public internal(set) var memory: AddressSpace
    /// `prctl(PR_SET_NAME)`: at most 15 bytes.
    public var name: [UInt8]

    init(kernel: Kernel, tid: Int32, process: ThreadGroup, credentials: Credentials, files: DescriptorTable, fs: TaskFileSystem,
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
    }

    /// The caller as VFS sees it, for the call being served: valid until it returns.
    public var vfs: VFSContext { preconditionFailure("being written") }

    /// Marks the parked call for another attempt.
    func wakeParked() {}
}

/// A process (Linux's `signal_struct` and thread group).
public final class ThreadGroup {
    public let kernel: Kernel
    /// Process id: the tid of its first thread.
    public let pid: Int32
    public internal(set) var parent: ThreadGroup?
    public internal(set) var tasks: [Task] = []
    public internal(set) var processGroup: Int32 = 0
    public internal(set) var session: Int32 = 0
    /// The program: what /proc/PID/exe leads to.
    public internal(set) var executable: VFSPath?
    public internal(set) var limits = ResourceLimits()

    init(kernel: Kernel, pid: Int32) {
        self.kernel = kernel
        self.pid = pid
    }
}

/// Root, working directory and umask (Linux's `fs_struct`).
public final class TaskFileSystem {
    public var root: VFSPath
    public var workingDirectory: VFSPath
    public var umask: UInt32

    public init(root: VFSPath, workingDirectory: VFSPath, umask: UInt32) {
        self.root = root
        self.workingDirectory = workingDirectory
        self.umask = umask
    }
}

/// The soft and hard limits of a process, by RLIMIT number.
public struct ResourceLimits {
    public struct Limit: Sendable {
        public var soft: UInt64
        public var hard: UInt64
        public init(soft: UInt64, hard: UInt64) {
            self.soft = soft
            self.hard = hard
        }
    }

    /// Indexed by RLIMIT_CPU (0) … RLIMIT_RTTIME (15).
    public var values: [Limit] = ResourceLimits.defaults
    public static let infinity = UInt64.max

    static let defaults: [Limit] = {
        var values = [Limit](repeating: Limit(soft: infinity, hard: infinity), count: 16)
        values[3] = Limit(soft: 8 << 20, hard: infinity)
        values[4] = Limit(soft: 0, hard: infinity)
        values[6] = Limit(soft: 65536, hard: 65536)
        values[7] = Limit(soft: 1024, hard: 1_048_576)
        values[8] = Limit(soft: 8 << 20, hard: 8 << 20)
        values[11] = Limit(soft: 65536, hard: 65536)
        values[12] = Limit(soft: 819_200, hard: 819_200)
        values[13] = Limit(soft: 0, hard: 0)
        values[14] = Limit(soft: 0, hard: 0)
        return values
    }()
}
