// fcntl(2), but for its locks.
import Filesystems
import Kernel
import LinuxABI
import Memory
import VFS

private enum Command {
    static let F_DUPFD: Int32 = 0
    static let F_GETFD: Int32 = 1
    static let F_SETFD: Int32 = 2
    static let F_GETFL: Int32 = 3
    static let F_SETFL: Int32 = 4
    static let F_GETLK: Int32 = 5
    static let F_SETLK: Int32 = 6
    static let F_SETLKW: Int32 = 7
    static let F_SETOWN: Int32 = 8
    static let F_GETOWN: Int32 = 9
    static let F_SETSIG: Int32 = 10
    static let F_GETSIG: Int32 = 11
    static let F_SETOWN_EX: Int32 = 15
    static let F_GETOWN_EX: Int32 = 16
    static let F_OFD_GETLK: Int32 = 36
    static let F_OFD_SETLK: Int32 = 37
    static let F_OFD_SETLKW: Int32 = 38
    static let F_GETLEASE: Int32 = 1025
    static let F_DUPFD_QUERY: Int32 = 1027
    static let F_DUPFD_CLOEXEC: Int32 = 1030
    static let F_SETPIPE_SZ: Int32 = 1031
    static let F_GETPIPE_SZ: Int32 = 1032
    static let FD_CLOEXEC: UInt64 = 1
}

/// Implements fcntl(2). Signal-driven I/O, leases, directory notification and seals are missing.
///
/// - Throws: `EBADF`, also for O_PATH descriptors but for what concerns the number itself; `EINVAL` for unknown commands.
func sysFcntl(_ task: Task, _ fd: FD, _ command: Int32, _ argument: UInt64) throws(Errno) -> Outcome {
    let anyFile = try task.files.getAllowingPath(fd)
    switch command {
    case Command.F_DUPFD, Command.F_DUPFD_CLOEXEC:
        let minimum = Int32(truncatingIfNeeded: argument)
        guard minimum >= 0, minimum < task.descriptorLimit else { throw .EINVAL }
        let number = try task.files.install(
            anyFile, from: minimum, limit: task.descriptorLimit, closeOnExec: command == Command.F_DUPFD_CLOEXEC)
        return .value(Int64(number.rawValue))
    case Command.F_GETFD: return .value(try task.files.isCloseOnExec(fd) ? 1 : 0)
    case Command.F_SETFD:
        try task.setCloseOnExec(fd, argument & Command.FD_CLOEXEC != 0)
        return .done
    case Command.F_GETFL:
        let hidden: OpenFlags = [.O_CREAT, .O_EXCL, .O_NOCTTY, .O_TRUNC, .O_CLOEXEC]
        return .value(Int64(anyFile.flags.subtracting(hidden).rawValue))
    case Command.F_DUPFD_QUERY:
        let other = try task.files.getAllowingPath(FD(Int32(truncatingIfNeeded: argument)))
        return .value(other === anyFile ? 1 : 0)
    default: break
    }

    let file = try task.files.get(fd)
    switch command {
    case Command.F_SETFL: try setStatusFlags(task, file, OpenFlags(rawValue: UInt32(truncatingIfNeeded: argument)))
    case Command.F_GETLK, Command.F_OFD_GETLK:
        try queryLock(task, file, UserAddress(argument), isOFD: command == Command.F_OFD_GETLK)
    case Command.F_SETLK, Command.F_OFD_SETLK:
        return try setLock(task, file, UserAddress(argument), isOFD: command == Command.F_OFD_SETLK, waits: false)
    case Command.F_SETLKW, Command.F_OFD_SETLKW:
        return try setLock(task, file, UserAddress(argument), isOFD: command == Command.F_OFD_SETLKW, waits: true)
    // Kept, and without effect: O_ASYNC cannot be set.
    case Command.F_GETOWN: return .value(Int64(file.signalOwner))
    case Command.F_SETOWN: try setOwner(task, file, Int32(truncatingIfNeeded: argument))
    case Command.F_GETOWN_EX:
        // F_OWNER_PID 1, F_OWNER_PGRP 2.
        let owner = file.signalOwner
        try task.memory.copyOut(owner < 0 ? Int32(2) : 1, to: UserAddress(argument))
        try task.memory.copyOut(owner < 0 ? -owner : owner, to: UserAddress(argument) + 4)
    case Command.F_SETOWN_EX:
        let type = try task.memory.copyIn(UserAddress(argument), as: Int32.self)
        let id = try task.memory.copyIn(UserAddress(argument) + 4, as: Int32.self)
        guard (0...2).contains(type), id >= 0 else { throw .EINVAL }
        try setOwner(task, file, type == 2 ? -id : id)
    case Command.F_GETSIG: return .value(Int64(file.ownerSignal))
    case Command.F_SETSIG:
        guard argument <= 64 else { throw .EINVAL }
        file.ownerSignal = Int32(argument)
    // Nobody holds a lease (F_UNLCK).
    case Command.F_GETLEASE: return .value(2)
    case Command.F_GETPIPE_SZ:
        guard let pipe = (file as? PipeDescription)?.pipe else { throw .EBADF }
        return .value(Int64(pipe.capacity))
    case Command.F_SETPIPE_SZ:
        guard let pipe = (file as? PipeDescription)?.pipe else { throw .EBADF }
        return .value(Int64(try pipe.setCapacity(argument & 0xffff_ffff)))
    default: throw .EINVAL
    }
    return .done
}

/// F_SETOWN: a process, or with a minus sign a group; 0 for nobody.
private func setOwner(_ task: Task, _ file: FileDescription, _ owner: Int32) throws(Errno) {
    guard owner != .min else { throw .EINVAL }
    let processes = task.kernel.processes
    if owner > 0, processes[owner] == nil, task.kernel.tasks[owner] == nil { throw .ESRCH }
    if owner < 0, !processes.values.contains(where: { $0.processGroup == -owner }) { throw .ESRCH }
    file.signalOwner = owner
}

/// F_SETFL: access mode and creation flags are ignored.
private func setStatusFlags(_ task: Task, _ file: FileDescription, _ flags: OpenFlags) throws(Errno) {
    let changeable: OpenFlags = [.O_APPEND, .O_NONBLOCK, .O_DIRECT, .O_NOATIME]
    if flags.contains(.O_NOATIME), !file.flags.contains(.O_NOATIME), !task.vfs.isOwner(try file.attributes(task.vfs)) { throw .EPERM }
    file.flags = file.flags.subtracting(changeable).union(flags.intersection(changeable))
}
