// What path arguments mean: a directory descriptor, a path, AT_ flags.
import Kernel
import LinuxABI
import Memory
import VFS

enum AtFlags {
    static let AT_SYMLINK_NOFOLLOW: Int32 = 0x100
    static let AT_EACCESS: Int32 = 0x200
    static let AT_REMOVEDIR: Int32 = 0x200
    static let AT_SYMLINK_FOLLOW: Int32 = 0x400
    static let AT_NO_AUTOMOUNT: Int32 = 0x800
    static let AT_EMPTY_PATH: Int32 = 0x1000
}

/// A file that a call acts on: by its place, or through a descriptor that may have none.
enum FileTarget {
    case place(VFSPath)
    case description(FileDescription)

    var place: VFSPath? {
        switch self {
        case .place(let place): place
        case .description(let file): file.path
        }
    }

    /// - Throws: `EBADF` for a description without an inode.
    func inode() throws(Errno) -> Inode {
        switch self {
        case .place(let place):
            guard let inode = place.inode else { throw .ENOENT }
            return inode
        case .description(let file):
            guard let inode = file.inode else { throw .EBADF }
            return inode
        }
    }

    func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        switch self {
        case .place: return try inode().attributes(context)
        case .description(let file): return try file.attributes(context)
        }
    }
}

extension Task {
    /// - Throws: `EFAULT`, `ENAMETOOLONG`.
    func path(_ address: UserAddress) throws(Errno) -> [UInt8] { try memory.copyInString(address, limit: 4096) }

    /// Where a relative path begins; nil for the working directory, and for absolute paths, which ignore the descriptor.
    ///
    /// - Throws: `EBADF`; `ENOTDIR` if it is no directory.
    func start(_ directory: FD, for path: [UInt8]) throws(Errno) -> VFSPath? {
        if directory == .cwd || path.first == UInt8(ascii: "/") { return nil }
        if path.isEmpty { throw .ENOENT }
        let file = try files.getAllowingPath(directory)
        guard let place = file.path, file.inode?.type == .directory else { throw .ENOTDIR }
        return place
    }

    /// The existing file that the arguments name. AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH are seen to; the caller has checked the others.
    func target(_ directory: FD, _ address: UserAddress, flags: Int32) throws(Errno) -> FileTarget {
        let allowsEmpty = flags & AtFlags.AT_EMPTY_PATH != 0
        // Since Linux 6.11 a null pointer will do for an empty path.
        let path = allowsEmpty && address.isNull ? [] : try path(address)
        if path.isEmpty, allowsEmpty {
            if directory == .cwd { return .place(fs.workingDirectory) }
            return .description(try files.getAllowingPath(directory))
        }
        let start = try start(directory, for: path)
        return .place(try vfs.resolve(path, from: start, flags & AtFlags.AT_SYMLINK_NOFOLLOW != 0 ? [] : .followLast))
    }

    /// The same for calls that take no flags.
    func place(_ address: UserAddress, follow: WalkOptions = .followLast) throws(Errno) -> VFSPath {
        try vfs.resolve(try path(address), follow)
    }
}
