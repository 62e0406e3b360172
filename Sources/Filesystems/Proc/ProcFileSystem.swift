// /proc: the sandbox's own processes and a machine as programs expect one. Nothing of the host's processes is visible.
import Kernel
import LinuxABI
import VFS

/// The proc file system. Everything is made when it is looked up, and content when it is read.
public final class ProcFileSystem: FileSystem {
    unowned let kernel: Kernel
    let facts: HostFacts
    let startTime: Timespec
    /// /proc/sys/kernel/random/boot_id
    let bootID: [UInt8]
    /// The tree's root: the mount's root dentry gets it.
    public private(set) var root: Inode

    public init(kernel: Kernel, facts: HostFacts, time: Timespec) {
        self.kernel = kernel
        self.facts = facts
        startTime = time
        bootID = randomUUID()
        // A placeholder until the tree, which needs the file system, is built.
        root = Inode(fileSystem: AnonymousFileSystem.anonymousInodes, number: 0, type: .directory)
        super.init(typeName: "proc", device: 21)
        root = ProcRootDirectory(self)
    }

    override public var cachesDentries: Bool { false }

    override public func statistics(_ context: VFSContext) throws(Errno) -> FileSystemStatistics {
        FileSystemStatistics(magic: 0x9fa0)
    }

    func origin(_ number: UInt64, uid: UInt32 = 0, gid: UInt32 = 0) -> SyntheticOrigin {
        SyntheticOrigin(fileSystem: self, number: number, uid: uid, gid: gid, time: startTime)
    }
}

/// A random UUID's text, with a newline.
func randomUUID() -> [UInt8] {
    var random = [UInt8](repeating: 0, count: 16)
    random.withUnsafeMutableBytes { fillWithRandomBytes($0) }
    random[6] = random[6] & 0x0f | 0x40
    random[8] = random[8] & 0x3f | 0x80
    var text = ""
    for (index, byte) in random.enumerated() {
        if [4, 6, 8, 10].contains(index) { text += "-" }
        text += hexadecimal(UInt64(byte), width: 2)
    }
    return Array((text + "\n").utf8)
}

/// The root: a fixed part, and a directory for each process.
final class ProcRootDirectory: SyntheticDirectory {
    private unowned let proc: ProcFileSystem
    private let fixed: StaticDirectory

    init(_ proc: ProcFileSystem) {
        self.proc = proc
        fixed = procGlobalFiles(proc)
        super.init(proc.origin(1))
    }

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        guard let id = procNumber(name) else { return try fixed.lookup(name, context) }
        // A thread's id leads to its process too, though it is not listed.
        if let process = proc.kernel.processes[id] { return ProcTaskDirectory(ProcSubject(proc, process)) }
        if let task = proc.kernel.tasks[id] { return ProcTaskDirectory(ProcSubject(proc, task.process)) }
        throw .ENOENT
    }

    override func entries(_ context: VFSContext) throws(Errno) -> [SyntheticEntry] {
        let pids = proc.kernel.processes.keys.sorted()
        return try fixed.entries(context)
            + pids.map { SyntheticEntry(Array(String($0).utf8), ProcSubject.directoryNumber(process: $0), .directory) }
    }
}

/// A decimal id without leading zeros.
func procNumber(_ name: FileName) -> Int32? {
    guard name.count <= 10, name.first != 0x30 || name.count == 1 else { return nil }
    var value: Int64 = 0
    for byte in name {
        guard byte >= 0x30, byte <= 0x39 else { return nil }
        value = value * 10 + Int64(byte - 0x30)
    }
    return name.isEmpty ? nil : Int32(exactly: value)
}
