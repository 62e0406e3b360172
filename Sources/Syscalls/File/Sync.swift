// fsync(2) and its relatives, and advice on what will be read.
import Kernel
import LinuxABI
import VFS

/// Implements fsync(2).
func sysFsync(_ task: Task, _ fd: FD) throws(Errno) -> Outcome {
    try task.files.get(fd).sync(dataOnly: false, task.vfs)
    return .done
}

/// Implements fdatasync(2).
func sysFdatasync(_ task: Task, _ fd: FD) throws(Errno) -> Outcome {
    try task.files.get(fd).sync(dataOnly: true, task.vfs)
    return .done
}

/// Implements sync_file_range(2): a whole fdatasync, which is more than was asked for.
func sysSyncFileRange(_ task: Task, _ fd: FD, _ offset: Int64, _ length: Int64, _ flags: UInt32) throws(Errno) -> Outcome {
    let (_, overflow) = offset.addingReportingOverflow(length)
    guard offset >= 0, length >= 0, !overflow, flags & ~7 == 0 else { throw .EINVAL }
    let file = try task.files.get(fd)
    guard file.isSeekable else { throw .ESPIPE }
    try file.sync(dataOnly: true, task.vfs)
    return .done
}

/// Implements syncfs(2): what the sentry writes to host files is the host's at once; this file's own is made durable.
func sysSyncfs(_ task: Task, _ fd: FD) throws(Errno) -> Outcome {
    let file = try task.files.get(fd)
    do throws(Errno) { try file.sync(dataOnly: false, task.vfs) } catch .EINVAL {} catch { throw error }
    return .done
}

/// Implements sync(2): what the sentry writes to host files is the host's at once, and it syncs in its own time.
func sysSync(_ task: Task) throws(Errno) -> Outcome { .done }

/// Implements posix_fadvise(2): advice that nothing here needs.
func sysFadvise64(_ task: Task, _ fd: FD, _ offset: Int64, _ length: UInt64, _ advice: Int32) throws(Errno) -> Outcome {
    let file = try task.files.get(fd)
    if file.inode?.type == .fifo { throw .ESPIPE }
    guard (0...5).contains(advice), length <= UInt64(Int64.max) else { throw .EINVAL }
    return .done
}

/// Implements readahead(2): the host reads ahead by itself.
func sysReadahead(_ task: Task, _ fd: FD, _ offset: Int64, _ count: UInt64) throws(Errno) -> Outcome {
    let file = try task.files.readable(fd)
    guard file.inode?.type == .regular else { throw .EINVAL }
    return .done
}
