// truncate(2), ftruncate(2), fallocate(2).
import Kernel
import LinuxABI
import VFS

extension Task {
    /// - Throws: `EFBIG`, with SIGXFSZ, for a size beyond RLIMIT_FSIZE.
    fileprivate func requireFileSize(_ size: Int64) throws(Errno) {
        if UInt64(clamping: size) > process.limits.values[ResourceLimits.RLIMIT_FSIZE].soft {
            raiseSignal(25)
            throw .EFBIG
        }
    }
}

/// Implements truncate(2).
func sysTruncate(_ task: Task, _ path: UserAddress, _ length: Int64) throws(Errno) -> Outcome {
    guard length >= 0 else { throw .EINVAL }
    let place = try task.place(path)
    if place.inode?.type == .regular { try task.requireFileSize(length) }
    try task.vfs.truncate(place, to: length)
    return .done
}

/// Implements ftruncate(2).
///
/// - Throws: `EINVAL` if it is not a regular file, or not open for writing.
func sysFtruncate(_ task: Task, _ fd: FD, _ length: Int64) throws(Errno) -> Outcome {
    guard length >= 0 else { throw .EINVAL }
    let file = try task.files.get(fd)
    guard file.inode?.type == .regular, file.flags.writes else { throw .EINVAL }
    try task.requireFileSize(length)
    var change = AttributeChange()
    change.size = length
    try file.setAttributes(change, task.vfs)
    if let inode = file.inode { try task.vfs.dropPrivileges(inode) }
    return .done
}

/// Implements fallocate(2), as far as the file's file system does.
func sysFallocate(_ task: Task, _ fd: FD, _ mode: Int32, _ offset: Int64, _ length: Int64) throws(Errno) -> Outcome {
    guard offset >= 0, length > 0 else { throw .EINVAL }
    let file = try task.files.get(fd)
    let known: Int32 = 0x7f
    // FALLOC_FL_PUNCH_HOLE asks for KEEP_SIZE.
    guard mode & ~known == 0, mode & 3 != 2 else { throw .EOPNOTSUPP }
    guard file.flags.writes else { throw .EBADF }
    switch file.inode?.type {
    case .regular: break
    case .fifo: throw .ESPIPE
    case .directory: throw .EISDIR
    default: throw .ENODEV
    }
    let (end, overflow) = offset.addingReportingOverflow(length)
    if overflow { throw .EFBIG }
    if mode & 1 == 0 { try task.requireFileSize(end) }
    try file.allocate(mode: mode, offset: offset, length: length, task.vfs)
    return .done
}
