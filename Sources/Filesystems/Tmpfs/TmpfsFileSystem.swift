// tmpfs: a file system in the sentry's memory.
import LinuxABI
import VFS

/// One tmpfs: its limits, and what its files use. Guarded by the kernel lock.
public final class TmpfsFileSystem: FileSystem {
    /// Most bytes of file contents; writers get ENOSPC beyond.
    public let sizeLimit: UInt64
    /// Most inodes.
    public let inodeLimit: UInt64
    private(set) var usedBytes: UInt64 = 0
    private(set) var usedInodes: UInt64 = 0
    private var lastInode: UInt64 = 0
    public private(set) var root: TmpfsDirectory?

    /// An empty file system whose root has these attributes.
    public init(
        device: UInt64, sizeLimit: UInt64 = 1 << 30, inodeLimit: UInt64 = 1 << 20, rootPermissions: UInt32 = 0o1777, uid: UInt32 = 0,
        gid: UInt32 = 0, now: Timespec
    ) {
        self.sizeLimit = sizeLimit
        self.inodeLimit = inodeLimit
        super.init(typeName: "tmpfs", device: device)
        var attributes = FileAttributes(type: .directory, permissions: rootPermissions)
        attributes.uid = uid
        attributes.gid = gid
        usedInodes = 1
        lastInode = 1
        root = TmpfsDirectory(self, number: 1, attributes, now: now, parent: nil)
    }

    /// The tree goes: it and the file system keep each other alive.
    override public func unmounted() { root = nil }

    override public func statistics(_ context: VFSContext) throws(Errno) -> FileSystemStatistics {
        var result = FileSystemStatistics(magic: 0x0102_1994)
        result.blocks = sizeLimit / 4096
        result.freeBlocks = (sizeLimit - min(sizeLimit, usedBytes)) / 4096
        result.availableBlocks = result.freeBlocks
        result.files = inodeLimit
        result.freeFiles = inodeLimit - min(inodeLimit, usedInodes)
        return result
    }

    /// Takes a number for a new inode. - Throws: `ENOSPC` at the limit.
    func takeInode() throws(Errno) -> UInt64 {
        guard usedInodes < inodeLimit else { throw .ENOSPC }
        usedInodes += 1
        lastInode += 1
        return lastInode
    }

    func giveInode() { usedInodes -= min(usedInodes, 1) }

    /// A further name of an inode counts as one, as on Linux (shmem_link). - Throws: `ENOSPC` at the limit.
    func takeLink() throws(Errno) {
        guard usedInodes < inodeLimit else { throw .ENOSPC }
        usedInodes += 1
    }

    /// Accounts for contents that grow or shrink. - Throws: `ENOSPC` at the limit.
    func charge(from old: UInt64, to new: UInt64) throws(Errno) {
        if new > old {
            let (sum, overflow) = usedBytes.addingReportingOverflow(new - old)
            if overflow || sum > sizeLimit { throw .ENOSPC }
            usedBytes = sum
        } else {
            usedBytes -= min(usedBytes, old - new)
        }
    }

    /// Accounts for what is there already, whatever the limit is.
    func recharge(from old: UInt64, to new: UInt64) {
        usedBytes -= min(usedBytes, old)
        let (sum, overflow) = usedBytes.addingReportingOverflow(new)
        usedBytes = overflow ? .max : sum
    }

    /// Makes an inode of any type but a directory's parent link; the caller enters it.
    func make(
        _ type: FileType, permissions: UInt32, in directory: TmpfsDirectory, specialDevice: UInt64 = 0, target: [UInt8] = [],
        _ context: VFSContext
    ) throws(Errno) -> TmpfsInode {
        let number = try takeInode()
        var attributes = FileAttributes(type: type, permissions: permissions)
        attributes.uid = context.credentials.fsuid
        attributes.gid = context.credentials.fsgid
        attributes.specialDevice = specialDevice
        // A set-group-ID directory passes its group on, and to directories the bit too (inode_init_owner).
        if directory.stored.permissions & 0o2000 != 0 {
            attributes.gid = directory.stored.gid
            if type == .directory { attributes.permissions |= 0o2000 }
        }
        let now = context.now
        switch type {
        case .directory: return TmpfsDirectory(self, number: number, attributes, now: now, parent: directory)
        case .regular: return TmpfsFile(self, number: number, attributes, now: now)
        case .symlink:
            let link = TmpfsSymlink(self, number: number, attributes, now: now, target: target)
            // Short ones lie in the inode on Linux too.
            if target.count > 128 { try link.chargeExtra(UInt64(target.count)) }
            return link
        default: return TmpfsInode(self, number: number, attributes, now: now)
        }
    }
}
