import Kernel
import LinuxABI
import Memory
import VFS

/// The one range of a plain read or write, cut to what one call moves.
private func range(_ buffer: UserAddress, _ count: UInt64) throws(Errno) -> [GuestRange] {
    // The whole range is checked, as access_ok does; only then is it cut.
    var range = try GuestRange(buffer, count)
    range.count = min(range.count, maximumTransfer)
    return [range]
}

/// - Throws: `EINVAL` for a negative file offset.
private func checked(_ offset: Int64) throws(Errno) -> Int64 {
    if offset < 0 { throw .EINVAL }
    return offset
}

/// Implements read(2).
///
/// - Throws: `EBADF` if `fd` is not open for reading; `EISDIR`; `EFAULT` only if nothing was transferred.
func sysRead(_ task: Task, _ fd: FD, _ buffer: UserAddress, _ count: UInt64) throws(Errno) -> Outcome {
    _ = try task.files.readable(fd)
    return try transferIn(task, fd, try range(buffer, count), at: nil)
}

/// Implements write(2).
///
/// - Throws: `EBADF` if `fd` is not open for writing; `EPIPE`, `ENOSPC`, `EFAULT` only if nothing was transferred.
func sysWrite(_ task: Task, _ fd: FD, _ buffer: UserAddress, _ count: UInt64) throws(Errno) -> Outcome {
    _ = try task.files.writable(fd)
    return try transferOut(task, fd, try range(buffer, count), at: nil)
}

/// Implements pread64(2).
func sysPread64(_ task: Task, _ fd: FD, _ buffer: UserAddress, _ count: UInt64, _ offset: Int64) throws(Errno) -> Outcome {
    let offset = try checked(offset)
    _ = try task.files.readable(fd)
    return try transferIn(task, fd, try range(buffer, count), at: offset)
}

/// Implements pwrite64(2).
func sysPwrite64(_ task: Task, _ fd: FD, _ buffer: UserAddress, _ count: UInt64, _ offset: Int64) throws(Errno) -> Outcome {
    let offset = try checked(offset)
    _ = try task.files.writable(fd)
    return try transferOut(task, fd, try range(buffer, count), at: offset)
}

/// Implements readv(2).
func sysReadv(_ task: Task, _ fd: FD, _ vectors: UserAddress, _ count: UInt64) throws(Errno) -> Outcome {
    _ = try task.files.readable(fd)
    return try transferIn(task, fd, try task.memory.copyInVectors(vectors, count), at: nil)
}

/// Implements writev(2).
func sysWritev(_ task: Task, _ fd: FD, _ vectors: UserAddress, _ count: UInt64) throws(Errno) -> Outcome {
    _ = try task.files.writable(fd)
    return try transferOut(task, fd, try task.memory.copyInVectors(vectors, count), at: nil)
}

/// Implements preadv(2). The offset's upper half is unused on 64 bits.
func sysPreadv(_ task: Task, _ fd: FD, _ vectors: UserAddress, _ count: UInt64, _ offset: UInt64, _ unused: UInt64) throws(Errno) -> Outcome
{
    let offset = try checked(Int64(bitPattern: offset))
    _ = try task.files.readable(fd)
    return try transferIn(task, fd, try task.memory.copyInVectors(vectors, count), at: offset)
}

/// Implements pwritev(2).
func sysPwritev(_ task: Task, _ fd: FD, _ vectors: UserAddress, _ count: UInt64, _ offset: UInt64, _ unused: UInt64) throws(Errno)
    -> Outcome
{
    let offset = try checked(Int64(bitPattern: offset))
    _ = try task.files.writable(fd)
    return try transferOut(task, fd, try task.memory.copyInVectors(vectors, count), at: offset)
}

private let RWF_HIPRI: Int32 = 1, RWF_DSYNC: Int32 = 2, RWF_SYNC: Int32 = 4, RWF_APPEND: Int32 = 0x10

/// Implements preadv2(2): -1 means the file position.
///
/// - Throws: `EOPNOTSUPP` for flags that are not there, RWF_NOWAIT among them.
func sysPreadv2(
    _ task: Task, _ fd: FD, _ vectors: UserAddress, _ count: UInt64, _ offset: UInt64, _ unused: UInt64, _ flags: Int32
) throws(Errno) -> Outcome {
    _ = try task.files.readable(fd)
    let position = offset == .max ? nil : try checked(Int64(bitPattern: offset))
    let ranges = try task.memory.copyInVectors(vectors, count)
    if flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC) != 0 { throw .EOPNOTSUPP }
    return try transferIn(task, fd, ranges, at: position)
}

/// Implements pwritev2(2): -1 means the file position.
///
/// - Throws: `EOPNOTSUPP` for flags that are not there, RWF_NOWAIT among them.
func sysPwritev2(
    _ task: Task, _ fd: FD, _ vectors: UserAddress, _ count: UInt64, _ offset: UInt64, _ unused: UInt64, _ flags: Int32
) throws(Errno) -> Outcome {
    let file = try task.files.writable(fd)
    let position = offset == .max ? nil : try checked(Int64(bitPattern: offset))
    let ranges = try task.memory.copyInVectors(vectors, count)
    if flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND) != 0 { throw .EOPNOTSUPP }
    let syncs = flags & (RWF_DSYNC | RWF_SYNC) != 0 && file.isSeekable
    // Syncing may have to wait; the call cannot be run twice once it has written.
    if syncs { try task.vfs.requireSlowPath() }
    let appends = flags & RWF_APPEND != 0 && file.isSeekable && !file.flags.contains(.O_APPEND)
    if appends { file.flags.insert(.O_APPEND) }
    defer { if appends { file.flags.remove(.O_APPEND) } }
    let outcome = try transferOut(task, fd, ranges, at: position)
    if syncs { try file.sync(dataOnly: flags & RWF_SYNC == 0, task.vfs) }
    return outcome
}
