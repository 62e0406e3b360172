// mount(2), umount2(2).
import Auth
import Filesystems
import HostSyscalls
import Kernel
import LinuxABI
import Memory
import VFS

private enum MountFlags {
    static let MS_RDONLY: UInt64 = 1
    static let MS_REMOUNT: UInt64 = 0x20
    static let MS_BIND: UInt64 = 0x1000
    static let MS_MOVE: UInt64 = 0x2000
    static let MS_REC: UInt64 = 0x4000
    static let MS_SILENT: UInt64 = 0x8000
    static let MS_UNBINDABLE: UInt64 = 0x20000
    static let MS_PRIVATE: UInt64 = 0x40000
    static let MS_SLAVE: UInt64 = 0x80000
    static let MS_SHARED: UInt64 = 0x100000
    /// What old programs put into the upper half.
    static let MS_MGC_VAL: UInt64 = 0xc0ed_0000
}

/// Implements mount(2): tmpfs, binds of one mount, remounts that change MS_RDONLY. Every mount is private: there is one namespace.
///
/// - Throws: `EPERM` without CAP_SYS_ADMIN; `ENODEV` for other file systems; `EINVAL` for what is missing.
func sysMount(
    _ task: Task, _ source: UserAddress, _ target: UserAddress, _ type: UserAddress, _ flags: UInt64, _ data: UserAddress
) throws(Errno) -> Outcome {
    var flags = flags
    if flags & 0xffff_0000 == MountFlags.MS_MGC_VAL { flags &= ~MountFlags.MS_MGC_VAL }
    let place = try task.place(target)
    guard task.credentials.has(.CAP_SYS_ADMIN) else { throw .EPERM }
    guard let namespace = place.mount.namespace else { throw .EINVAL }
    if flags & MountFlags.MS_REMOUNT != 0 {
        guard place.dentry === place.mount.root else { throw .EINVAL }
        try remount(place.mount, isReadOnly: flags & MountFlags.MS_RDONLY != 0)
        return .done
    }
    if flags & (MountFlags.MS_SHARED | MountFlags.MS_SLAVE | MountFlags.MS_UNBINDABLE | MountFlags.MS_MOVE) != 0 { throw .EINVAL }
    if flags & MountFlags.MS_PRIVATE != 0 {
        guard place.dentry === place.mount.root else { throw .EINVAL }
        return .done
    }
    guard namespace.mounts.count < 1000 else { throw .ENOSPC }
    if flags & MountFlags.MS_BIND != 0 {
        // Only the one mount: what is mounted below it does not come along, so MS_REC cannot be kept.
        let origin = try task.place(source)
        if flags & MountFlags.MS_REC != 0, namespace.mounts.contains(where: { $0.mountPoint?.mount === origin.mount }) { throw .EINVAL }
        guard let from = origin.inode, let to = place.inode else { throw .ENOENT }
        guard (from.type == .directory) == (to.type == .directory) else { throw .ENOTDIR }
        namespace.mount(
            origin.mount.fileSystem, root: origin.dentry, at: place, isReadOnly: origin.mount.isReadOnly, source: origin.mount.source)
        return .done
    }
    guard place.inode?.type == .directory else { throw .ENOTDIR }
    guard !type.isNull else { throw .EINVAL }
    let typeName = try task.memory.copyInString(type, limit: 4096)
    guard typeName.elementsEqual("tmpfs".utf8) else { throw .ENODEV }
    let options = data.isNull ? [] : try task.memory.copyInString(data, limit: 4096)
    let sourceName = source.isNull ? Array("none".utf8) : try task.path(source)
    let fileSystem = try makeTmpfs(options, device: 0x10_0000 | UInt64(namespace.mounts.last?.id ?? 0) << 8, task)
    guard let root = fileSystem.root else { throw .EIO }
    namespace.mount(
        fileSystem, root: Dentry(name: [], parent: nil, inode: root), at: place, isReadOnly: flags & MountFlags.MS_RDONLY != 0,
        source: String(decoding: sourceName, as: UTF8.self))
    return .done
}

/// - Throws: `EPERM` for making writable what the sandbox was given read-only.
private func remount(_ mount: Mount, isReadOnly: Bool) throws(Errno) {
    if mount.isReadOnly, !isReadOnly, !(mount.fileSystem is TmpfsFileSystem) { throw .EPERM }
    mount.isReadOnly = isReadOnly
}

/// A tmpfs as its options say: size=, mode=, uid=, gid=, nr_inodes=.
///
/// - Throws: `EINVAL` for an option that is not there.
private func makeTmpfs(_ options: [UInt8], device: UInt64, _ task: Task) throws(Errno) -> TmpfsFileSystem {
    var size: UInt64 = 1 << 30, inodes: UInt64 = 1 << 20
    var mode: UInt32 = 0o1777, uid = task.credentials.fsuid, gid = task.credentials.fsgid
    for option in options.split(separator: UInt8(ascii: ",")) {
        let parts = option.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count == 2 ? String(decoding: parts[1], as: UTF8.self) : ""
        switch String(decoding: parts[0], as: UTF8.self) {
        case "size": size = min(size, try number(value))
        case "nr_inodes": inodes = min(inodes, try number(value))
        case "mode":
            guard let bits = UInt32(value, radix: 8), bits <= 0o7777 else { throw .EINVAL }
            mode = bits
        case "uid": uid = UInt32(truncatingIfNeeded: try number(value))
        case "gid": gid = UInt32(truncatingIfNeeded: try number(value))
        default: throw .EINVAL
        }
    }
    return TmpfsFileSystem(
        device: device, sizeLimit: size, inodeLimit: inodes, rootPermissions: mode, uid: uid, gid: gid, now: task.kernel.realtimeNow)
}

/// A number with Linux's suffixes k, m and g.
private func number(_ text: String) throws(Errno) -> UInt64 {
    var digits = Substring(text)
    var shift: UInt64 = 0
    switch digits.last {
    case "k", "K": shift = 10
    case "m", "M": shift = 20
    case "g", "G": shift = 30
    default: break
    }
    if shift > 0 { digits.removeLast() }
    guard let value = UInt64(digits), value <= UInt64.max >> shift else { throw .EINVAL }
    return value << shift
}

/// Implements umount2(2). A mount in use goes as with MNT_DETACH: whoever stands in it stays there.
///
/// - Throws: `EPERM`; `EINVAL` if nothing is mounted there; `EBUSY` if others are mounted below.
func sysUmount2(_ task: Task, _ target: UserAddress, _ flags: Int32) throws(Errno) -> Outcome {
    let UMOUNT_NOFOLLOW: Int32 = 8, MNT_EXPIRE: Int32 = 4
    guard flags & ~15 == 0 else { throw .EINVAL }
    let place = try task.place(target, follow: flags & UMOUNT_NOFOLLOW != 0 ? [] : .followLast)
    guard task.credentials.has(.CAP_SYS_ADMIN) else { throw .EPERM }
    guard place.dentry === place.mount.root, let namespace = place.mount.namespace else { throw .EINVAL }
    if flags & MNT_EXPIRE != 0 { throw .EAGAIN }
    try namespace.unmount(place.mount)
    return .done
}
