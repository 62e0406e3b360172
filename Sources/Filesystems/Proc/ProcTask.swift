// /proc/PID and /proc/PID/task/TID.
import HostSyscalls
import Kernel
import LinuxABI
import Memory
import VFS

/// Whom a directory is about: a process, or one thread of it. Weak: /proc keeps nobody alive.
struct ProcSubject {
    unowned let proc: ProcFileSystem
    private weak var weakProcess: ThreadGroup?
    private weak var weakThread: Task?
    /// nil for the process's own directory.
    let tid: Int32?
    private let pid: Int32

    init(_ proc: ProcFileSystem, _ process: ThreadGroup) {
        self.proc = proc
        weakProcess = process
        pid = process.pid
        tid = nil
    }

    init(_ proc: ProcFileSystem, _ process: ThreadGroup, thread: Task) {
        self.proc = proc
        weakProcess = process
        weakThread = thread
        pid = process.pid
        tid = thread.tid
    }

    /// - Throws: `ESRCH` once it is gone.
    func process() throws(Errno) -> ThreadGroup {
        guard let process = weakProcess, proc.kernel.processes[pid] === process else { throw .ESRCH }
        return process
    }

    /// The thread, or the process's leader.
    ///
    /// - Throws: `ESRCH` once it is gone; a zombie has none.
    func task() throws(Errno) -> Task {
        if tid != nil {
            guard let task = weakThread, !task.isDead else { throw .ESRCH }
            return task
        }
        guard let task = try process().leader else { throw .ESRCH }
        return task
    }

    /// The thread if there is one.
    var taskIfAny: Task? { try? task() }

    /// Whether the caller may look into it (ptrace(2), "Ptrace access mode checking"): the same user and no more capable.
    ///
    /// - Throws: `EACCES`; `ESRCH`.
    func checkAccess(_ context: VFSContext) throws(Errno) {
        let task = try task()
        if context.callerPID == pid { return }
        let caller = context.credentials
        let target = task.credentials
        let isSameUser =
            [target.uid, target.euid, target.suid].allSatisfy { $0 == caller.fsuid }
            && [target.gid, target.egid, target.sgid].allSatisfy { $0 == caller.fsgid }
        if caller.has(.CAP_SYS_PTRACE) || isSameUser && caller.permitted.isSuperset(of: target.permitted) { return }
        throw .EACCES
    }

    /// The owner of its files.
    var owner: (uid: UInt32, gid: UInt32) {
        taskIfAny.map { ($0.credentials.euid, $0.credentials.egid) } ?? (0, 0)
    }

    // Inode numbers: process, thread, kind of file, index.

    static func directoryNumber(process: Int32) -> UInt64 { UInt64(UInt32(bitPattern: process)) << 32 | 1 }

    func number(_ kind: UInt64, index: UInt64 = 0) -> UInt64 {
        let base = UInt64(UInt32(bitPattern: tid ?? pid)) << 32
        return base | (tid == nil ? 0 : 1 << 31) | (index & 0xff_ffff) << 7 | kind
    }

    func origin(_ kind: UInt64, index: UInt64 = 0) -> SyntheticOrigin {
        let owner = owner
        return proc.origin(number(kind, index: index), uid: owner.uid, gid: owner.gid)
    }

    /// Kind 1 is the directory itself; from 2 on the entries in their order.
    static let firstEntryKind: UInt64 = 2
    static let descriptorKind: UInt64 = 100
    static let descriptorInfoKind: UInt64 = 101
    static let namespaceKind: UInt64 = 102
}

/// One name in a process's or thread's directory.
private struct ProcTaskEntry {
    let name: String
    let type: FileType
    /// Only in the process's directory.
    var isOfProcess = false
    let make: (ProcSubject, SyntheticOrigin) -> Inode

    static func file(
        _ name: String, permissions: UInt32 = 0o444, _ content: @escaping (ProcSubject, VFSContext) throws(Errno) -> [UInt8]
    ) -> ProcTaskEntry {
        ProcTaskEntry(name: name, type: .regular) { subject, origin in
            SyntheticFile(origin, permissions: permissions) { (context: VFSContext) throws(Errno) in try content(subject, context) }
        }
    }

