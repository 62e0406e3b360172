// uname(2), sethostname(2), setdomainname(2).
import Kernel
import LinuxABI

/// __NEW_UTS_LEN: the length of each name without its NUL.
private let nameLimit = 64

/// Implements uname(2): six fields of 65 bytes.
///
/// - Throws: `EFAULT`.
func sysUname(_ task: Task, _ buffer: UserAddress) throws(Errno) -> Outcome {
    let fields = [
        Array(KernelIdentity.name.utf8), task.kernel.hostName, Array(KernelIdentity.release.utf8), Array(KernelIdentity.version.utf8),
        Array(KernelIdentity.machine.utf8), task.kernel.domainName,
    ]
    var bytes: [UInt8] = []
    bytes.reserveCapacity(fields.count * (nameLimit + 1))
    for field in fields {
        let text = field.prefix(nameLimit)
        bytes.append(contentsOf: text)
        bytes.append(contentsOf: repeatElement(0, count: nameLimit + 1 - text.count))
    }
    try task.memory.copyOut(bytes, to: buffer)
    return .done
}

/// Implements sethostname(2).
///
/// - Throws: `EPERM` without CAP_SYS_ADMIN; `EINVAL` for a length outside 0…64; `EFAULT`.
func sysSethostname(_ task: Task, _ name: UserAddress, _ length: Int32) throws(Errno) -> Outcome {
    task.kernel.hostName = try copyInName(task, name, length)
    return .done
}

/// Implements setdomainname(2).
///
/// - Throws: as ``sysSethostname(_:_:_:)``.
func sysSetdomainname(_ task: Task, _ name: UserAddress, _ length: Int32) throws(Errno) -> Outcome {
    task.kernel.domainName = try copyInName(task, name, length)
    return .done
}

private func copyInName(_ task: Task, _ name: UserAddress, _ length: Int32) throws(Errno) -> [UInt8] {
    guard task.credentials.has(.CAP_SYS_ADMIN) else { throw .EPERM }
    guard length >= 0, Int(length) <= nameLimit else { throw .EINVAL }
    if length == 0 { return [] }
    return Array(try task.memory.copyIn(name, count: Int(length)).prefix { $0 != 0 })
}
