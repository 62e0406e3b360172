import Filesystems
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements ioctl(2): the requests that every descriptor knows; all others are the description's.
///
/// - Throws: `EBADF`; `ENOTTY` for what the file does not know; `EFAULT`.
func sysIoctl(_ task: Task, _ fd: FD, _ request: UInt32, _ argument: UserAddress) throws(Errno) -> Outcome {
    let description = try task.description(fd)
    switch request {
    case IoctlRequest.FIOCLEX:
        try task.setCloseOnExec(fd, true)
    case IoctlRequest.FIONCLEX:
        try task.setCloseOnExec(fd, false)
    case IoctlRequest.FIONBIO:
        if try task.memory.copyIn(argument, as: Int32.self) != 0 {
            description.flags.insert(.O_NONBLOCK)
        } else {
            description.flags.remove(.O_NONBLOCK)
        }
    case IoctlRequest.FIONREAD where description.inode?.type == .regular && description.isSeekable:
        let size = try description.attributes(task.vfs).size
        try task.memory.copyOut(Int32(clamping: size &- description.offset), to: argument)
    // FIOASYNC falls through: no file of ours sends SIGIO, so it is ENOTTY, as for a file without fasync.
    default:
        return .value(try description.ioctl(request, argument.rawValue, task.memory, task.vfs))
    }
    return .done
}
