// chmod(2), chown(2) and their relatives.
import Kernel
import LinuxABI
import VFS

/// Implements chmod(2).
func sysChmod(_ task: Task, _ path: UserAddress, _ mode: UInt32) throws(Errno) -> Outcome { try sysFchmodat2(task, .cwd, path, mode, 0) }

/// Implements fchmodat(2), which takes no flags.
func sysFchmodat(_ task: Task, _ directory: FD, _ path: UserAddress, _ mode: UInt32) throws(Errno) -> Outcome {
    try sysFchmodat2(task, directory, path, mode, 0)
}

/// Implements fchmodat2(2).
func sysFchmodat2(_ task: Task, _ directory: FD, _ path: UserAddress, _ mode: UInt32, _ flags: Int32) throws(Errno) -> Outcome {
    guard flags & ~(AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH) == 0 else { throw .EINVAL }
    let target = try task.target(directory, path, flags: flags)
    try task.vfs.changeMode(try target.inode(), on: target.place, mode)
    return .done
}

/// Implements fchmod(2).
func sysFchmod(_ task: Task, _ fd: FD, _ mode: UInt32) throws(Errno) -> Outcome {
    let target = FileTarget.description(try task.files.get(fd))
    try task.vfs.changeMode(try target.inode(), on: target.place, mode)
    return .done
}

/// Implements chown(2).
func sysChown(_ task: Task, _ path: UserAddress, _ user: UInt32, _ group: UInt32) throws(Errno) -> Outcome {
    try sysFchownat(task, .cwd, path, user, group, 0)
}

/// Implements lchown(2).
func sysLchown(_ task: Task, _ path: UserAddress, _ user: UInt32, _ group: UInt32) throws(Errno) -> Outcome {
    try sysFchownat(task, .cwd, path, user, group, AtFlags.AT_SYMLINK_NOFOLLOW)
}

/// Implements fchownat(2).
func sysFchownat(
    _ task: Task, _ directory: FD, _ path: UserAddress, _ user: UInt32, _ group: UInt32, _ flags: Int32
) throws(Errno) -> Outcome {
    guard flags & ~(AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH) == 0 else { throw .EINVAL }
    let target = try task.target(directory, path, flags: flags)
    try task.vfs.changeOwner(try target.inode(), on: target.place, uid: user, gid: group)
    return .done
}

/// Implements fchown(2).
func sysFchown(_ task: Task, _ fd: FD, _ user: UInt32, _ group: UInt32) throws(Errno) -> Outcome {
    let target = FileTarget.description(try task.files.get(fd))
    try task.vfs.changeOwner(try target.inode(), on: target.place, uid: user, gid: group)
    return .done
}
