// dup(2) and its relatives.
import Kernel
import LinuxABI
import VFS

extension Task {
    /// RLIMIT_NOFILE.
    var descriptorLimit: Int32 { Int32(clamping: process.limits.values[ResourceLimits.RLIMIT_NOFILE].soft) }
}

/// Implements dup(2).
func sysDup(_ task: Task, _ fd: FD) throws(Errno) -> Outcome {
    let file = try task.files.getAllowingPath(fd)
    return .value(Int64(try task.install(file, closeOnExec: false).rawValue))
}

/// Implements dup2(2).
func sysDup2(_ task: Task, _ old: FD, _ new: FD) throws(Errno) -> Outcome {
    let file = try task.files.getAllowingPath(old)
    if old != new { try task.files.replace(new, file, limit: task.descriptorLimit, closeOnExec: false, task.vfs) }
    return .value(Int64(new.rawValue))
}

/// Implements dup3(2).
///
/// - Throws: `EINVAL` for equal numbers, and for other flags than O_CLOEXEC.
func sysDup3(_ task: Task, _ old: FD, _ new: FD, _ flags: Int32) throws(Errno) -> Outcome {
    let flags = OpenFlags(rawValue: UInt32(bitPattern: flags))
    guard flags.isSubset(of: .O_CLOEXEC), old != new else { throw .EINVAL }
    let file = try task.files.getAllowingPath(old)
    try task.files.replace(
        new, file, limit: task.descriptorLimit, closeOnExec: flags.contains(.O_CLOEXEC), task.vfs)
    return .value(Int64(new.rawValue))
}
