// The texts of /proc that need nothing but values: tested without a kernel.
import Kernel
import LinuxABI
import VFS

/// Builds the text of one file.
struct ProcText {
    private(set) var bytes: [UInt8] = []

    /// One line.
    mutating func line(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        bytes.append(0x0a)
    }

    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
    mutating func append(_ data: [UInt8]) { bytes.append(contentsOf: data) }
}

/// A process's values in the order and form of /proc/PID/stat.
struct ProcStat {
    var pid: Int32
    var name: [UInt8]
    var state: Character
    var parent: Int32 = 0
    var processGroup: Int32 = 0
    var session: Int32 = 0
    /// `st_rdev` of the controlling terminal, 0 for none.
    var terminal: UInt64 = 0
    var foregroundGroup: Int32 = -1
    /// ns
    var userTime: UInt64 = 0
    var systemTime: UInt64 = 0
    var childrenUserTime: UInt64 = 0
    var childrenSystemTime: UInt64 = 0
    var threadCount = 1
    /// ns since boot
    var startTime: UInt64 = 0
    var virtualSize: UInt64 = 0
    var residentPages: UInt64 = 0
    var residentLimit = UInt64.max
    var pendingSignals: UInt64 = 0
    var blockedSignals: UInt64 = 0
    var ignoredSignals: UInt64 = 0
    var caughtSignals: UInt64 = 0
    var exitSignal: Int32 = 17
    var argumentArea: Range<UInt64> = 0..<0
    var environmentArea: Range<UInt64> = 0..<0
    var exitCode: Int32 = 0

    init(pid: Int32, name: [UInt8], state: Character) {
        self.pid = pid
        self.name = name
        self.state = state
    }

    /// proc_pid_stat(5): 52 fields. Addresses that the sentry does not keep are 0, as Linux shows them to strangers.
    var text: [UInt8] {
        let ticks: UInt64 = 10_000_000
        var text = ProcText()
        text.append("\(pid) (")
        text.append(name)
        text.append(
            ") \(state) \(parent) \(processGroup) \(session) \(terminal) \(foregroundGroup) 4194304 0 0 0 0 "
                + "\(userTime / ticks) \(systemTime / ticks) \(childrenUserTime / ticks) \(childrenSystemTime / ticks) "
                + "20 0 \(threadCount) 0 \(startTime / ticks) \(virtualSize) \(residentPages) \(residentLimit) 1 1 0 0 0 "
                // The four words of signals hold the first 32 only; they are for old programs.
                + "\(pendingSignals & 0x7fff_ffff) \(blockedSignals & 0x7fff_ffff) \(ignoredSignals & 0x7fff_ffff) "
                + "\(caughtSignals & 0x7fff_ffff) 0 0 0 \(exitSignal) 0 0 0 0 0 0 0 0 0 "
                + "\(argumentArea.lowerBound) \(argumentArea.upperBound) \(environmentArea.lowerBound) \(environmentArea.upperBound) "
                + "\(exitCode)\n")
        return text.bytes
    }
}

/// /proc/PID/limits.
func procLimits(_ limits: ResourceLimits) -> [UInt8] {
    let rows: [(index: Int, name: String, unit: String)] = [
        (0, "Max cpu time", "seconds"), (1, "Max file size", "bytes"), (2, "Max data size", "bytes"), (3, "Max stack size", "bytes"),
        (4, "Max core file size", "bytes"), (5, "Max resident set", "bytes"), (6, "Max processes", "processes"),
        (7, "Max open files", "files"), (8, "Max locked memory", "bytes"), (9, "Max address space", "bytes"),
        (10, "Max file locks", "locks"), (11, "Max pending signals", "signals"), (12, "Max msgqueue size", "bytes"),
        (13, "Max nice priority", ""), (14, "Max realtime priority", ""), (15, "Max realtime timeout", "us"),
    ]
    func column(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count)) + " "
    }
    func value(_ limit: UInt64) -> String { limit == ResourceLimits.infinity ? "unlimited" : String(limit) }
    var text = ProcText()
    text.line(column("Limit", 25) + column("Soft Limit", 20) + column("Hard Limit", 20) + column("Units", 10).dropLast(1))
    for row in rows where row.index < limits.values.count {
        let limit = limits.values[row.index]
        text.line(
            column(row.name, 25) + column(value(limit.soft), 20) + column(value(limit.hard), 20)
                + (row.unit.isEmpty ? "" : column(row.unit, 10).dropLast(1)))
    }
    return text.bytes
}

/// A path as /proc/mounts and maps write it: blanks and control characters in octal.
func procEscaped(_ path: [UInt8], _ special: [UInt8] = [0x20, 0x09, 0x0a, 0x5c]) -> [UInt8] {
    guard path.contains(where: { special.contains($0) }) else { return path }
    var result: [UInt8] = []
    for byte in path {
        if special.contains(byte) {
            result.append(0x5c)
            result.append(contentsOf: octal(UInt64(byte), width: 3).utf8)
        } else {
            result.append(byte)
        }
    }
    return result
}

/// /proc/meminfo.
func procMemoryInfo(_ facts: HostFacts) -> [UInt8] {
    var text = ProcText()
    func row(_ name: String, _ bytes: UInt64) {
        let label = name + ":"
        text.line(label + String(repeating: " ", count: max(1, 16 - label.utf8.count)) + decimal(Int64(bytes / 1024), width: 8) + " kB")
    }
    row("MemTotal", facts.memoryTotal)
    row("MemFree", facts.memoryAvailable)
    row("MemAvailable", facts.memoryAvailable)
    for name in ["Buffers", "Cached", "SwapCached", "Active", "Inactive", "SwapTotal", "SwapFree", "Dirty", "Writeback"] { row(name, 0) }
    row("AnonPages", facts.memoryTotal - min(facts.memoryTotal, facts.memoryAvailable))
    for name in ["Mapped", "Shmem", "Slab", "SReclaimable", "SUnreclaim"] { row(name, 0) }
    row("CommitLimit", facts.memoryTotal)
    row("Committed_AS", 0)
    row("VmallocTotal", 34_359_738_367 * 1024)
    row("VmallocUsed", 0)
    return text.bytes
}

/// A list of CPUs as Linux writes one: 0-3,8.
func procCPUList(_ cpus: [UInt32]) -> String {
    var ranges: [ClosedRange<UInt32>] = []
    for cpu in cpus {
        if let last = ranges.last, cpu > 0, last.upperBound == cpu - 1 {
            ranges[ranges.count - 1] = last.lowerBound...cpu
        } else {
            ranges.append(cpu...cpu)
        }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
}

/// A mask of CPUs as Linux writes one: words of 32 bits, the highest first.
func procCPUMask(_ cpus: [UInt32]) -> String {
    var words = [UInt32](repeating: 0, count: Int((cpus.max() ?? 0) / 32) + 1)
    for cpu in cpus { words[Int(cpu / 32)] |= 1 << (cpu % 32) }
    return words.reversed().enumerated().map { hexadecimal(UInt64($1), width: $0 == 0 ? 0 : 8) }.joined(separator: ",")
}

/// /proc/cpuinfo where the host's could not be had: what programs count processors by.
func procCPUInfo(_ facts: HostFacts) -> [UInt8] {
    if !facts.cpuInfo.isEmpty { return facts.cpuInfo }
    var text = ProcText()
    for index in facts.cpus {
        text.line("processor\t: \(index)")
        text.line("vendor_id\t: unknown")
        text.line("model name\t: unknown")
        text.line("")
    }
    return text.bytes
}
