// access(2), faccessat(2), faccessat2(2).
import Auth
import Kernel
import LinuxABI
import VFS

/// Implements access(2).
func sysAccess(_ task: Task, _ path: UserAddress, _ mode: Int32) throws(Errno) -> Outcome {
    try sysFaccessat2(task, .cwd, path, mode, 0)
}

/// Implements faccessat(2), which takes no flags.
func sysFaccessat(_ task: Task, _ directory: FD, _ path: UserAddress, _ mode: Int32) throws(Errno) -> Outcome {
    try sysFaccessat2(task, directory, path, mode, 0)
}

/// Implements faccessat2(2): what the real ids may do, or with AT_EACCESS the effective ones.
func sysFaccessat2(
    _ task: Task, _ directory: FD, _ path: UserAddress, _ mode: Int32, _ flags: Int32
) throws(Errno) -> Outcome {
    guard mode & ~7 == 0, flags & ~(AtFlags.AT_EACCESS | AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH) == 0 else { throw .EINVAL }
    let context = task.vfs
    if flags & AtFlags.AT_EACCESS == 0 { context.credentials = task.credentials.asRealUser }
    defer { context.credentials = task.credentials }
    let target = try task.target(directory, path, flags: flags)
    let wanted = AccessMask(rawValue: UInt32(mode))
    if wanted.isEmpty { return .done }
    let inode = try target.inode()
    try context.check(inode, wanted)
    if wanted.contains(.write), let mount = target.place?.mount, mount.isReadOnly {
        switch inode.type {
        case .regular, .directory, .symlink: throw .EROFS
        default: break
        }
    }
    return .done
}

extension Credentials {
    /// These credentials with the real ids as file system ids, and the capabilities that come with them (access_override_creds).
    fileprivate var asRealUser: Credentials {
        if fsuid == uid, fsgid == gid, uid == 0 || effective.isEmpty { return self }
        return Credentials(
            uid: uid, euid: euid, suid: suid, fsuid: uid, gid: gid, egid: egid, sgid: sgid, fsgid: gid, groups: groups,
            permitted: permitted, effective: uid == 0 ? permitted : [], inheritable: inheritable, bounding: bounding, ambient: ambient,
            noNewPrivileges: noNewPrivileges)
    }
}