    /// A file that only who may trace the process can read.
    static func guarded(
        _ name: String, permissions: UInt32 = 0o400, _ content: @escaping (ProcSubject, VFSContext) throws(Errno) -> [UInt8]
    ) -> ProcTaskEntry {
        file(name, permissions: permissions) { (subject: ProcSubject, context: VFSContext) throws(Errno) -> [UInt8] in
            try subject.checkAccess(context)
            return try content(subject, context)
        }
    }

    static func text(_ name: String, _ text: String) -> ProcTaskEntry {
        file(name) { (_: ProcSubject, _: VFSContext) throws(Errno) -> [UInt8] in Array(text.utf8) }
    }

    static func link(_ name: String, _ target: @escaping (ProcSubject) throws(Errno) -> VFSPath?) -> ProcTaskEntry {
        ProcTaskEntry(name: name, type: .symlink) { subject, origin in
            ProcMagicLink(origin, subject) { () throws(Errno) -> ProcLinkTarget in
                guard let path = try target(subject) else { throw .ENOENT }
                return .path(path)
            }
        }
    }
}

/// The names of a directory. Made once; immutable.
nonisolated(unsafe) private let procTaskEntries: [ProcTaskEntry] = [
    .file("stat", procTaskStat),
    .file("statm", procTaskMemorySize),
    .file("status", procTaskStatus),
    .file("cmdline", procTaskCommandLine),
    ProcTaskEntry(name: "comm", type: .regular) { subject, origin in
        SyntheticFile(
            origin, permissions: 0o644,
            store: { (bytes: [UInt8], context: VFSContext) throws(Errno) in
                // A process may rename its own threads (proc_pid_comm(5)).
                let task = try subject.task()
                guard context.callerPID == task.process.pid else { throw .EINVAL }
                task.name = Array(bytes.prefix { $0 != 0x0a && $0 != 0 }.prefix(15))
            }
        ) { (_: VFSContext) throws(Errno) -> [UInt8] in (subject.taskIfAny?.name ?? subject.lastName) + [0x0a] }
    },
    .guarded("environ", procTaskEnvironment),
    .guarded("auxv") { (subject: ProcSubject, _: VFSContext) throws(Errno) -> [UInt8] in try subject.process().auxiliaryVector },
    .guarded("maps", permissions: 0o444, procTaskMaps),
    .file("limits") { (subject: ProcSubject, _: VFSContext) throws(Errno) -> [UInt8] in procLimits(try subject.process().limits) },
    .file("mounts", procMounts),
    .file("mountinfo", procMountInfo),
    .text("cgroup", "0::/\n"),
    .text("oom_score", "0\n"),
    .text("oom_score_adj", "0\n"),
    .text("oom_adj", "0\n"),
    .text("loginuid", "4294967295"),
    .text("sessionid", "4294967295"),
    .text("uid_map", "         0          0 4294967295\n"),
    .text("gid_map", "         0          0 4294967295\n"),
    .text("setgroups", "allow\n"),
    .text("personality", "00000000\n"),
    .guarded("io") { (_: ProcSubject, _: VFSContext) throws(Errno) -> [UInt8] in
        let names = ["rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes"]
        return Array(names.map { "\($0): 0\n" }.joined().utf8)
    },
    .text("schedstat", "0 0 0\n"),
    .text("wchan", "0"),
    .link("exe") { (subject: ProcSubject) throws(Errno) -> VFSPath? in try subject.process().executable },
    .link("cwd") { (subject: ProcSubject) throws(Errno) -> VFSPath? in try subject.task().fs.workingDirectory },
    .link("root") { (subject: ProcSubject) throws(Errno) -> VFSPath? in try subject.task().fs.root },
    ProcTaskEntry(name: "ns", type: .directory) { subject, origin in procNamespaceDirectory(origin, subject) },
    ProcTaskEntry(name: "fd", type: .directory) { subject, origin in ProcDescriptorDirectory(origin, subject) },
    ProcTaskEntry(name: "fdinfo", type: .directory) { subject, origin in ProcDescriptorInfoDirectory(origin, subject) },
    ProcTaskEntry(name: "task", type: .directory, isOfProcess: true) { subject, origin in ProcThreadsDirectory(origin, subject) },
]

/// The directory of a process or thread.
final class ProcTaskDirectory: SyntheticDirectory {
    private let subject: ProcSubject

