// What the runtime tells a sentry when it starts it: one immutable value, passed in a memfd.

/// Everything that a sentry knows of the world when it starts. The runtime writes it; the sentry trusts it.
public struct SentryConfiguration: Equatable, Sendable {
    /// The first process.
    public var program: ProgramConfiguration
    public var hostName: [UInt8]
    /// In the order in which they are mounted; the first one is the root.
    public var mounts: [MountConfiguration]
    /// Made in the root file system after all is mounted, if nothing of that name is there.
    public var directories: [DirectoryConfiguration]
    /// Resource limits of the first process.
    public var limits: [ResourceLimit]
    public var hostFacts: HostFacts
    public var platform: PlatformChoice
    /// Whether system calls are written, decoded, to the trace descriptor.
    public var traces: Bool
    /// Whether the sentry reports what it let through to the host when it ends.
    public var reportsStatistics: Bool
    public var descriptors: SentryDescriptors
    public var cage: CageConfiguration

    public init(
        program: ProgramConfiguration, hostName: [UInt8], mounts: [MountConfiguration], directories: [DirectoryConfiguration] = [],
        limits: [ResourceLimit] = [], hostFacts: HostFacts = HostFacts(), platform: PlatformChoice = .automatic, traces: Bool = false,
        reportsStatistics: Bool = false, descriptors: SentryDescriptors, cage: CageConfiguration
    ) {
        self.program = program
        self.hostName = hostName
        self.mounts = mounts
        self.directories = directories
        self.limits = limits
        self.hostFacts = hostFacts
        self.platform = platform
        self.traces = traces
        self.reportsStatistics = reportsStatistics
        self.descriptors = descriptors
        self.cage = cage
    }
}

/// A program to start inside: of `run` or `exec`.
public struct ProgramConfiguration: Equatable, Sendable {
    /// Never empty. A name without a slash is looked up in PATH, inside the sandbox.
    public var arguments: [[UInt8]]
    /// `NAME=VALUE` each.
    public var environment: [[UInt8]]
    public var workingDirectory: [UInt8]
    public var uid: UInt32
    public var gid: UInt32
    public var groups: [UInt32]
    /// Permitted and effective; bits as in linux/capability.h. The bounding set is the same for every process of the sandbox.
    public var capabilities: UInt64

    public init(
        arguments: [[UInt8]], environment: [[UInt8]], workingDirectory: [UInt8], uid: UInt32, gid: UInt32, groups: [UInt32],
        capabilities: UInt64
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.capabilities = capabilities
    }
}

/// One mount. Its target is made in the file system below it if it is missing.
public struct MountConfiguration: Equatable, Sendable {
    public enum Source: Equatable, Sendable {
        /// A host directory or file: attach point `attach` of the gofer on `SentryDescriptors.gofers[gofer]`.
        case host(gofer: UInt32, attach: UInt32, isFile: Bool, writes: HostWrites)
        /// Memory; at most `size` bytes, 0 for the default.
        case tmpfs(size: UInt64, mode: UInt32)
        case proc
        /// /dev with its /dev/pts. /dev/shm is a tmpfs of its own.
        case dev
    }

    /// Absolute, plain: no `.`, `..`, doubled slashes.
    public var target: [UInt8]
    public var source: Source
    /// Whether others change the host directory meanwhile: then it is looked at again each time instead of cached for ever.
    public var isShared: Bool

    public init(target: [UInt8], source: Source, isShared: Bool = false) {
        self.target = target
        self.source = source
        self.isShared = isShared
    }
}

/// What becomes of writes to a host directory.
public enum HostWrites: UInt8, Equatable, Sendable {
    /// EROFS.
    case refused = 0
    /// They change the host's files.
    case passed = 1
    /// An in-memory layer above the host's files keeps them until the sandbox ends.
    case kept = 2
}

public struct DirectoryConfiguration: Equatable, Sendable {
    public var path: [UInt8]
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32

    public init(path: [UInt8], mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0) {
        self.path = path
        self.mode = mode
        self.uid = uid
        self.gid = gid
    }
}

/// `resource` as in prlimit(2).
public struct ResourceLimit: Equatable, Sendable {
    public var resource: UInt32
    public var soft: UInt64
    public var hard: UInt64

    public init(resource: UInt32, soft: UInt64, hard: UInt64) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }
}

/// What the sentry cannot read for itself: it has no /proc of the host.
public struct HostFacts: Equatable, Sendable {
    /// /proc/cpuinfo, whole.
    public var cpuInfo: [UInt8]
    /// MemTotal, bytes.
    public var memoryTotal: UInt64
    /// The CPUs that the runtime may run on, by number.
    public var cpus: [UInt32]

    public init(cpuInfo: [UInt8] = [], memoryTotal: UInt64 = 0, cpus: [UInt32] = []) {
        self.cpuInfo = cpuInfo
        self.memoryTotal = memoryTotal
        self.cpus = cpus
    }
}

public enum PlatformChoice: UInt8, Equatable, Sendable, CaseIterable {
    case automatic = 0
    case systrap = 1
}

/// Numbers of the descriptors that a sentry inherits. It has 0, 1 (/dev/null), 2 (the log) besides.
public struct SentryDescriptors: Equatable, Sendable {
    /// The first process's 0, 1, 2, as `StreamDonation` prepared them; -1 for one that the caller had closed.
    public var streams: [Int32]
    /// A `SOCK_SEQPACKET` socket to each gofer.
    public var gofers: [Int32]
    /// The ``SupervisorLink``.
    public var supervisor: Int32
    /// The listening `SOCK_SEQPACKET` socket of the ``ControlServer``; -1 without one.
    public var control: Int32
    /// Where traces go; -1: nowhere.
    public var trace: Int32

    public init(streams: [Int32], gofers: [Int32], supervisor: Int32, control: Int32 = -1, trace: Int32 = -1) {
        self.streams = streams
        self.gofers = gofers
        self.supervisor = supervisor
        self.control = control
        self.trace = trace
    }
}

/// How a process of ours locks itself in before it hears its first request (`Runtime.Cage`).
public struct CageConfiguration: Equatable, Sendable {
    /// The identity to take; nil keeps the one it was started with (in a user namespace there is no other).
    public var identity: Identity?
    /// Capabilities that stay; a bit each. All others are dropped, for ever.
    public var capabilities: UInt64
    /// Whether it moves to an empty root of its own; it has a mount namespace then.
    public var hasEmptyRoot: Bool
    /// Whether `/proc/self/fd`, its own only, stays in the empty root: read-only twins of memfds are opened there.
    public var keepsDescriptorDirectory: Bool

    public struct Identity: Equatable, Sendable {
        public var uid: UInt32
        public var gid: UInt32
        public var groups: [UInt32]

        public init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
            self.uid = uid
            self.gid = gid
            self.groups = groups
        }
    }

    public init(identity: Identity?, capabilities: UInt64 = 0, hasEmptyRoot: Bool, keepsDescriptorDirectory: Bool = false) {
        self.identity = identity
        self.capabilities = capabilities
        self.hasEmptyRoot = hasEmptyRoot
        self.keepsDescriptorDirectory = keepsDescriptorDirectory
    }
}
