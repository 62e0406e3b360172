// The contents of a process's files.
import HostSyscalls
import Kernel
import LinuxABI
import Memory
import VFS

extension ProcSubject {
    /// A zombie's name: that of its last thread is gone with it.
    var lastName: [UInt8] { Array("zombie".utf8) }

    /// R, S, T or Z, as proc_pid_stat(5) says.
    func state(_ process: ThreadGroup) -> Character {
        if process.isZombie { return "Z" }
        if process.isStopped { return "T" }
        return taskIfAny?.isWaiting == true ? "S" : "R"
    }
}

func procTaskStat(_ subject: ProcSubject, _ context: VFSContext) throws(Errno) -> [UInt8] {
    let process = try subject.process()
    let task = subject.taskIfAny
    var stat = ProcStat(pid: subject.tid ?? process.pid, name: task?.name ?? subject.lastName, state: subject.state(process))
    stat.parent = process.parent?.pid ?? 0
    stat.processGroup = process.processGroup
    stat.session = process.session
    stat.childrenUserTime = process.childrenUserTime
    stat.childrenSystemTime = process.childrenSystemTime
    stat.threadCount = process.tasks.count
    stat.startTime = subject.tid == nil ? process.startTime : task?.startTime ?? process.startTime
    stat.virtualSize = task.map { procMemory($0.memory).virtualSize } ?? 0
    if let task {
        stat.pendingSignals = task.pendingSet
        stat.blockedSignals = task.signalMask
        stat.ignoredSignals = process.ignoredSignals
        stat.caughtSignals = process.caughtSignals
    }
    if (try? subject.checkAccess(context)) != nil {
        stat.argumentArea = process.argumentArea
        stat.environmentArea = process.environmentArea
        stat.exitCode = process.exitStatus ?? 0
    }
    return stat.text
}

func procTaskMemorySize(_ subject: ProcSubject, _ context: VFSContext) throws(Errno) -> [UInt8] {
    _ = try subject.process()
    let sizes = subject.taskIfAny.map { procMemory($0.memory) } ?? ProcMemorySizes()
    let pages = { (bytes: UInt64) in bytes / pageSize }
    return Array("\(pages(sizes.virtualSize)) 0 0 \(pages(sizes.code)) 0 \(pages(sizes.data)) 0\n".utf8)
}

func procTaskStatus(_ subject: ProcSubject, _ context: VFSContext) throws(Errno) -> [UInt8] {
    let process = try subject.process()
    let task = subject.taskIfAny
    let state = subject.state(process)
    let stateName = ["R": "running", "S": "sleeping", "T": "stopped", "Z": "zombie"][state] ?? "running"
    var text = ProcText()
    text.append("Name:\t")
    text.append(procEscaped(task?.name ?? subject.lastName, [0x0a, 0x5c]))
    text.append("\n")
    if let task { text.line("Umask:\t\(octal(UInt64(task.fs.umask), width: 4))") }
    text.line("State:\t\(state) (\(stateName))")
    text.line("Tgid:\t\(process.pid)")
    text.line("Ngid:\t0")
    text.line("Pid:\t\(subject.tid ?? process.pid)")
    text.line("PPid:\t\(process.parent?.pid ?? 0)")
    text.line("TracerPid:\t0")
    if let credentials = task?.credentials {
        text.line("Uid:\t\(credentials.uid)\t\(credentials.euid)\t\(credentials.suid)\t\(credentials.fsuid)")
        text.line("Gid:\t\(credentials.gid)\t\(credentials.egid)\t\(credentials.sgid)\t\(credentials.fsgid)")
        text.line("FDSize:\t\(max(64, task.map { procDescriptors($0).count } ?? 0))")
        text.line("Groups:\t" + credentials.groups.map { "\($0) " }.joined())
    }
    text.line("NStgid:\t\(process.pid)")
    text.line("NSpid:\t\(subject.tid ?? process.pid)")
    text.line("NSpgid:\t\(process.processGroup)")
    text.line("NSsid:\t\(process.session)")
    text.line("Kthread:\t0")
    if let task {
        let sizes = procMemory(task.memory)
        func row(_ name: String, _ bytes: UInt64) { text.line("\(name):\t\(decimal(Int64(clamping: bytes / 1024), width: 8)) kB") }
        row("VmPeak", sizes.virtualSize)
        row("VmSize", sizes.virtualSize)
        row("VmLck", 0)
        row("VmHWM", 0)
        row("VmRSS", 0)
        row("VmData", sizes.data)
        row("VmStk", sizes.stack)
        row("VmExe", sizes.code)
        row("VmSwap", 0)
    }
    text.line("CoreDumping:\t0")
    text.line("Threads:\t\(process.tasks.count)")
    if let task {
        func mask(_ name: String, _ bits: UInt64) { text.line("\(name):\t\(hexadecimal(bits, width: 16))") }
        text.line("SigQ:\t0/\(process.limits.values[ResourceLimits.RLIMIT_SIGPENDING].soft)")
        mask("SigPnd", task.pendingSets.thread)
        mask("ShdPnd", task.pendingSets.process)
        mask("SigBlk", task.signalMask)
        mask("SigIgn", process.ignoredSignals)
        mask("SigCgt", process.caughtSignals)
        mask("CapInh", task.credentials.inheritable.rawValue)
        mask("CapPrm", task.credentials.permitted.rawValue)
        mask("CapEff", task.credentials.effective.rawValue)
        mask("CapBnd", task.credentials.bounding.rawValue)
        mask("CapAmb", task.credentials.ambient.rawValue)
        text.line("NoNewPrivs:\t\(task.credentials.noNewPrivileges ? 1 : 0)")
    }
    text.line("Seccomp:\t0")
    text.line("Seccomp_filters:\t0")
    text.line("Cpus_allowed:\t\(procCPUMask(subject.proc.facts.cpus))")
    text.line("Cpus_allowed_list:\t\(procCPUList(subject.proc.facts.cpus))")
    text.line("Mems_allowed:\t1")
    text.line("Mems_allowed_list:\t0")
    text.line("voluntary_ctxt_switches:\t0")
    text.line("nonvoluntary_ctxt_switches:\t0")
    return text.bytes
}

/// The strings between two addresses of a process's stack, as they are now. A zombie has none.
private func stackStrings(_ subject: ProcSubject, _ area: (ThreadGroup) -> Range<UInt64>) throws(Errno) -> [UInt8] {
    let process = try subject.process()
    guard let task = subject.taskIfAny else { return [] }
    let range = area(process)
    let count = min(range.count, 1 << 20)
    if count == 0 { return [] }
    // The process may have unmapped its stack.
    return (try? task.memory.copyIn(UserAddress(range.lowerBound), count: count)) ?? []
}

func procTaskCommandLine(_ subject: ProcSubject, _ context: VFSContext) throws(Errno) -> [UInt8] {
    try stackStrings(subject) { $0.argumentArea }
}

func procTaskEnvironment(_ subject: ProcSubject, _ context: VFSContext) throws(Errno) -> [UInt8] {
    try stackStrings(subject) { $0.environmentArea }
}
