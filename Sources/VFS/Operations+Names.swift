import Auth
import LinuxABI

// Making, removing and moving names (Linux's vfs_create … vfs_rename): permission, read-only mounts, the dentry cache.

extension VFSContext {
    /// Common checks before `name` is made in `parent`.
    private func prepareNew(_ parent: VFSPath) throws(Errno) -> Inode {
        guard let directory = parent.inode else { throw .ENOENT }
        if parent.dentry.isDeleted { throw .ENOENT }
        // /proc makes no names for others, and does not even say why.
        if !directory.fileSystem.cachesDentries { throw .ENOENT }
        if parent.mount.isReadOnly { throw .EROFS }
        try check(directory, [.write, .execute])
        return directory
    }

    /// The new name's dentry takes the place of a negative one.
    private func enter(_ inode: Inode, _ name: FileName, _ parent: VFSPath) -> Dentry {
        if let old = parent.dentry.children[name] { parent.dentry.drop(old) }
        let dentry = Dentry(name: name, parent: parent.dentry, inode: inode)
        if inode.fileSystem.cachesDentries { parent.dentry.cache(dentry) }
        return dentry
    }

    func makeNode(
        in parent: VFSPath, _ name: FileName, type: FileType, permissions: UInt32, specialDevice: UInt64
    ) throws(Errno) -> Dentry {
        let directory = try prepareNew(parent)
        let inode = try directory.create(
            name, type: type, permissions: permissions & ~umask & 0o7777, specialDevice: specialDevice, self)
        return enter(inode, name, parent)
    }

    /// mknod(2). - Throws: `EEXIST`, `EPERM` for devices without CAP_MKNOD.
    public final func makeNode(
        _ path: [UInt8], from start: VFSPath? = nil, type: FileType, permissions: UInt32, specialDevice: UInt64
    ) throws(Errno) -> VFSPath {
        let result = try walk(path, from: start, .lastIsName)
        if result.path != nil { throw .EEXIST }
        if result.wantsDirectory { throw .ENOENT }
        if type == .characterDevice || type == .blockDevice, !credentials.has(.CAP_MKNOD) { throw .EPERM }
        let dentry = try makeNode(in: result.parent, result.name, type: type, permissions: permissions, specialDevice: specialDevice)
        return VFSPath(mount: result.parent.mount, dentry: dentry)
    }

    /// mkdir(2).
    public final func makeDirectory(_ path: [UInt8], from start: VFSPath? = nil, permissions: UInt32) throws(Errno) {
        let result = try walk(path, from: start, .lastIsName)
        if result.path != nil { throw .EEXIST }
        let directory = try prepareNew(result.parent)
        let inode = try directory.makeDirectory(result.name, permissions: permissions & ~umask & 0o1777, self)
        _ = enter(inode, result.name, result.parent)
    }

    /// symlink(2).
    public final func makeSymlink(_ target: [UInt8], _ path: [UInt8], from start: VFSPath? = nil) throws(Errno) {
        if target.isEmpty { throw .ENOENT }
        if target.count >= 4096 { throw .ENAMETOOLONG }
        let result = try walk(path, from: start, .lastIsName)
        if result.path != nil { throw .EEXIST }
        if result.wantsDirectory { throw .ENOENT }
        let directory = try prepareNew(result.parent)
        _ = enter(try directory.symlink(result.name, target: target, self), result.name, result.parent)
    }

    /// link(2): a further name for the file at `source`.
    public final func link(_ source: VFSPath, _ path: [UInt8], from start: VFSPath? = nil) throws(Errno) {
        guard let inode = source.inode else { throw .ENOENT }
        let result = try walk(path, from: start, .lastIsName)
        if result.path != nil { throw .EEXIST }
        if result.wantsDirectory { throw .ENOENT }
        if source.mount !== result.parent.mount { throw .EXDEV }
        if inode.type == .directory { throw .EPERM }
        // A file that has lost its last name gets none again.
        if try inode.attributes(self).linkCount == 0, !inode.isLinkable { throw .ENOENT }
        let directory = try prepareNew(result.parent)
        if inode.fileSystem !== directory.fileSystem { throw .EXDEV }
        try directory.link(result.name, to: inode, self)
        _ = enter(inode, result.name, result.parent)
    }

    /// unlink(2).
    public final func unlink(_ path: [UInt8], from start: VFSPath? = nil) throws(Errno) {
        let result = try walk(path, from: start, .lastIsName)
        if result.name.isEmpty { throw result.path?.inode?.type == .directory ? .EISDIR : .ENOENT }
        guard let place = result.path, let inode = place.inode else { throw .ENOENT }
        if result.wantsDirectory { throw inode.type == .directory ? .EISDIR : .ENOTDIR }
        guard let directory = result.parent.inode else { throw .ENOENT }
        if result.parent.mount.isReadOnly { throw .EROFS }
        try checkRemoval(of: inode, from: directory)
        if inode.type == .directory { throw .EISDIR }
        if place.mount !== result.parent.mount || place.dentry.mountCount > 0 { throw .EBUSY }
        try directory.unlink(result.name, inode, self)
        forget(place.dentry)
    }

