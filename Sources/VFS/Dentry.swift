import LinuxABI

/// A name's place in the tree of one file system: parent, name, and the inode (nil: known not to exist).
///
/// Guarded by the kernel lock. Parents are kept alive by children; children are in the parent's cache.
public final class Dentry {
    public fileprivate(set) var name: FileName
    public fileprivate(set) var parent: Dentry?
    public var inode: Inode?
    public var children: [FileName: Dentry] = [:]
    /// The file was removed or its directory was: `(deleted)`, no new names below it.
    public var isDeleted = false
    /// Mounts on this dentry, in any namespace: the walk looks for them only if there are some.
    public internal(set) var mountCount = 0
    /// Asked for since ``DentryCache`` last came by.
    var isRecent = false
    /// Its place in the ``DentryCache``; nil if it is in none.
    var cacheIndex: Int?

    public init(name: FileName, parent: Dentry?, inode: Inode?) {
        self.name = name
        self.parent = parent
        self.inode = inode
    }

    /// A workload can make chains of any length: they are let go one by one, because nested deinits would overflow the stack.
    deinit {
        var next = parent
        parent = nil
        while next != nil, isKnownUniquelyReferenced(&next) {
            let current = next
            next = current?.parent
            current?.parent = nil
        }
    }

    /// Takes a new place after a rename.
    public func move(to parent: Dentry, name: FileName) {
        self.parent = parent
        self.name = name
    }
}

/// A mounted tree's instance in a mount namespace.
public final class Mount {
    public let fileSystem: FileSystem
    public let root: Dentry
    /// Where it is mounted; nil for the namespace's root.
    public var mountPoint: VFSPath?
    public var isReadOnly: Bool
    public let id: Int
    /// The namespace it is in; nil for internal mounts (pipes, memfds).
    public internal(set) weak var namespace: MountNamespace?
    /// Shown in /proc/mounts as the device.
    public let source: String

    public init(fileSystem: FileSystem, root: Dentry, mountPoint: VFSPath?, isReadOnly: Bool, id: Int, source: String) {
        self.fileSystem = fileSystem
        self.root = root
        self.mountPoint = mountPoint
        self.isReadOnly = isReadOnly
        self.id = id
        self.source = source
    }
}

/// A place in the tree that a process sees: a dentry on a mount (Linux's `struct path`).
public struct VFSPath {
    public let mount: Mount
    public let dentry: Dentry

    public init(mount: Mount, dentry: Dentry) {
        self.mount = mount
        self.dentry = dentry
    }

    /// The inode; nil if the name does not exist.
    public var inode: Inode? { dentry.inode }
}
