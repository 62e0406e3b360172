// Host calls on files below a directory descriptor, made on a guest's behalf: their errors are the guest's, and none of them traps.
import LinuxABI

/// One host call on the guest's behalf, EINTR retried.
///
/// - Throws: the host's error as the guest's. Unlike ``hostCall`` nothing traps: what the arguments name is not ours.
@discardableResult
public func fileCall(
    _ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
) throws(Errno) -> Int {
    while true {
        let result = rawHostCall(number, a, b, c, d, e, f)
        if result >= 0 || result < -4095 { return result }
        if result != -4 { throw Errno(Int32(-result)) }
    }
}

/// What statx(2) tells of a host file.
public struct HostFileStatus: Sendable, Equatable {
    public var mode: UInt32 = 0
    public var linkCount: UInt32 = 0
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    public var inode: UInt64 = 0
    /// As `makedev` encodes it.
    public var device: UInt64 = 0
    public var specialDevice: UInt64 = 0
    public var size: Int64 = 0
    public var blockSize: UInt32 = 0
    public var blocks: Int64 = 0
    public var accessTime = Timespec(seconds: 0, nanoseconds: 0)
    public var modificationTime = Timespec(seconds: 0, nanoseconds: 0)
    public var changeTime = Timespec(seconds: 0, nanoseconds: 0)
    public var birthTime = Timespec(seconds: 0, nanoseconds: 0)

    public init() {}

    /// `S_IFMT` part of the mode.
    public var format: UInt32 { mode & 0o170000 }
}

/// statfs(2)'s answer, the fields that matter.
public struct HostFileSystemStatus: Sendable, Equatable {
    public var magic: UInt64 = 0
    public var blockSize: UInt64 = 0
    public var blocks: UInt64 = 0
    public var freeBlocks: UInt64 = 0
    public var availableBlocks: UInt64 = 0
    public var files: UInt64 = 0
    public var freeFiles: UInt64 = 0
    public var nameLength: UInt64 = 0

    public init() {}
}

/// Calls on names below a directory descriptor. A name never leads through a symbolic link.
public enum HostDirectory {
    /// `openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`, close-on-exec.
    ///
    /// `flags` with `O_PATH | O_NOFOLLOW` gives a symbolic link itself.
    public static func open(_ directory: Int32, _ name: [UInt8], flags: UInt64, mode: UInt64 = 0) throws(Errno) -> HostFD {
        // struct open_how: flags, mode, resolve.
        var how: (UInt64, UInt64, UInt64) = (flags | 0o2000000, mode, 0x08 | 0x04 | 0x02)
        // EAGAIN: a rename somewhere raced with the walk; the caller is told to try again (openat2(2)).
        for _ in 0..<16 {
            let result: Result<Int, Errno> = withPath(name) { path in
                withUnsafeMutablePointer(to: &how) { pointer in
                    resultOf(HostSyscall.openat2, Int(directory), path, Int(bitPattern: pointer), 24)
                }
            }
            switch result {
            case .success(let number): return HostFD(owning: Int32(number))
            case .failure(.EAGAIN): continue
            case .failure(let error): throw error
            }
        }
        throw .EAGAIN
    }

    /// statx of `name`, not following a link; an empty name means the descriptor itself.
    public static func status(_ directory: Int32, _ name: [UInt8] = []) throws(Errno) -> HostFileStatus {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
        defer { buffer.deallocate() }
        // AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT; STATX_BASIC_STATS | STATX_BTIME.
        let flags = 0x100 | 0x1000 | 0x800
        let address = Int(bitPattern: buffer.baseAddress)
        try withPath(name) { resultOf(HostSyscall.statx, Int(directory), $0, flags, 0xfff, address) }.check()
        func load<T: BitwiseCopyable>(_ offset: Int, _ type: T.Type = T.self) -> T {
            buffer.loadUnaligned(fromByteOffset: offset, as: T.self)
        }
        func time(_ offset: Int) -> Timespec {
            Timespec(seconds: load(offset, Int64.self), nanoseconds: Int64(load(offset + 8, UInt32.self)))
        }
        func device(_ offset: Int) -> UInt64 { makeDevice(major: load(offset, UInt32.self), minor: load(offset + 4, UInt32.self)) }
        var status = HostFileStatus()
        status.blockSize = load(4)
        status.linkCount = load(16)
        status.uid = load(20)
        status.gid = load(24)
        status.mode = UInt32(load(28, UInt16.self))
        status.inode = load(32)
        status.size = Int64(bitPattern: load(40, UInt64.self))
        status.blocks = Int64(bitPattern: load(48, UInt64.self))
        status.accessTime = time(64)
        status.birthTime = time(80)
        status.changeTime = time(96)
        status.modificationTime = time(112)
        status.specialDevice = device(128)
        status.device = device(136)
        return status
    }

