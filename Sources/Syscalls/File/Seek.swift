// lseek(2).
import Kernel
import LinuxABI
import VFS

/// Implements lseek(2).
///
/// - Throws: `ESPIPE` for what has no positions; `EINVAL`.
func sysLseek(_ task: Task, _ fd: FD, _ offset: Int64, _ whence: Int32) throws(Errno) -> Outcome {
    let file = try task.files.get(fd)
    guard (0...4).contains(whence) else { throw .EINVAL }
    return .value(try file.seek(offset, whence: whence, task.vfs))
}
