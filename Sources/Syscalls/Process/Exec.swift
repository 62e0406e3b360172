import Kernel
import LinuxABI
import Memory
import VFS

/// Implements execve(2).
func sysExecve(_ task: Task, _ path: UserAddress, _ arguments: UserAddress, _ environment: UserAddress) throws(Errno) -> Outcome {
    try execute(task, .cwd, path, arguments, environment, flags: 0)
}

/// Implements execveat(2).
func sysExecveat(
    _ task: Task, _ directory: FD, _ path: UserAddress, _ arguments: UserAddress, _ environment: UserAddress, _ flags: Int32
) throws(Errno) -> Outcome {
    // AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW
    if flags & ~0x1100 != 0 { throw .EINVAL }
    return try execute(task, directory, path, arguments, environment, flags: flags)
}

private func execute(
    _ task: Task, _ directory: FD, _ path: UserAddress, _ arguments: UserAddress, _ environment: UserAddress, flags: Int32
) throws(Errno) -> Outcome {
    let name = try task.memory.copyInString(path, limit: 4096)
    let arguments = try copyInStrings(task, arguments)
    let environment = try copyInStrings(task, environment)
    return try task.loadAndExecute(
        directory: directory, path: name, arguments: arguments, environment: environment, flags: flags)
}

/// A NULL-terminated array of strings. NULL itself is an empty one, as on Linux.
///
/// - Throws: `E2BIG` past the limit that execve(2) gives for arguments and environment together.
private func copyInStrings(_ task: Task, _ address: UserAddress) throws(Errno) -> [[UInt8]] {
    if address.isNull { return [] }
    var strings: [[UInt8]] = []
    var total = 0
    var pointer = address
    while true {
        let string = UserAddress(try task.memory.copyIn(pointer, as: UInt64.self))
        if string.isNull { return strings }
        let bytes: [UInt8]
        do throws(Errno) { bytes = try task.memory.copyInString(string, limit: 131_072) } catch {
            throw error == .ENAMETOOLONG ? .E2BIG : error
        }
        total += bytes.count + 9
        // Three quarters of 8 MiB: the bound whatever the stack limit says.
        if total > 6 << 20 { throw .E2BIG }
        strings.append(bytes)
        pointer = pointer + 8
    }
}
