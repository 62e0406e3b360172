import Filesystems
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements pipe(2).
func sysPipe(_ task: Task, _ fds: UserAddress) throws(Errno) -> Outcome { try makePipe(task, fds, flags: []) }

/// Implements pipe2(2). Packet mode (O_DIRECT) is missing.
///
/// - Throws: `EINVAL` for other flags than O_CLOEXEC and O_NONBLOCK; `EMFILE`; `EFAULT`.
func sysPipe2(_ task: Task, _ fds: UserAddress, _ flags: Int32) throws(Errno) -> Outcome {
    let flags = OpenFlags(rawValue: UInt32(bitPattern: flags))
    guard flags.isSubset(of: [.O_CLOEXEC, .O_NONBLOCK]) else { throw .EINVAL }
    return try makePipe(task, fds, flags: flags)
}

private func makePipe(_ task: Task, _ fds: UserAddress, flags: OpenFlags) throws(Errno) -> Outcome {
    let ends = PipeDescription.makePipe(flags: flags.subtracting(.O_CLOEXEC), task.vfs)
    let closeOnExec = flags.contains(.O_CLOEXEC)
    let reader = try task.install(ends.reader, closeOnExec: closeOnExec)
    do throws(Errno) {
        let writer = try task.install(ends.writer, closeOnExec: closeOnExec)
        do throws(Errno) {
            let numbers = UInt64(UInt32(bitPattern: reader.rawValue)) | UInt64(UInt32(bitPattern: writer.rawValue)) << 32
            try task.memory.copyOut(numbers, to: fds)
        } catch {
            task.uninstall(writer)
            throw error
        }
    } catch {
        task.uninstall(reader)
        throw error
    }
    return .done
}
