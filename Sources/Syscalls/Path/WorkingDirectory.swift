// getcwd(2), chdir(2), fchdir(2), chroot(2), umask(2).
import Auth
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements getcwd(2): the path's length, its NUL included.
///
/// - Throws: `ERANGE` if it does not fit; `ENOENT` if the directory was removed.
func sysGetcwd(_ task: Task, _ buffer: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    let place = task.fs.workingDirectory
    if place.dentry.isDeleted { throw .ENOENT }
    let path = pathString(of: place, root: task.fs.root) + [0]
    guard path.count <= 4096 else { throw .ENAMETOOLONG }
    guard UInt64(path.count) <= size else { throw .ERANGE }
    try task.memory.copyOut(path, to: buffer)
    return .value(Int64(path.count))
}

/// Makes sure that `place` is a directory that the caller may search.
private func requireSearchable(_ task: Task, _ place: VFSPath?) throws(Errno) {
    guard let inode = place?.inode, inode.type == .directory else { throw .ENOTDIR }
    try task.vfs.check(inode, .execute)
}

/// Implements chdir(2).
func sysChdir(_ task: Task, _ path: UserAddress) throws(Errno) -> Outcome {
    let place = try task.place(path)
    try requireSearchable(task, place)
    task.fs.workingDirectory = place
    return .done
}

/// Implements fchdir(2).
func sysFchdir(_ task: Task, _ fd: FD) throws(Errno) -> Outcome {
    let place = try task.files.getAllowingPath(fd).path
    try requireSearchable(task, place)
    guard let place else { throw .ENOTDIR }
    task.fs.workingDirectory = place
    return .done
}

/// Implements chroot(2).
func sysChroot(_ task: Task, _ path: UserAddress) throws(Errno) -> Outcome {
    let place = try task.place(path)
    try requireSearchable(task, place)
    guard task.credentials.has(.CAP_SYS_CHROOT) else { throw .EPERM }
    task.fs.root = place
    return .done
}

/// Implements umask(2).
func sysUmask(_ task: Task, _ mask: UInt32) throws(Errno) -> Outcome {
    let old = task.fs.umask
    task.fs.umask = mask & 0o777
    return .value(Int64(old))
}
