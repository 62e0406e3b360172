// /dev: a fixed tree of device nodes and links.
import LinuxABI
import VFS

/// The file system mounted on /dev. Its names are fixed: `shm`, `pts` and `mqueue` are there to mount on.
public final class DevFileSystem: FileSystem {
    /// The tree's root: the mount's root dentry gets it.
    public private(set) var root: Inode

    /// `terminals` are what /dev/tty and /dev/pts lead to.
    public init(terminals: TerminalRegistry, time: Timespec) {
        // The root needs the file system and the file system the root: a placeholder stands in for the moment between.
        root = Inode(fileSystem: AnonymousFileSystem.anonymousInodes, number: 0, type: .directory)
        super.init(typeName: "devtmpfs", device: 6)

        var lastNumber: UInt64 = 0
        func origin() -> SyntheticOrigin {
            lastNumber += 1
            return SyntheticOrigin(fileSystem: self, number: lastNumber, time: time)
        }
        let tree = StaticDirectory(origin(), permissions: 0o755)
        func device(_ name: String, _ number: UInt64) {
            tree.add(name, DeviceInode(origin(), device: number, permissions: 0o666))
        }
        device("null", DeviceNumber.null)
        device("zero", DeviceNumber.zero)
        device("full", DeviceNumber.full)
        device("random", DeviceNumber.random)
        device("urandom", DeviceNumber.urandom)
        tree.add("tty", ControllingTerminalInode(origin(), terminals))
        for (name, target) in [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
            ("core", "/proc/kcore"),
        ] {
            tree.add(name, SyntheticSymlink(origin(), target: target))
        }
        tree.add("shm", StaticDirectory(origin(), permissions: 0o1777))
        tree.add("mqueue", StaticDirectory(origin(), permissions: 0o1777))
        tree.add("pts", TerminalDirectory(origin(), terminals))
        root = tree
    }

    override public func statistics(_ context: VFSContext) throws(Errno) -> FileSystemStatistics {
        FileSystemStatistics(magic: 0x0102_1994)
    }
}

/// /dev/tty: whatever terminal the caller's session has.
final class ControllingTerminalInode: SyntheticInode {
    private let terminals: TerminalRegistry

    init(_ origin: SyntheticOrigin, _ terminals: TerminalRegistry) {
        self.terminals = terminals
        super.init(origin, type: .characterDevice, permissions: 0o666)
    }

    override func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var attributes = try super.attributes(context)
        attributes.specialDevice = DeviceNumber.tty
        return attributes
    }

    override func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        if change.permissions != nil || change.uid != nil || change.gid != nil { throw .EPERM }
    }

    override func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        guard let terminal = terminals.controlling(context) else { throw .ENXIO }
        return terminal.makeDescription(flags: flags)
    }
}

/// /dev/pts: the terminals that there are. No new ones can be made: there is no ptmx yet.
final class TerminalDirectory: SyntheticDirectory {
    private let terminals: TerminalRegistry

    init(_ origin: SyntheticOrigin, _ terminals: TerminalRegistry) {
        self.terminals = terminals
        super.init(origin, permissions: 0o755)
    }

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        guard let terminal = terminals.terminals.first(where: { name.elementsEqual(String($0.index).utf8) }) else { throw .ENOENT }
        return terminal.inode
    }

    override func entries(_ context: VFSContext) throws(Errno) -> [SyntheticEntry] {
        terminals.terminals.map { SyntheticEntry(Array(String($0.index).utf8), $0.inode) }
    }
}
