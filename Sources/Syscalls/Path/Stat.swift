import CLinuxABI
import Kernel
import LinuxABI
import Memory
import VFS

private let AT_SYMLINK_NOFOLLOW: Int32 = 0x100
private let AT_NO_AUTOMOUNT: Int32 = 0x800
private let AT_EMPTY_PATH: Int32 = 0x1000

extension linux_stat {
    fileprivate init(_ attributes: FileAttributes) {
        self.init()
        st_dev = attributes.device
        st_ino = attributes.inode
        st_nlink = UInt64(attributes.linkCount)
        st_mode = attributes.mode
        st_uid = attributes.uid
        st_gid = attributes.gid
        st_rdev = attributes.specialDevice
        st_size = attributes.size
        st_blksize = Int64(attributes.blockSize)
        st_blocks = attributes.blocks
        st_atime_sec = attributes.accessTime.seconds
        st_atime_nsec = attributes.accessTime.nanoseconds
        st_mtime_sec = attributes.modificationTime.seconds
        st_mtime_nsec = attributes.modificationTime.nanoseconds
        st_ctime_sec = attributes.changeTime.seconds
        st_ctime_nsec = attributes.changeTime.nanoseconds
    }
}

/// The attributes of what `path` names relative to `directory`.
private func attributes(_ task: Task, _ directory: FD, _ path: UserAddress, flags: Int32) throws(Errno) -> FileAttributes {
    // A NULL path with AT_EMPTY_PATH is an empty one (Linux 6.11 on).
    let name = path.isNull && flags & AT_EMPTY_PATH != 0 ? [] : try copyInPath(task, path)
    let allowsEmpty = flags & AT_EMPTY_PATH != 0
    if name.isEmpty && allowsEmpty && directory != .cwd { return try task.files.getAllowingPath(directory).attributes(task.vfs) }
    let start = try startingPoint(task, directory, name)
    var options: WalkOptions = flags & AT_SYMLINK_NOFOLLOW != 0 ? [] : .followLast
    if allowsEmpty { options.insert(.allowEmpty) }
    let place = try task.vfs.resolve(name, from: start, options)
    guard let inode = place.inode else { throw .ENOENT }
    return try inode.attributes(task.vfs)
}

/// Implements stat(2).
func sysStat(_ task: Task, _ path: UserAddress, _ buffer: UserAddress) throws(Errno) -> Outcome {
    try task.memory.copyOut(linux_stat(try attributes(task, .cwd, path, flags: 0)), to: buffer)
    return .done
}

/// Implements lstat(2).
func sysLstat(_ task: Task, _ path: UserAddress, _ buffer: UserAddress) throws(Errno) -> Outcome {
    try task.memory.copyOut(linux_stat(try attributes(task, .cwd, path, flags: AT_SYMLINK_NOFOLLOW)), to: buffer)
    return .done
}

/// Implements fstat(2).
func sysFstat(_ task: Task, _ fd: FD, _ buffer: UserAddress) throws(Errno) -> Outcome {
    try task.memory.copyOut(linux_stat(try task.files.getAllowingPath(fd).attributes(task.vfs)), to: buffer)
    return .done
}

/// Implements newfstatat(2).
///
/// - Throws: `EINVAL` for flags; what the walk throws; `EFAULT`.
func sysNewfstatat(_ task: Task, _ directory: FD, _ path: UserAddress, _ buffer: UserAddress, _ flags: Int32) throws(Errno) -> Outcome {
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH) != 0 { throw .EINVAL }
    try task.memory.copyOut(linux_stat(try attributes(task, directory, path, flags: flags)), to: buffer)
    return .done
}

/// Implements statx(2).
///
/// - Throws: `EINVAL` for flags or mask; what the walk throws; `EFAULT`.
func sysStatx(
    _ task: Task, _ directory: FD, _ path: UserAddress, _ flags: Int32, _ mask: UInt32, _ buffer: UserAddress
) throws(Errno) -> Outcome {
    // AT_STATX_SYNC_TYPE: 0x6000, not both bits.
    let known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | 0x6000
    if flags & ~known != 0 || flags & 0x6000 == 0x6000 || mask & 0x8000_0000 != 0 { throw .EINVAL }
    let found = try attributes(task, directory, path, flags: flags)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(256)
    func put<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    func put(_ time: Timespec) {
        put(time.seconds)
        put(UInt32(truncatingIfNeeded: time.nanoseconds))
        put(UInt32(0))
    }
    let hasBirth = found.birthTime.seconds != 0
    put(UInt32(hasBirth ? 0xfff : 0x7ff))  // STATX_BASIC_STATS, STATX_BTIME
    put(found.blockSize)
    put(UInt64(0))
    put(found.linkCount)
    put(found.uid)
    put(found.gid)
    put(UInt16(truncatingIfNeeded: found.mode))
    put(UInt16(0))
    put(found.inode)
    put(UInt64(bitPattern: found.size))
    put(UInt64(bitPattern: found.blocks))
    put(UInt64(0))
    put(found.accessTime)
    put(found.birthTime)
    put(found.changeTime)
    put(found.modificationTime)
    put(deviceMajor(found.specialDevice))
    put(deviceMinor(found.specialDevice))
    put(deviceMajor(found.device))
    put(deviceMinor(found.device))
    bytes.append(contentsOf: [UInt8](repeating: 0, count: 256 - bytes.count))
    try task.memory.copyOut(bytes, to: buffer)
    return .done
}

private func deviceMajor(_ device: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: device >> 8 & 0xfff | device >> 32 & ~0xfff) }
private func deviceMinor(_ device: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: device & 0xff | device >> 12 & ~0xff) }
