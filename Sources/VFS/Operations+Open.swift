import Auth
import LinuxABI

// open(2) above the file systems (Linux's do_sys_openat2).

/// An O_PATH descriptor: a place, without the right to do anything with its content.
public final class PathDescription: FileDescription {
    public init(_ path: VFSPath) { super.init(flags: .O_PATH, path: path) }

    override public func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .EBADF }
    override public func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .EBADF }
    override public func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 { throw .EBADF }
    override public func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) { throw .EBADF }
}

extension VFSContext {
    /// Opens, and creates if asked to.
    ///
    /// - Parameter permissions: of a file that is made, before the umask.
    /// - Throws: `ENOENT`, `EEXIST`, `EISDIR`, `ENOTDIR`, `ELOOP`, `EACCES`, `EPERM`, `EROFS`, `EINVAL`, and what the file system throws.
    public final func open(
        _ path: [UInt8], from start: VFSPath? = nil, flags: OpenFlags, permissions: UInt32, walk extra: WalkOptions = []
    ) throws(Errno) -> FileDescription {
        if flags.contains(.O_TMPFILE) { return try openUnnamed(path, from: start, flags: flags, permissions: permissions, extra) }
        var options = extra
        let exclusive = flags.contains([.O_CREAT, .O_EXCL])
        if !flags.contains(.O_NOFOLLOW) && !exclusive { options.insert(.followLast) }
        let result = try walk(path, from: start, options)
        if let place = result.path {
            if flags.contains([.O_CREAT, .O_EXCL]) { throw .EEXIST }
            return try open(place, flags: flags, wantsDirectory: result.wantsDirectory)
        }
        guard flags.contains(.O_CREAT), !flags.contains(.O_PATH) else { throw .ENOENT }
        if result.wantsDirectory { throw .EISDIR }
        let dentry = try makeNode(in: result.parent, result.name, type: .regular, permissions: permissions, specialDevice: 0)
        let place = VFSPath(mount: result.parent.mount, dentry: dentry)
        guard let inode = dentry.inode else { throw .ENOENT }
        // A file just made is open whatever its mode says.
        return try inode.open(place, flags: flags.subtracting([.O_CREAT, .O_EXCL, .O_TRUNC]), self)
    }

    /// O_TMPFILE: a new file in the directory's file system, under no name.
    private func openUnnamed(
        _ path: [UInt8], from start: VFSPath?, flags: OpenFlags, permissions: UInt32, _ extra: WalkOptions
    ) throws(Errno) -> FileDescription {
        guard flags.writes else { throw .EINVAL }
        let directory = try resolve(path, from: start, flags.contains(.O_NOFOLLOW) ? extra : extra.union(.followLast))
        guard let parent = directory.inode, parent.type == .directory else { throw .ENOTDIR }
        if directory.mount.isReadOnly { throw .EROFS }
        try check(parent, [.write, .execute])
        let inode = try parent.makeUnnamed(permissions: permissions & ~umask & 0o7777, self)
        inode.isLinkable = !flags.contains(.O_EXCL)
        // Linux shows it so too.
        let dentry = Dentry(name: Array("#\(inode.number)".utf8), parent: directory.dentry, inode: inode)
        dentry.isDeleted = true
        return try inode.open(
            VFSPath(mount: directory.mount, dentry: dentry), flags: flags.subtracting([.O_CREAT, .O_EXCL, .O_TRUNC]), self)
    }

    /// Opens an existing place.
    public final func open(_ place: VFSPath, flags: OpenFlags, wantsDirectory: Bool = false) throws(Errno) -> FileDescription {
        guard let inode = place.inode else { throw .ENOENT }
        let isDirectory = inode.type == .directory
        if (wantsDirectory || flags.contains(.O_DIRECTORY)) && !isDirectory { throw .ENOTDIR }
        if flags.contains(.O_PATH) { return PathDescription(place) }
        if inode.type == .symlink { throw .ELOOP }
        if isDirectory && (flags.writes || !flags.isDisjoint(with: [.O_CREAT, .O_TRUNC])) { throw .EISDIR }
        if inode.type == .socket { throw .ENXIO }
        var mask: AccessMask = []
        if flags.reads { mask.insert(.read) }
        if flags.writes || flags.contains(.O_TRUNC) { mask.insert(.write) }
        try check(inode, mask)
        if mask.contains(.write), place.mount.isReadOnly, inode.type == .regular { throw .EROFS }
        if flags.contains(.O_NOATIME), !isOwner(try inode.attributes(self)) { throw .EPERM }
        var passed = flags.subtracting([.O_CREAT, .O_EXCL])
        if inode.type != .regular { passed.remove(.O_TRUNC) }
        let file = try inode.open(place, flags: passed, self)
        if passed.contains(.O_TRUNC) { try dropPrivileges(inode) }
        return file
    }
}

/// Opens a program for execve(2): a regular file that the caller may execute.
///
/// - Throws: `EACCES`, and what the walk throws.
public func openForExec(
    _ path: [UInt8], from start: VFSPath?, noFollow: Bool, _ context: VFSContext
) throws(Errno) -> FileDescription {
    let place = try context.resolve(path, from: start, noFollow ? [] : .followLast)
    if place.inode?.type == .symlink { throw .ELOOP }
    return try openForExec(place, context)
}

/// The same for a place at hand.
public func openForExec(_ place: VFSPath, _ context: VFSContext) throws(Errno) -> FileDescription {
    guard let inode = place.inode else { throw .ENOENT }
    guard inode.type == .regular else { throw .EACCES }
    try context.check(try inode.attributes(context), .execute)
    // The file is read by the kernel: execute permission is enough.
    return try inode.open(place, flags: [], context)
}
