import Filesystems
import Kernel
import LinuxABI
import VFS

/// Implements eventfd(2), the call without flags.
func sysEventfd(_ task: Task, _ initial: UInt32) throws(Errno) -> Outcome { try sysEventfd2(task, initial, 0) }

/// Implements eventfd2, which eventfd(2) describes.
///
/// - Throws: `EINVAL` for unknown flags; `EMFILE`.
func sysEventfd2(_ task: Task, _ initial: UInt32, _ flags: Int32) throws(Errno) -> Outcome {
    let semaphore: UInt32 = 1
    let bits = UInt32(bitPattern: flags)
    let flags = OpenFlags(rawValue: bits & ~semaphore)
    guard flags.isSubset(of: [.O_CLOEXEC, .O_NONBLOCK]) else { throw .EINVAL }
    let event = EventFDDescription(
        initialValue: initial, isSemaphore: bits & semaphore != 0, flags: flags.subtracting(.O_CLOEXEC))
    return .value(Int64(try task.install(event, closeOnExec: flags.contains(.O_CLOEXEC)).rawValue))
}
