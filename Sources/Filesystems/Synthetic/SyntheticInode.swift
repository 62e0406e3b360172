// Inodes that the sentry makes up: fixed attributes, content by code. What /dev and /proc are built of.
import LinuxABI
import VFS

/// An inode with fixed permissions, owner and times.
public class SyntheticInode: Inode {
    let permissions: UInt32
    let uid: UInt32
    let gid: UInt32
    let time: Timespec

    init(_ origin: SyntheticOrigin, type: FileType, permissions: UInt32) {
        self.permissions = permissions
        uid = origin.uid
        gid = origin.gid
        time = origin.time
        super.init(fileSystem: origin.fileSystem, number: origin.number, type: type)
    }

    override public func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var attributes = FileAttributes(type: type, permissions: permissions)
        attributes.device = fileSystem.device
        attributes.inode = number
        attributes.uid = uid
        attributes.gid = gid
        attributes.accessTime = time
        attributes.modificationTime = time
        attributes.changeTime = time
        attributes.birthTime = time
        return attributes
    }
}

/// What every synthetic inode needs to be told: whose it is, and its number.
struct SyntheticOrigin {
    let fileSystem: FileSystem
    var number: UInt64
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    var time: Timespec
}

/// One line of a synthetic directory's listing.
struct SyntheticEntry {
    let name: FileName
    let number: UInt64
    let type: FileType

    init(_ name: FileName, _ number: UInt64, _ type: FileType) {
        self.name = name
        self.number = number
        self.type = type
    }

    init(_ name: FileName, _ inode: Inode) { self.init(name, inode.number, inode.type) }
}

/// A directory whose names come from code.
public class SyntheticDirectory: SyntheticInode {
    init(_ origin: SyntheticOrigin, permissions: UInt32 = 0o555) {
        super.init(origin, type: .directory, permissions: permissions)
    }

    /// All names but `.` and `..`.
    func entries(_ context: VFSContext) throws(Errno) -> [SyntheticEntry] { [] }

    override public func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var attributes = try super.attributes(context)
        attributes.linkCount = 2
        return attributes
    }

    override public func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode { throw .ENOENT }

    /// What creating a name fails with: /proc says that it does not exist.
    private var creationError: Errno { fileSystem is ProcFileSystem ? .ENOENT : .EPERM }

    override public func create(
        _ name: FileName, type: FileType, permissions: UInt32, specialDevice: UInt64, _ context: VFSContext
    ) throws(Errno) -> Inode { throw creationError }

    override public func makeDirectory(_ name: FileName, permissions: UInt32, _ context: VFSContext) throws(Errno) -> Inode {
        throw creationError
    }

    override public func symlink(_ name: FileName, target: [UInt8], _ context: VFSContext) throws(Errno) -> Inode {
        throw creationError
    }

    override public func rename(
        _ name: FileName, _ inode: Inode, to newParent: Inode, _ newName: FileName, replacing replaced: Inode?, _ context: VFSContext
    ) throws(Errno) { throw replaced == nil ? creationError : .EPERM }

    override public func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        if flags.writes { throw .EISDIR }
        return SyntheticDirectoryDescription(directory: self, flags: flags, path: path)
    }
}

/// A directory with names that never change after the tree is built.
final class StaticDirectory: SyntheticDirectory {
    private var children: [FileName: Inode] = [:]
    private var order: [FileName] = []

    /// Adds a name; only while the tree is being built.
    func add(_ name: String, _ inode: Inode) {
        let name = Array(name.utf8)
        if children.updateValue(inode, forKey: name) == nil { order.append(name) }
    }

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        guard let child = children[name] else { throw .ENOENT }
        return child
    }

    override func entries(_ context: VFSContext) throws(Errno) -> [SyntheticEntry] {
        order.compactMap { name in children[name].map { SyntheticEntry(name, $0) } }
    }
}

/// An open synthetic directory: a listing taken when reading starts.
final class SyntheticDirectoryDescription: FileDescription {
    private let directory: SyntheticDirectory
    private var listing: [SyntheticEntry]?

    init(directory: SyntheticDirectory, flags: OpenFlags, path: VFSPath) {
        self.directory = directory
        super.init(flags: flags, path: path)
    }

    override var inode: Inode? { directory }
    override var isSeekable: Bool { true }

    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .EISDIR }

    override func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        self.offset = try seekPosition(offset, whence: whence, current: self.offset, end: 0)
        return self.offset
    }

    override func readDirectory(
        _ context: VFSContext, _ emit: (_ name: [UInt8], _ inode: UInt64, _ type: FileType, _ next: Int64) -> Bool
    ) throws(Errno) {
        if listing == nil || offset == 0 {
            let parent = path?.dentry.parent?.inode?.number ?? directory.number
            listing =
                [SyntheticEntry([0x2e], directory.number, .directory), SyntheticEntry([0x2e, 0x2e], parent, .directory)]
                + (try directory.entries(context))
        }
        guard let listing else { return }
        while offset >= 0 && offset < listing.count {
            let entry = listing[Int(offset)]
            guard emit(entry.name, entry.number, entry.type, offset + 1) else { return }
            offset += 1
        }
    }
}

/// A symbolic link whose text comes from code.
final class SyntheticSymlink: SyntheticInode {
    private let target: (VFSContext) throws(Errno) -> [UInt8]

    init(_ origin: SyntheticOrigin, _ target: @escaping (VFSContext) throws(Errno) -> [UInt8]) {
        self.target = target
        super.init(origin, type: .symlink, permissions: 0o777)
    }

    convenience init(_ origin: SyntheticOrigin, target: String) {
        self.init(origin) { (_: VFSContext) throws(Errno) -> [UInt8] in Array(target.utf8) }
    }

    override func readlink(_ context: VFSContext) throws(Errno) -> [UInt8] { try target(context) }
}

/// Where lseek(2) leads: SEEK_SET, SEEK_CUR, SEEK_END.
///
/// - Throws: `EINVAL` for another whence, a position below 0, and one past the largest.
func seekPosition(_ offset: Int64, whence: Int32, current: Int64, end: Int64) throws(Errno) -> Int64 {
    let base: Int64
    switch whence {
    case 0: base = 0
    case 1: base = current
    case 2: base = end
    default: throw .EINVAL
    }
    let (position, overflow) = base.addingReportingOverflow(offset)
    if overflow || position < 0 { throw .EINVAL }
    return position
}
