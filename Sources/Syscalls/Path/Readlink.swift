// readlink(2), readlinkat(2).
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements readlink(2).
func sysReadlink(_ task: Task, _ path: UserAddress, _ buffer: UserAddress, _ size: Int32) throws(Errno) -> Outcome {
    try sysReadlinkat(task, .cwd, path, buffer, size)
}

/// Implements readlinkat(2): the text without a NUL, cut off at `size`.
///
/// - Throws: `EINVAL` if it is no link, or for a size below 1. With an empty path, the descriptor is the link itself.
func sysReadlinkat(
    _ task: Task, _ directory: FD, _ path: UserAddress, _ buffer: UserAddress, _ size: Int32
) throws(Errno) -> Outcome {
    guard size > 0 else { throw .EINVAL }
    let name = try task.path(path)
    let inode: Inode
    if name.isEmpty {
        if directory == .cwd { throw .ENOENT }
        guard let own = try task.files.getAllowingPath(directory).inode, own.type == .symlink else { throw .ENOENT }
        inode = own
    } else {
        guard let found = try task.vfs.resolve(name, from: try task.start(directory, for: name), []).inode else { throw .ENOENT }
        inode = found
    }
    guard inode.type == .symlink else { throw .EINVAL }
    let text = try inode.readlink(task.vfs)
    let count = min(text.count, Int(size))
    try task.memory.copyOut(Array(text[..<count]), to: buffer)
    return .value(Int64(count))
}
