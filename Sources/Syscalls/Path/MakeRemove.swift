// Making and removing names: mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2), rename(2) and their …at forms.
import Auth
import Kernel
import LinuxABI
import VFS

/// Implements mkdir(2).
func sysMkdir(_ task: Task, _ path: UserAddress, _ mode: UInt32) throws(Errno) -> Outcome { try sysMkdirat(task, .cwd, path, mode) }

/// Implements mkdirat(2).
func sysMkdirat(_ task: Task, _ directory: FD, _ path: UserAddress, _ mode: UInt32) throws(Errno) -> Outcome {
    let name = try task.path(path)
    try task.vfs.makeDirectory(name, from: try task.start(directory, for: name), permissions: mode)
    return .done
}

/// Implements mknod(2).
func sysMknod(_ task: Task, _ path: UserAddress, _ mode: UInt32, _ device: UInt32) throws(Errno) -> Outcome {
    try sysMknodat(task, .cwd, path, mode, device)
}

/// Implements mknodat(2).
///
/// - Throws: `EPERM` for directories, and for devices without the capability; `EINVAL` for other types.
func sysMknodat(_ task: Task, _ directory: FD, _ path: UserAddress, _ mode: UInt32, _ device: UInt32) throws(Errno) -> Outcome {
    let format = mode & 0o170000
    guard let type = format == 0 ? .regular : FileType(rawValue: format), type != .symlink else { throw .EINVAL }
    if type == .directory { throw .EPERM }
    let isDevice = type == .characterDevice || type == .blockDevice
    if isDevice, !task.credentials.has(.CAP_MKNOD) { throw .EPERM }
    let name = try task.path(path)
    _ = try task.vfs.makeNode(
        name, from: try task.start(directory, for: name), type: type, permissions: mode & 0o7777,
        specialDevice: isDevice ? UInt64(device) : 0)
    return .done
}

/// Implements symlink(2).
func sysSymlink(_ task: Task, _ target: UserAddress, _ path: UserAddress) throws(Errno) -> Outcome {
    try sysSymlinkat(task, target, .cwd, path)
}

/// Implements symlinkat(2).
func sysSymlinkat(_ task: Task, _ target: UserAddress, _ directory: FD, _ path: UserAddress) throws(Errno) -> Outcome {
    let text = try task.path(target)
    let name = try task.path(path)
    try task.vfs.makeSymlink(text, name, from: try task.start(directory, for: name))
    return .done
}

/// Implements link(2), which does not follow a link that it is given.
func sysLink(_ task: Task, _ old: UserAddress, _ new: UserAddress) throws(Errno) -> Outcome {
    try sysLinkat(task, .cwd, old, .cwd, new, 0)
}

/// Implements linkat(2).
///
/// - Throws: `ENOENT` for AT_EMPTY_PATH with neither CAP_DAC_READ_SEARCH nor the file being the caller's.
func sysLinkat(
    _ task: Task, _ oldDirectory: FD, _ old: UserAddress, _ newDirectory: FD, _ new: UserAddress, _ flags: Int32
) throws(Errno) -> Outcome {
    guard flags & ~(AtFlags.AT_SYMLINK_FOLLOW | AtFlags.AT_EMPTY_PATH) == 0 else { throw .EINVAL }
    let follow = flags & AtFlags.AT_SYMLINK_FOLLOW != 0 ? 0 : AtFlags.AT_SYMLINK_NOFOLLOW
    let target = try task.target(oldDirectory, old, flags: flags & AtFlags.AT_EMPTY_PATH | follow)
    // Whoever was merely handed the descriptor must not make a name for another's file.
    if case .description(let file) = target, !task.credentials.has(.CAP_DAC_READ_SEARCH),
        !task.vfs.isOwner(try file.attributes(task.vfs))
    {
        throw .ENOENT
    }
    guard let source = target.place else { throw .EXDEV }
    let name = try task.path(new)
    try task.vfs.link(source, name, from: try task.start(newDirectory, for: name))
    return .done
}

/// Implements unlink(2).
func sysUnlink(_ task: Task, _ path: UserAddress) throws(Errno) -> Outcome { try sysUnlinkat(task, .cwd, path, 0) }

/// Implements rmdir(2).
func sysRmdir(_ task: Task, _ path: UserAddress) throws(Errno) -> Outcome { try sysUnlinkat(task, .cwd, path, AtFlags.AT_REMOVEDIR) }

/// Implements unlinkat(2).
func sysUnlinkat(_ task: Task, _ directory: FD, _ path: UserAddress, _ flags: Int32) throws(Errno) -> Outcome {
    guard flags & ~AtFlags.AT_REMOVEDIR == 0 else { throw .EINVAL }
    let name = try task.path(path)
    let start = try task.start(directory, for: name)
    if flags & AtFlags.AT_REMOVEDIR != 0 {
        try task.vfs.removeDirectory(name, from: start)
    } else {
        try task.vfs.unlink(name, from: start)
    }
    return .done
}

/// Implements rename(2).
func sysRename(_ task: Task, _ old: UserAddress, _ new: UserAddress) throws(Errno) -> Outcome {
    try sysRenameat2(task, .cwd, old, .cwd, new, 0)
}

/// Implements renameat(2).
func sysRenameat(_ task: Task, _ oldDirectory: FD, _ old: UserAddress, _ newDirectory: FD, _ new: UserAddress) throws(Errno) -> Outcome {
    try sysRenameat2(task, oldDirectory, old, newDirectory, new, 0)
}

/// Implements renameat2(2). Whiteouts are EINVAL: they are the overlay's own affair.
func sysRenameat2(
    _ task: Task, _ oldDirectory: FD, _ old: UserAddress, _ newDirectory: FD, _ new: UserAddress, _ flags: UInt32
) throws(Errno) -> Outcome {
    guard flags & ~7 == 0, flags & 3 != 3 else { throw .EINVAL }
    let oldName = try task.path(old)
    let newName = try task.path(new)
    try task.vfs.rename(
        oldName, from: try task.start(oldDirectory, for: oldName), to: newName, from: try task.start(newDirectory, for: newName),
        flags: VFSContext.RenameFlags(rawValue: flags))
    return .done
}
