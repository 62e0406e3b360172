// getdents64(2) and getdents(2).
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements getdents64(2).
func sysGetdents64(_ task: Task, _ fd: FD, _ buffer: UserAddress, _ count: UInt32) throws(Errno) -> Outcome {
    try readDirectory(task, fd, buffer, count) { name, inode, type, next, record in
        record.append(inode)
        record.append(next)
        record.append(UInt16(truncatingIfNeeded: align8(19 + name.count + 1)))
        record.append(type.direntType)
        record.append(bytes: name)
        record.pad(to: align8(19 + name.count + 1))
    }
}

/// Implements getdents(2): the type is the record's last byte.
func sysGetdents(_ task: Task, _ fd: FD, _ buffer: UserAddress, _ count: UInt32) throws(Errno) -> Outcome {
    try readDirectory(task, fd, buffer, count) { name, inode, type, next, record in
        let size = align8(18 + name.count + 2)
        record.append(inode)
        record.append(next)
        record.append(UInt16(truncatingIfNeeded: size))
        record.append(bytes: name)
        record.pad(to: size - 1)
        record.append(type.direntType)
    }
}

private func align8(_ size: Int) -> Int { (size + 7) & ~7 }

/// Collects records that `encode` makes until the buffer is full.
///
/// - Throws: `EINVAL` if not one fits; `ENOENT` for a removed directory; `ENOTDIR`; `EFAULT`.
private func readDirectory(
    _ task: Task, _ fd: FD, _ buffer: UserAddress, _ count: UInt32,
    _ encode: (_ name: [UInt8], _ inode: UInt64, _ type: FileType, _ next: Int64, _ record: inout GuestRecord) -> Void
) throws(Errno) -> Outcome {
    let file = try task.files.get(fd)
    guard file.inode?.type == .directory else { throw .ENOTDIR }
    if file.path?.dentry.isDeleted == true { throw .ENOENT }
    // A shorter answer than asked for is as good: the bound is on what one call makes the sentry hold.
    let capacity = Int(min(count, 1 << 20))
    let start = file.offset
    var bytes: [UInt8] = []
    var isTooSmall = false
    do throws(Errno) {
        try file.readDirectory(task.vfs) { name, inode, type, next in
            var record = GuestRecord()
            encode(name, inode, type, next, &record)
            guard bytes.count + record.bytes.count <= capacity else {
                isTooSmall = bytes.isEmpty
                return false
            }
            bytes += record.bytes
            return true
        }
    } catch {
        // What was read before counts; the next call meets the error again, or goes on elsewhere.
        if bytes.isEmpty { throw error }
    }
    if isTooSmall { throw .EINVAL }
    do throws(Errno) { try task.memory.copyOut(bytes, to: buffer) } catch {
        file.offset = start
        throw error
    }
    return .value(Int64(bytes.count))
}
