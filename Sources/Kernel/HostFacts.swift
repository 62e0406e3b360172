/// What the sentry tells programs of the machine: read from the host by the runtime before the sentry is locked in, handed over at start.
public struct HostFacts: Sendable {
    /// The CPUs that the sandbox may use, by the host's numbers, ascending.
    public let cpus: [UInt32]
    /// /proc/cpuinfo, cut to those CPUs; empty if the host's could not be read.
    public let cpuInfo: [UInt8]
    /// In bytes: the container's limit if it has one.
    public let memoryTotal: UInt64
    /// In bytes, at start.
    public let memoryAvailable: UInt64

    /// `hostCPUInfo` is the host's /proc/cpuinfo, whole.
    public init(cpus: [UInt32], hostCPUInfo: [UInt8], memoryTotal: UInt64, memoryAvailable: UInt64) {
        self.cpus = cpus.isEmpty ? [0] : cpus.sorted()
        cpuInfo = HostFacts.cut(hostCPUInfo, to: cpus)
        self.memoryTotal = memoryTotal
        self.memoryAvailable = min(memoryAvailable, memoryTotal)
    }

    /// A small machine, for tests.
    public static let small = HostFacts(cpus: [0], hostCPUInfo: [], memoryTotal: 1 << 30, memoryAvailable: 1 << 29)

    public var cpuCount: Int { cpus.count }

    /// The blocks of /proc/cpuinfo, each ended by an empty line, whose `processor` is one of `cpus`.
    private static func cut(_ text: [UInt8], to cpus: [UInt32]) -> [UInt8] {
        var result: [UInt8] = []
        var isWanted = false
        for line in text.split(separator: 0x0a, omittingEmptySubsequences: false) {
            if line.starts(with: "processor".utf8) {
                let digits = line.drop { $0 != 0x3a }.filter { $0 >= 0x30 && $0 <= 0x39 }
                isWanted = UInt32(String(decoding: digits, as: UTF8.self)).map { cpus.contains($0) } ?? false
            }
            if isWanted {
                result.append(contentsOf: line)
                result.append(0x0a)
            }
        }
        // The split leaves an empty piece after the last newline.
        if result.suffix(2) == [0x0a, 0x0a], result.suffix(3) == [0x0a, 0x0a, 0x0a] { result.removeLast() }
        return result
    }
}

/// What the sandbox's kernel calls itself, in uname(2) and /proc alike: visibly not the host's.
public enum KernelIdentity {
    public static let name = "Linux"
    /// Its first part is the Linux version whose system calls we answer.
    public static let release = "6.18.0-palisade"
    public static let version = "#1 SMP Palisade"
    public static let machine = "x86_64"
}
