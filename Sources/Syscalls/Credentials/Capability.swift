// capget(2), capset(2).
import Auth
import Kernel
import LinuxABI

/// `struct __user_cap_header_struct`: the version of the structures that follow, and whose they are.
private struct CapabilityHeader: BitwiseCopyable {
    var version: UInt32
    var pid: Int32

    static let version1: UInt32 = 0x1998_0330
    static let version2: UInt32 = 0x2007_1026
    static let version3: UInt32 = 0x2008_0522

    /// How many `struct __user_cap_data_struct` follow; nil for an unknown version.
    var dataCount: Int? {
        switch version {
        case CapabilityHeader.version1: 1
        case CapabilityHeader.version2, CapabilityHeader.version3: 2
        default: nil
        }
    }
}

/// `struct __user_cap_data_struct`: 32 capabilities of each set.
private struct CapabilityData: BitwiseCopyable {
    var effective: UInt32
    var permitted: UInt32
    var inheritable: UInt32

    init(_ credentials: Credentials, shift: UInt64) {
        effective = UInt32(truncatingIfNeeded: credentials.effective.rawValue >> shift)
        permitted = UInt32(truncatingIfNeeded: credentials.permitted.rawValue >> shift)
        inheritable = UInt32(truncatingIfNeeded: credentials.inheritable.rawValue >> shift)
    }
}

/// Reads the header; an unknown version is answered with the one we speak.
private func copyInHeader(_ task: Task, _ address: UserAddress) throws(Errno) -> (CapabilityHeader, dataCount: Int?) {
    let header = try task.memory.copyIn(address, as: CapabilityHeader.self)
    let count = header.dataCount
    if count == nil { try task.memory.copyOut(CapabilityHeader.version3, to: address) }
    return (header, count)
}

/// Implements capget(2).
///
/// - Throws: `EINVAL` for an unknown version (0 if only the version was asked for) or a negative pid; `ESRCH`; `EFAULT`.
func sysCapget(_ task: Task, _ headerAddress: UserAddress, _ data: UserAddress) throws(Errno) -> Outcome {
    let (header, dataCount) = try copyInHeader(task, headerAddress)
    guard let dataCount else {
        if data.isNull { return .done }
        throw .EINVAL
    }
    if data.isNull { return .done }
    guard header.pid >= 0 else { throw .EINVAL }
    let credentials = try task.kernel.task(header.pid, orSelf: task).credentials
    for index in 0..<dataCount {
        try task.memory.copyOut(CapabilityData(credentials, shift: UInt64(32 * index)), to: data + 12 * index)
    }
    return .done
}

/// Implements capset(2), for the calling thread only.
///
/// - Throws: `EINVAL` for an unknown version; `EPERM` for another thread, or for sets beyond what capabilities(7) allows; `EFAULT`.
func sysCapset(_ task: Task, _ headerAddress: UserAddress, _ data: UserAddress) throws(Errno) -> Outcome {
    let (header, dataCount) = try copyInHeader(task, headerAddress)
    guard let dataCount else { throw .EINVAL }
    guard header.pid == 0 || header.pid == task.tid else { throw .EPERM }
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    var inheritable: UInt64 = 0
    for index in 0..<dataCount {
        let part = try task.memory.copyIn(data + 12 * index, as: CapabilityData.self)
        effective |= UInt64(part.effective) << UInt64(32 * index)
        permitted |= UInt64(part.permitted) << UInt64(32 * index)
        inheritable |= UInt64(part.inheritable) << UInt64(32 * index)
    }

    let old = task.credentials
    var draft = CredentialsDraft(old)
    draft.effective = Capabilities(rawValue: effective).intersection(.all)
    draft.permitted = Capabilities(rawValue: permitted).intersection(.all)
    draft.inheritable = Capabilities(rawValue: inheritable).intersection(.all)
    if !old.has(.CAP_SETPCAP) {
        guard old.inheritable.union(old.permitted).isSuperset(of: draft.inheritable) else { throw .EPERM }
    }
    guard old.inheritable.union(old.bounding).isSuperset(of: draft.inheritable), old.permitted.isSuperset(of: draft.permitted),
        draft.permitted.isSuperset(of: draft.effective)
    else { throw .EPERM }
    draft.ambient = old.ambient.intersection(draft.permitted).intersection(draft.inheritable)
    task.credentials = draft.commit()
    return .done
}
