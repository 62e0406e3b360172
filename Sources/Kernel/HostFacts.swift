/// What the sentry tells programs of the machine: read from the host by the runtime before the sentry is locked in, handed over at start.
public struct HostFacts: Sendable {
    /// CPUs that the sandbox may use.
    public var cpuCount: Int
    /// /proc/cpuinfo, cut to those CPUs.
    public var cpuInfo: [UInt8]
    /// In bytes: the container's limit if it has one.
    public var memoryTotal: UInt64
    /// In bytes, at start.
    public var memoryAvailable: UInt64

    public init(cpuCount: Int, cpuInfo: [UInt8], memoryTotal: UInt64, memoryAvailable: UInt64) {
        self.cpuCount = cpuCount
        self.cpuInfo = cpuInfo
        self.memoryTotal = memoryTotal
        self.memoryAvailable = memoryAvailable
    }

    /// A small machine, for tests.
    public static let small = HostFacts(cpuCount: 1, cpuInfo: [], memoryTotal: 1 << 30, memoryAvailable: 1 << 29)
}

/// What the sandbox's kernel calls itself, in uname(2) and /proc alike: visibly not the host's.
public enum KernelIdentity {
    public static let name = "Linux"
    /// Its first part is the Linux version whose system calls we answer.
    public static let release = "6.18.0-palisade"
    public static let version = "#1 SMP Palisade"
    public static let machine = "x86_64"
}