    /// rmdir(2).
    public final func removeDirectory(_ path: [UInt8], from start: VFSPath? = nil) throws(Errno) {
        let result = try walk(path, from: start, .lastIsName)
        if result.endsInDot { throw .EINVAL }
        guard let place = result.path, let inode = place.inode else { throw .ENOENT }
        if result.endsInDotDot { throw .ENOTEMPTY }
        if result.name.isEmpty { throw .EBUSY }
        guard let directory = result.parent.inode else { throw .ENOENT }
        if inode.type != .directory { throw .ENOTDIR }
        if result.parent.mount.isReadOnly { throw .EROFS }
        try checkRemoval(of: inode, from: directory)
        if place.mount !== result.parent.mount || place.dentry.mountCount > 0 { throw .EBUSY }
        try directory.removeDirectory(result.name, inode, self)
        forget(place.dentry)
    }

    /// A removed name leaves the cache; whoever still holds it sees that it is gone.
    private func forget(_ dentry: Dentry) {
        dentry.parent?.drop(dentry)
        dentry.dropChildren()
        dentry.isDeleted = true
    }

    /// What renameat2(2) may be asked for.
    public struct RenameFlags: OptionSet, Sendable {
        public let rawValue: UInt32

        public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let RENAME_NOREPLACE = RenameFlags(rawValue: 1)
        public static let RENAME_EXCHANGE = RenameFlags(rawValue: 2)
        public static let RENAME_WHITEOUT = RenameFlags(rawValue: 4)
    }

    /// rename(2) and renameat2(2).
    ///
    /// - Throws: `EXDEV` across mounts; `EINVAL` into itself; `ENOTEMPTY`, `EEXIST`, `EISDIR`, `ENOTDIR`, `EBUSY`, `EROFS`.
    public final func rename(
        _ old: [UInt8], from oldStart: VFSPath? = nil, to new: [UInt8], from newStart: VFSPath? = nil, flags: RenameFlags = []
    ) throws(Errno) {
        // Whiteouts are the overlay's own affair here.
        if flags.contains(.RENAME_WHITEOUT) || flags.contains([.RENAME_EXCHANGE, .RENAME_NOREPLACE]) { throw .EINVAL }
        let source = try walk(old, from: oldStart, .lastIsName)
        let target = try walk(new, from: newStart, .lastIsName)
        guard source.parent.mount === target.parent.mount else { throw .EXDEV }
        if source.name.isEmpty || target.name.isEmpty { throw .EBUSY }
        guard let place = source.path, let inode = place.inode, let oldDirectory = source.parent.inode,
            let newDirectory = target.parent.inode
        else { throw .ENOENT }
        if target.path == nil, !newDirectory.fileSystem.cachesDentries { throw .ENOENT }
        if inode.type != .directory && (source.wantsDirectory || target.wantsDirectory) { throw .ENOTDIR }
        if source.parent.mount.isReadOnly { throw .EROFS }
        if target.path != nil && flags.contains(.RENAME_NOREPLACE) { throw .EEXIST }
        if place.mount !== source.parent.mount || place.dentry.mountCount > 0 { throw .EBUSY }
        if inode.type == .directory, isAncestor(place.dentry, of: target.parent.dentry) { throw .EINVAL }
        let replaced = target.path?.inode
        if let replacedPath = target.path, replaced != nil {
            if replacedPath.mount !== target.parent.mount || replacedPath.dentry.mountCount > 0 { throw .EBUSY }
            if isAncestor(replacedPath.dentry, of: source.parent.dentry) {
                throw flags.contains(.RENAME_EXCHANGE) ? .EINVAL : .ENOTEMPTY
            }
        }
        if flags.contains(.RENAME_EXCHANGE) {
            guard let other = target.path, let otherInode = other.inode else { throw .ENOENT }
            if otherInode.type != .directory && target.wantsDirectory { throw .ENOTDIR }
            try checkRemoval(of: inode, from: oldDirectory)
            try checkRemoval(of: otherInode, from: newDirectory)
            if otherInode === inode { return }
            try oldDirectory.exchange(source.name, inode, with: newDirectory, target.name, otherInode, self)
            source.parent.dentry.drop(place.dentry)
            target.parent.dentry.drop(other.dentry)
            place.dentry.move(to: target.parent.dentry, name: target.name)
            other.dentry.move(to: source.parent.dentry, name: source.name)
            if inode.fileSystem.cachesDentries {
                target.parent.dentry.cache(place.dentry)
                source.parent.dentry.cache(other.dentry)
            }
            return
        }
        try checkRemoval(of: inode, from: oldDirectory)
        if let replaced {
            try checkRemoval(of: replaced, from: newDirectory)
            if replaced === inode { return }
            if inode.type == .directory && replaced.type != .directory { throw .ENOTDIR }
            if inode.type != .directory && replaced.type == .directory { throw .EISDIR }
        } else {
            if target.parent.dentry.isDeleted { throw .ENOENT }
            try check(newDirectory, [.write, .execute])
        }
        // A directory that changes its parent has its `..` rewritten.
        if inode.type == .directory, oldDirectory !== newDirectory { try check(inode, .write) }
        try oldDirectory.rename(source.name, inode, to: newDirectory, target.name, replacing: replaced, self)
        if let replacedPath = target.path { forget(replacedPath.dentry) }
        if let negative = target.parent.dentry.children[target.name] { target.parent.dentry.drop(negative) }
        place.dentry.parent?.drop(place.dentry)
        place.dentry.move(to: target.parent.dentry, name: target.name)
        if inode.fileSystem.cachesDentries { target.parent.dentry.cache(place.dentry) }
    }

    private func isAncestor(_ dentry: Dentry, of other: Dentry) -> Bool {
        var current: Dentry? = other
        while let candidate = current {
            if candidate === dentry { return true }
            current = candidate.parent
        }
        return false
    }
}
