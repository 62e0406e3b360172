// Host calls on an open file's descriptor, made on a guest's behalf: data, size, owner, times, extended attributes.
import LinuxABI

/// Calls on descriptors of files that the host holds for a guest. None of them traps.
public enum HostFile {
    /// Up to `buffer.count` bytes at `offset`; 0 at the end.
    public static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
        try fileCall(HostSyscall.pread64, Int(descriptor), Int(bitPattern: buffer.baseAddress), buffer.count, Int(offset))
    }

    /// The same from the page cache only (RWF_NOWAIT), possibly less than asked.
    ///
    /// - Throws: `EAGAIN` if it would wait for the disk; `EOPNOTSUPP` on file systems that cannot tell.
    public static func readCached(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(Errno) -> Int {
        var piece: (UnsafeMutableRawPointer?, Int) = (buffer.baseAddress, buffer.count)
        let result: Result<Int, Errno> = withUnsafePointer(to: &piece) { pointer in
            HostDirectory.resultOf(HostSyscall.preadv2, Int(descriptor), Int(bitPattern: pointer), 1, Int(offset), 0, 0x08)
        }
        return try result.get()
    }

    public static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
        try fileCall(HostSyscall.pwrite64, Int(descriptor), Int(bitPattern: bytes.baseAddress), bytes.count, Int(offset))
    }

    /// Writes at the end, atomically (RWF_APPEND), whatever the descriptor's own flags are.
    public static func append(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        var piece: (UnsafeRawPointer?, Int) = (bytes.baseAddress, bytes.count)
        let result: Result<Int, Errno> = withUnsafePointer(to: &piece) { pointer in
            HostDirectory.resultOf(HostSyscall.pwritev2, Int(descriptor), Int(bitPattern: pointer), 1, 0, 0, 0x10)
        }
        return try result.get()
    }

    /// SEEK_DATA (3) and SEEK_HOLE (4); moves the host position, which nothing of ours uses.
    public static func seek(_ descriptor: Int32, _ offset: Int64, whence: Int32) throws(Errno) -> Int64 {
        Int64(try fileCall(HostSyscall.lseek, Int(descriptor), Int(offset), Int(whence)))
    }

    public static func truncate(_ descriptor: Int32, size: Int64) throws(Errno) {
        try fileCall(HostSyscall.ftruncate, Int(descriptor), Int(size))
    }

    public static func allocate(_ descriptor: Int32, mode: Int32, offset: Int64, length: Int64) throws(Errno) {
        try fileCall(HostSyscall.fallocate, Int(descriptor), Int(mode), Int(offset), Int(length))
    }

    public static func sync(_ descriptor: Int32, dataOnly: Bool) throws(Errno) {
        try fileCall(dataOnly ? HostSyscall.fdatasync : HostSyscall.fsync, Int(descriptor))
    }

    /// Changes the permission bits; `descriptor` may be O_PATH (fchmodat2, Linux 6.6 on).
    public static func changeMode(_ descriptor: Int32, _ mode: UInt32) throws(Errno) {
        try HostDirectory.withPath([]) {
            HostDirectory.resultOf(HostSyscall.fchmodat2, Int(descriptor), $0, Int(mode), 0x1000)
        }.check()
    }

    /// Changes owner and group, nil keeping one; `descriptor` may be O_PATH.
    public static func changeOwner(_ descriptor: Int32, uid: UInt32?, gid: UInt32?) throws(Errno) {
        let user = Int(uid ?? .max), group = Int(gid ?? .max)
        try HostDirectory.withPath([]) {
            HostDirectory.resultOf(HostSyscall.fchownat, Int(descriptor), $0, user, group, 0x1000)
        }.check()
    }

    /// Changes the times, nil keeping one; `descriptor` may be O_PATH.
    public static func changeTimes(_ descriptor: Int32, access: Timespec?, modification: Timespec?) throws(Errno) {
        let omit = Timespec(seconds: 0, nanoseconds: 0x3fff_fffe)
        var times: (Timespec, Timespec) = (access ?? omit, modification ?? omit)
        try withUnsafePointer(to: &times) { pointer in
            HostDirectory.withPath([]) {
                HostDirectory.resultOf(HostSyscall.utimensat, Int(descriptor), $0, Int(bitPattern: pointer), 0x1000)
            }
        }.check()
    }

    /// An extended attribute; `descriptor` must not be O_PATH.
    public static func getXattr(_ descriptor: Int32, _ name: [UInt8], limit: Int) throws(Errno) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, limit), alignment: 8)
        defer { buffer.deallocate() }
        let address = Int(bitPattern: buffer.baseAddress)
        let result: Result<Int, Errno> = HostDirectory.withPath(name) {
            HostDirectory.resultOf(HostSyscall.fgetxattr, Int(descriptor), $0, address, limit)
        }
        return Array(buffer[..<(try result.get())])
    }

    public static func setXattr(_ descriptor: Int32, _ name: [UInt8], _ value: [UInt8], flags: Int32) throws(Errno) {
        try value.withUnsafeBytes { bytes in
            HostDirectory.withPath(name) {
                HostDirectory.resultOf(
                    HostSyscall.fsetxattr, Int(descriptor), $0, Int(bitPattern: bytes.baseAddress), bytes.count, Int(flags))
            }
        }.check()
    }

    public static func removeXattr(_ descriptor: Int32, _ name: [UInt8]) throws(Errno) {
        // fremovexattr.
        try HostDirectory.withPath(name) { HostDirectory.resultOf(199, Int(descriptor), $0) }.check()
    }

    /// The names of all extended attributes.
    public static func listXattrs(_ descriptor: Int32, limit: Int) throws(Errno) -> [[UInt8]] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, limit), alignment: 8)
        defer { buffer.deallocate() }
        let count = try fileCall(HostSyscall.flistxattr, Int(descriptor), Int(bitPattern: buffer.baseAddress), limit)
        return buffer[..<count].split(separator: 0).map { Array($0) }
    }
}