    /// The encoding of `st_dev` (makedev(3)).
    public static func makeDevice(major: UInt32, minor: UInt32) -> UInt64 {
        let major = UInt64(major), minor = UInt64(minor)
        return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xff) << 12 | (major & ~0xfff) << 32
    }

    /// A symbolic link's text, from its own O_PATH descriptor (empty name) or by name.
    public static func readlink(_ directory: Int32, _ name: [UInt8] = []) throws(Errno) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
        defer { buffer.deallocate() }
        let address = Int(bitPattern: buffer.baseAddress)
        let result: Result<Int, Errno> = withPath(name) { resultOf(HostSyscall.readlinkat, Int(directory), $0, address, 4096) }
        return Array(buffer[..<(try result.get())])
    }

    /// A regular file, made new, open for reading and writing.
    public static func create(_ directory: Int32, _ name: [UInt8], mode: UInt32) throws(Errno) -> HostFD {
        // O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_LARGEFILE.
        try open(directory, name, flags: 0o2 | 0o100 | 0o200 | 0o400000 | 0o400 | 0o100000, mode: UInt64(mode))
    }

    public static func makeDirectory(_ directory: Int32, _ name: [UInt8], mode: UInt32) throws(Errno) {
        try withPath(name) { resultOf(HostSyscall.mkdirat, Int(directory), $0, Int(mode)) }.check()
    }

    public static func makeFIFO(_ directory: Int32, _ name: [UInt8], mode: UInt32) throws(Errno) {
        try withPath(name) { resultOf(HostSyscall.mknodat, Int(directory), $0, Int(0o010000 | mode & 0o7777), 0) }.check()
    }

    public static func symlink(_ directory: Int32, _ name: [UInt8], target: [UInt8]) throws(Errno) {
        try withPath(name) { path in withPath(target) { resultOf(HostSyscall.symlinkat, $0, Int(directory), path) } }.check()
    }

    /// A further name for a file that is not a symbolic link to follow: flags 0 links a symbolic link itself.
    public static func link(_ directory: Int32, _ name: [UInt8], to newDirectory: Int32, _ newName: [UInt8]) throws(Errno) {
        try withPath(name) { old in
            withPath(newName) { resultOf(HostSyscall.linkat, Int(directory), old, Int(newDirectory), $0, 0) }
        }.check()
    }

    /// `isDirectory`: AT_REMOVEDIR.
    public static func unlink(_ directory: Int32, _ name: [UInt8], isDirectory: Bool) throws(Errno) {
        try withPath(name) { resultOf(HostSyscall.unlinkat, Int(directory), $0, isDirectory ? 0x200 : 0) }.check()
    }

    public static func rename(
        _ directory: Int32, _ name: [UInt8], to newDirectory: Int32, _ newName: [UInt8], flags: UInt32
    ) throws(Errno) {
        try withPath(name) { old in
            withPath(newName) { resultOf(HostSyscall.renameat2, Int(directory), old, Int(newDirectory), $0, Int(flags)) }
        }.check()
    }

    /// statfs(2) of the file system that `descriptor` lies on.
    public static func fileSystemStatus(_ descriptor: Int32) throws(Errno) -> HostFileSystemStatus {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 120, alignment: 8)
        defer { buffer.deallocate() }
        try fileCall(HostSyscall.fstatfs, Int(descriptor), Int(bitPattern: buffer.baseAddress))
        func load(_ index: Int) -> UInt64 { buffer.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
        var status = HostFileSystemStatus()
        status.magic = load(0)
        status.blockSize = load(1)
        status.blocks = load(2)
        status.freeBlocks = load(3)
        status.availableBlocks = load(4)
        status.files = load(5)
        status.freeFiles = load(6)
        status.nameLength = load(8)
        return status
    }

    /// An entry of getdents64.
    public struct Entry: Equatable, Sendable {
        public var name: [UInt8]
        public var inode: UInt64
        /// `d_type`.
        public var type: UInt8
        /// Where reading goes on after this entry.
        public var next: Int64

        public init(name: [UInt8], inode: UInt64, type: UInt8, next: Int64) {
            self.name = name
            self.inode = inode
            self.type = type
            self.next = next
        }
    }

    /// One getdents64 call at the descriptor's position; empty at the end.
    public static func entries(_ descriptor: Int32, byteCount: Int) throws(Errno) -> [Entry] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
        defer { buffer.deallocate() }
        let count = try fileCall(HostSyscall.getdents64, Int(descriptor), Int(bitPattern: buffer.baseAddress), byteCount)
        var entries: [Entry] = []
        var position = 0
        while position + 19 <= count {
            let length = Int(buffer.loadUnaligned(fromByteOffset: position + 16, as: UInt16.self))
            guard length > 19, position + length <= count else { break }
            let name = buffer[(position + 19)..<(position + length)]
            entries.append(
                Entry(
                    name: Array(name.prefix { $0 != 0 }),
                    inode: buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self),
                    type: buffer[position + 18],
                    next: buffer.loadUnaligned(fromByteOffset: position + 8, as: Int64.self)))
            position += length
        }
        return entries
    }

    /// Calls `body` with the address of `name` and a NUL.
    static func withPath<T>(_ name: [UInt8], _ body: (Int) -> T) -> T {
        var terminated = name
        terminated.append(0)
        return terminated.withUnsafeBytes { body(Int(bitPattern: $0.baseAddress)) }
    }

    /// ``fileCall`` as a value, for use inside closures.
    static func resultOf(
        _ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
    ) -> Result<Int, Errno> {
        do throws(Errno) { return .success(try fileCall(number, a, b, c, d, e, f)) } catch { return .failure(error) }
    }
}

extension Result where Success == Int, Failure == Errno {
    func check() throws(Errno) { _ = try get() }
}
