import Filesystems
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements signalfd(2), the call without flags.
func sysSignalfd(_ task: Task, _ fd: FD, _ mask: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    try sysSignalfd4(task, fd, mask, size, 0)
}

/// Implements signalfd4, which signalfd(2) describes: a new one for -1, else another mask for `fd`.
///
/// - Throws: `EINVAL` for another size than 8, other flags, a descriptor of another kind; `EBADF`; `EMFILE`; `EFAULT`.
func sysSignalfd4(_ task: Task, _ fd: FD, _ mask: UserAddress, _ size: UInt64, _ flags: Int32) throws(Errno) -> Outcome {
    let flags = OpenFlags(rawValue: UInt32(bitPattern: flags))
    guard size == 8, flags.isSubset(of: [.O_CLOEXEC, .O_NONBLOCK]) else { throw .EINVAL }
    let set = try task.memory.copyIn(mask, as: UInt64.self) & ~Signal.unblockable
    if fd.rawValue == -1 {
        let description = SignalFDDescription(
            kernel: task.kernel, process: task.process, mask: set, flags: flags.subtracting(.O_CLOEXEC))
        return .value(Int64(try task.install(description, closeOnExec: flags.contains(.O_CLOEXEC)).rawValue))
    }
    guard let description = try task.description(fd) as? SignalFDDescription else { throw .EINVAL }
    description.mask = set
    description.waitQueue?.wake(.readable)
    return .value(Int64(fd.rawValue))
}
