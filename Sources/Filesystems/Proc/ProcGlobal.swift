// The files of /proc that are not about one process.
import HostSyscalls
import Kernel
import LinuxABI
import VFS

/// Builds the fixed part of /proc. Inode numbers 2 to 999 are its.
func procGlobalFiles(_ proc: ProcFileSystem) -> StaticDirectory {
    var builder = ProcTreeBuilder(proc)
    let root = builder.directory()
    let kernel = proc.kernel
    let facts = proc.facts
    root.add("self", builder.link { (context: VFSContext) throws(Errno) -> [UInt8] in try callerPath(context.callerPID) })
    root.add(
        "thread-self",
        builder.link { (context: VFSContext) throws(Errno) -> [UInt8] in try callerPath(context.callerPID, thread: context.callerTID) })
    root.add("mounts", builder.link { _ in Array("self/mounts".utf8) })
    root.add("cpuinfo", builder.file { _ in procCPUInfo(facts) })
    root.add("meminfo", builder.file { _ in procMemoryInfo(facts) })
    root.add("stat", builder.file { [unowned kernel] _ in procSystemStat(kernel, facts) })
    root.add(
        "uptime",
        builder.file { _ in
            let hundredths = HostClock.boottime / 10_000_000
            let text = "\(hundredths / 100).\(decimalFraction(hundredths % 100))"
            return Array("\(text) \(text)\n".utf8)
        })
    root.add(
        "loadavg",
        builder.file { [unowned kernel] _ in
            Array("0.00 0.00 0.00 1/\(kernel.tasks.count) \(kernel.tasks.keys.max() ?? 0)\n".utf8)
        })
    root.add(
        "version",
        builder.text(
            "\(KernelIdentity.name) version \(KernelIdentity.release) (palisade) \(KernelIdentity.version)\n"))
    root.add(
        "filesystems",
        builder.text(
            ["proc", "tmpfs", "devtmpfs", "overlay", "pipefs", "anon_inodefs", "devpts"].map { "nodev\t\($0)\n" }.joined()))
    root.add("cmdline", builder.text("palisade\n"))
    root.add("swaps", builder.text("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"))
    root.add(
        "devices",
        builder.text(
            "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n"))
    root.add("modules", builder.text(""))
    root.add("partitions", builder.text("major minor  #blocks  name\n\n"))
    root.add("cgroups", builder.text("#subsys_name\thierarchy\tnum_cgroups\tenabled\n"))
    root.add("sys", procSysctl(proc, &builder))
    return root
}

/// Where /proc/self leads. The sentry itself has none.
private func callerPath(_ pid: Int32, thread: Int32? = nil) throws(Errno) -> [UInt8] {
    if pid == 0 { throw .ENOENT }
    return Array((thread.map { "\(pid)/task/\($0)" } ?? "\(pid)").utf8)
}

private func decimalFraction(_ hundredths: UInt64) -> String { hundredths < 10 ? "0\(hundredths)" : "\(hundredths)" }

/// Gives the fixed inodes their numbers.
struct ProcTreeBuilder {
    private let proc: ProcFileSystem
    private var lastNumber: UInt64 = 1
    /// Whether the files that follow are /proc/sys's.
    var buildsSysctl = false

    init(_ proc: ProcFileSystem) { self.proc = proc }

    private mutating func origin() -> SyntheticOrigin {
        lastNumber += 1
        return proc.origin(lastNumber)
    }

    mutating func directory() -> StaticDirectory { StaticDirectory(origin()) }

    mutating func file(permissions: UInt32 = 0o444, _ content: @escaping SyntheticFile.Content) -> SyntheticFile {
        SyntheticFile(origin(), permissions: permissions, refusesWriters: buildsSysctl, content)
    }

    mutating func text(_ text: String) -> SyntheticFile {
        let bytes = Array(text.utf8)
        return file { _ in bytes }
    }

    mutating func link(_ target: @escaping (VFSContext) throws(Errno) -> [UInt8]) -> SyntheticSymlink {
        SyntheticSymlink(origin(), target)
    }
}

/// /proc/stat. The sandbox has no clock of its CPUs' use: they are idle since boot.
private func procSystemStat(_ kernel: Kernel, _ facts: HostFacts) -> [UInt8] {
    let idle = HostClock.boottime / 10_000_000
    let bootTime = HostClock.realtime.seconds - Int64(HostClock.boottime / 1_000_000_000)
    var text = ProcText()
    text.line("cpu  0 0 0 \(idle &* UInt64(facts.cpuCount)) 0 0 0 0 0 0")
    for cpu in facts.cpus { text.line("cpu\(cpu) 0 0 0 \(idle) 0 0 0 0 0 0") }
    text.line("intr 0")
    text.line("ctxt 0")
    text.line("btime \(bootTime)")
    text.line("processes \(kernel.tasks.keys.max() ?? 0)")
    text.line("procs_running 1")
    text.line("procs_blocked 0")
    text.line("softirq 0 0 0 0 0 0 0 0 0 0 0")
    return text.bytes
}
