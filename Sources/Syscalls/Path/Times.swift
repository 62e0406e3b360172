// utimensat(2), futimesat(2), utimes(2), utime(2).
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements utimensat(2). A null path means the descriptor itself (futimens).
func sysUtimensat(_ task: Task, _ directory: FD, _ path: UserAddress, _ times: UserAddress, _ flags: Int32) throws(Errno) -> Outcome {
    let access: VFSContext.TimeChange, modification: VFSContext.TimeChange
    if times.isNull {
        (access, modification) = (.now, .now)
    } else {
        access = try timeChange(try task.memory.copyIn(times, as: Timespec.self))
        modification = try timeChange(try task.memory.copyIn(times + 16, as: Timespec.self))
        // Nothing is looked at then, as on Linux.
        if access == .omit, modification == .omit { return .done }
    }
    let target: FileTarget
    if path.isNull, directory != .cwd {
        guard flags == 0 else { throw .EINVAL }
        target = .description(try task.files.get(directory))
    } else {
        guard flags & ~(AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH) == 0 else { throw .EINVAL }
        target = try task.target(directory, path, flags: flags)
    }
    try task.vfs.changeTimes(try target.inode(), on: target.place, access: access, modification: modification)
    return .done
}

/// - Throws: `EINVAL` for nanoseconds out of range.
private func timeChange(_ time: Timespec) throws(Errno) -> VFSContext.TimeChange {
    let UTIME_NOW: Int64 = 0x3fff_ffff, UTIME_OMIT: Int64 = 0x3fff_fffe
    switch time.nanoseconds {
    case UTIME_NOW: return .now
    case UTIME_OMIT: return .omit
    case 0..<1_000_000_000: return .to(time)
    default: throw .EINVAL
    }
}

/// Implements utimes(2).
func sysUtimes(_ task: Task, _ path: UserAddress, _ times: UserAddress) throws(Errno) -> Outcome {
    try sysFutimesat(task, .cwd, path, times)
}

/// Implements futimesat(2), with `struct timeval[2]`.
func sysFutimesat(_ task: Task, _ directory: FD, _ path: UserAddress, _ times: UserAddress) throws(Errno) -> Outcome {
    var changes: [VFSContext.TimeChange] = [.now, .now]
    if !times.isNull {
        for index in 0..<2 {
            let seconds = try task.memory.copyIn(times + 16 * index, as: Int64.self)
            let microseconds = try task.memory.copyIn(times + (16 * index + 8), as: Int64.self)
            guard (0..<1_000_000).contains(microseconds) else { throw .EINVAL }
            changes[index] = .to(Timespec(seconds: seconds, nanoseconds: microseconds * 1000))
        }
    }
    let target = path.isNull ? FileTarget.description(try task.files.get(directory)) : try task.target(directory, path, flags: 0)
    try task.vfs.changeTimes(try target.inode(), on: target.place, access: changes[0], modification: changes[1])
    return .done
}

/// Implements utime(2), with `struct utimbuf`: whole seconds.
func sysUtime(_ task: Task, _ path: UserAddress, _ times: UserAddress) throws(Errno) -> Outcome {
    var access = VFSContext.TimeChange.now, modification = VFSContext.TimeChange.now
    if !times.isNull {
        access = .to(Timespec(seconds: try task.memory.copyIn(times, as: Int64.self), nanoseconds: 0))
        modification = .to(Timespec(seconds: try task.memory.copyIn(times + 8, as: Int64.self), nanoseconds: 0))
    }
    let place = try task.place(path)
    guard let inode = place.inode else { throw .ENOENT }
    try task.vfs.changeTimes(inode, on: place, access: access, modification: modification)
    return .done
}
