// The internal mounts that no path reaches: pipes, anonymous inodes, the host's standard streams.
import LinuxABI
import Synchronization
import VFS

/// A file system without names, whose inodes exist because a description refers to them (Linux's pipefs, anon_inodefs).
///
/// Sendable because it is immutable but for an atomic counter; its inodes are not.
final class AnonymousFileSystem: FileSystem, @unchecked Sendable {
    static let pipes = AnonymousFileSystem(typeName: "pipefs", device: 13, magic: 0x5049_5045)
    static let anonymousInodes = AnonymousFileSystem(typeName: "anon_inodefs", device: 14, magic: 0x0904_1934)
    static let hostStreams = AnonymousFileSystem(typeName: "devpts", device: 24, magic: 0x1cd1)

    private let lastNumber = Atomic<UInt64>(1000)
    private let magic: UInt64

    private init(typeName: String, device: UInt64, magic: UInt64) {
        self.magic = magic
        super.init(typeName: typeName, device: device)
    }

    func nextInodeNumber() -> UInt64 { lastNumber.wrappingAdd(1, ordering: .relaxed).newValue }

    override func statistics(_ context: VFSContext) throws(Errno) -> FileSystemStatistics { FileSystemStatistics(magic: magic) }
}

extension VFSPath {
    /// A path to `inode` on a mount of its own that no namespace holds: what `/proc/PID/fd/N` leads to when a description has no name.
    public static func unnamed(_ inode: Inode, displayName: String) -> VFSPath {
        let dentry = Dentry(name: Array(displayName.utf8), parent: nil, inode: inode)
        let mount = Mount(
            fileSystem: inode.fileSystem, root: dentry, mountPoint: nil, isReadOnly: false, id: -1, source: inode.fileSystem.typeName)
        return VFSPath(mount: mount, dentry: dentry)
    }
}

/// The inode behind epoll, eventfd, timerfd and signalfd: attributes only, it cannot be opened again (ENXIO, as on Linux).
final class AnonymousInode: Inode {
    /// One for all: Linux shares it too.
    static func make() -> AnonymousInode {
        AnonymousInode(fileSystem: AnonymousFileSystem.anonymousInodes, number: 1000, type: .regular)
    }

    override func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var attributes = FileAttributes(type: .regular, permissions: 0o600)
        attributes.device = fileSystem.device
        attributes.inode = number
        return attributes
    }
}
