import Auth
import LinuxABI
import Primitives

/// A name in a directory: bytes, never a String; not empty, no '/', no NUL, at most 255 bytes.
public typealias FileName = [UInt8]

/// One file of a file system, whatever its names. Guarded by the kernel lock.
///
/// The defaults throw what Linux returns for a file system that lacks the operation. File systems override what they have.
/// Permission checks, mount crossing, negative caching and `.`/`..` are done above, in the path walk and ``Dentry``.
/// An operation that must ask a gofer calls ``VFSContext/requireSlowPath()`` before it changes anything.
open class Inode {
    public unowned let fileSystem: FileSystem
    public final let number: UInt64
    public final let type: FileType

    public init(fileSystem: FileSystem, number: UInt64, type: FileType) {
        self.fileSystem = fileSystem
        self.number = number
        self.type = type
    }

    /// The attributes, current.
    open func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes { FileAttributes(type: type, permissions: 0) }

    /// Changes what `change` names; permission was checked above. Sets ctime.
    open func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) { throw .EPERM }

    // Directories.

    /// The file called `name`. - Throws: `ENOENT`, `ENOTDIR`.
    open func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode { throw .ENOTDIR }

    /// A hint of the path walk before ``lookup(_:_:)`` of the first of `names` (plain names, no `.` or `..`): the file system may fetch
    /// several components with one request to its gofer. Whatever cannot be fetched is left to the lookups.
    ///
    /// - Throws: `needsSlowPath` only.
    open func prefetch(_ names: ArraySlice<FileName>, _ context: VFSContext) throws(Errno) {}

    /// A new regular file, fifo, socket node or device; the name is known not to exist. Owner is the context's fsuid/fsgid (a set-group-ID
    /// directory gives its group); `permissions` has umask applied.
    open func create(
        _ name: FileName, type: FileType, permissions: UInt32, specialDevice: UInt64, _ context: VFSContext
    ) throws(Errno) -> Inode { throw .EPERM }

    open func makeDirectory(_ name: FileName, permissions: UInt32, _ context: VFSContext) throws(Errno) -> Inode { throw .EPERM }
    open func symlink(_ name: FileName, target: [UInt8], _ context: VFSContext) throws(Errno) -> Inode { throw .EPERM }
    /// A further name for `inode`, which is of the same file system.
    open func link(_ name: FileName, to inode: Inode, _ context: VFSContext) throws(Errno) { throw .EPERM }
    /// Removes the name of a file that is not a directory.
    open func unlink(_ name: FileName, _ inode: Inode, _ context: VFSContext) throws(Errno) { throw .EPERM }
    /// Removes an empty directory. - Throws: `ENOTEMPTY`.
    open func removeDirectory(_ name: FileName, _ inode: Inode, _ context: VFSContext) throws(Errno) { throw .EPERM }
    /// Moves `name` to `newName` of `newParent` (same file system), replacing `replaced` if given (type compatibility was checked above;
    /// emptiness was not).
    open func rename(
        _ name: FileName, _ inode: Inode, to newParent: Inode, _ newName: FileName, replacing replaced: Inode?, _ context: VFSContext
    ) throws(Errno) { throw .EPERM }

    /// A regular file without a name in this directory's file system (O_TMPFILE).
    open func makeUnnamed(permissions: UInt32, _ context: VFSContext) throws(Errno) -> Inode { throw .EOPNOTSUPP }
    /// Swaps two names that both exist (RENAME_EXCHANGE): `name` of this directory and `otherName` of `otherParent`.
    open func exchange(
        _ name: FileName, _ inode: Inode, with otherParent: Inode, _ otherName: FileName, _ other: Inode, _ context: VFSContext
    ) throws(Errno) { throw .EINVAL }

    // Other types.

    /// A symbolic link's target. - Throws: `EINVAL` for other types.
    open func readlink(_ context: VFSContext) throws(Errno) -> [UInt8] { throw .EINVAL }

    /// A magic link of /proc (`/proc/self/fd/3`, `exe`, `cwd`): where it leads, without going through its text. Pipes, terminals and
    /// anonymous inodes have a path on an internal mount, so that stat and open through the link work; nil: not a magic link.
    open func magicTarget(_ context: VFSContext) throws(Errno) -> VFSPath? { nil }

    /// Opens the file: permission was checked, `O_CREAT|O_EXCL|O_NOFOLLOW|O_DIRECTORY` were dealt with, `O_TRUNC` was not
    /// (regular files truncate here).
    open func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription { throw .ENXIO }

    // Extended attributes.

    open func getXattr(_ name: [UInt8], _ context: VFSContext) throws(Errno) -> [UInt8] { throw .EOPNOTSUPP }
    open func setXattr(_ name: [UInt8], _ value: [UInt8], flags: Int32, _ context: VFSContext) throws(Errno) { throw .EOPNOTSUPP }
    open func listXattrs(_ context: VFSContext) throws(Errno) -> [[UInt8]] { throw .EOPNOTSUPP }
    open func removeXattr(_ name: [UInt8], _ context: VFSContext) throws(Errno) { throw .EOPNOTSUPP }

    /// The bound unix socket or the pipe that lives in this inode, if any; set by its owner.
    public final var attachment: AnyObject?
    /// Made without a name (O_TMPFILE): link(2) may give it one although it has none.
    public final var isLinkable = false
    /// Advisory locks on this file (flock, POSIX, OFD); created on first use.
    public final var locks: AnyObject?
}

/// A mounted file system (Linux's superblock).
open class FileSystem {
    /// As in /proc/mounts: "tmpfs", "overlay", "proc".
    public final let typeName: String
    /// `st_dev` of its files.
    public final let device: UInt64
    /// The names of it that are remembered.
    public final let dentryCache = DentryCache()

    public init(typeName: String, device: UInt64) {
        self.typeName = typeName
        self.device = device
    }

    /// Whether names can change behind the sentry's back (a `shared` gofer mount): dentries are revalidated.
    open var revalidates: Bool { false }
    /// Whether dentries may be cached at all (/proc: no).
    open var cachesDentries: Bool { true }
    /// Its last mount is gone: what only served names is let go; open files go on.
    open func unmounted() {}
    /// statfs(2)'s answer.
    open func statistics(_ context: VFSContext) throws(Errno) -> FileSystemStatistics { FileSystemStatistics(magic: 0) }
}

/// `struct statfs` without padding.
public struct FileSystemStatistics: Sendable {
    public var magic: UInt64
    public var blockSize: UInt64 = 4096
    public var blocks: UInt64 = 0
    public var freeBlocks: UInt64 = 0
    public var availableBlocks: UInt64 = 0
    public var files: UInt64 = 0
    public var freeFiles: UInt64 = 0
    public var nameLength: UInt64 = 255

    public init(magic: UInt64) { self.magic = magic }
}