    init(_ subject: ProcSubject) {
        self.subject = subject
        super.init(subject.origin(1))
    }

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        _ = try subject.process()
        for (index, entry) in procTaskEntries.enumerated() where isShown(entry) && name.elementsEqual(entry.name.utf8) {
            return entry.make(subject, subject.origin(ProcSubject.firstEntryKind + UInt64(index)))
        }
        throw .ENOENT
    }

    override func entries(_ context: VFSContext) throws(Errno) -> [SyntheticEntry] {
        _ = try subject.process()
        var result: [SyntheticEntry] = []
        for (index, entry) in procTaskEntries.enumerated() where isShown(entry) {
            result.append(
                SyntheticEntry(Array(entry.name.utf8), subject.number(ProcSubject.firstEntryKind + UInt64(index)), entry.type))
        }
        return result
    }

    private func isShown(_ entry: ProcTaskEntry) -> Bool { !entry.isOfProcess || subject.tid == nil }
}

/// /proc/PID/ns: the names only. There is one namespace of each kind, with the numbers of Linux's initial ones.
private func procNamespaceDirectory(_ origin: SyntheticOrigin, _ subject: ProcSubject) -> Inode {
    let directory = StaticDirectory(origin, permissions: 0o511)
    let kinds: [(name: String, number: UInt64)] = [
        ("cgroup", 4_026_531_835), ("ipc", 4_026_531_839), ("mnt", 4_026_531_841), ("net", 4_026_531_840), ("pid", 4_026_531_836),
        ("time", 4_026_531_834), ("user", 4_026_531_837), ("uts", 4_026_531_838),
    ]
    for (index, kind) in kinds.enumerated() {
        let origin = subject.origin(ProcSubject.namespaceKind, index: UInt64(index))
        directory.add(kind.name, SyntheticSymlink(origin, target: "\(kind.name):[\(kind.number)]"))
    }
    return directory
}

/// /proc/PID/task.
final class ProcThreadsDirectory: SyntheticDirectory {
    private let subject: ProcSubject

    init(_ origin: SyntheticOrigin, _ subject: ProcSubject) {
        self.subject = subject
        super.init(origin)
    }

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        let process = try subject.process()
        guard let tid = procNumber(name), let task = process.tasks.first(where: { $0.tid == tid }) else { throw .ENOENT }
        return ProcTaskDirectory(ProcSubject(subject.proc, process, thread: task))
    }

    override func entries(_ context: VFSContext) throws(Errno) -> [SyntheticEntry] {
        let process = try subject.process()
        return process.tasks.map {
            SyntheticEntry(Array(String($0.tid).utf8), ProcSubject(subject.proc, process, thread: $0).number(1), .directory)
        }
    }

    override func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        // Programs count threads by the number of links.
        var attributes = try super.attributes(context)
        attributes.linkCount = 2 + UInt32(clamping: (try? subject.process().tasks.count) ?? 0)
        return attributes
    }
}

/// What a magic link leads to.
enum ProcLinkTarget {
    case path(VFSPath)
    /// A description without a path: shown by its name, opened through its inode.
    case description(FileDescription)
}

/// `exe`, `cwd`, `root`, `fd/N`: a link that leads straight to its object.
final class ProcMagicLink: SyntheticInode {
    private let subject: ProcSubject
    private let target: () throws(Errno) -> ProcLinkTarget

    init(
        _ origin: SyntheticOrigin, permissions: UInt32 = 0o777, _ subject: ProcSubject,
        _ target: @escaping () throws(Errno) -> ProcLinkTarget
    ) {
        self.subject = subject
        self.target = target
        super.init(origin, type: .symlink, permissions: permissions)
    }

    override func readlink(_ context: VFSContext) throws(Errno) -> [UInt8] {
        try subject.checkAccess(context)
        switch try target() {
        case .path(let path): return pathString(of: path, root: context.root)
        case .description(let description): return Array(description.displayName.utf8)
        }
    }

    override func magicTarget(_ context: VFSContext) throws(Errno) -> VFSPath? {
        try subject.checkAccess(context)
        switch try target() {
        case .path(let path): return path
        case .description(let description):
            guard let inode = description.inode else { throw .ENXIO }
            return VFSPath.unnamed(inode, displayName: description.displayName)
        }
    }
}
