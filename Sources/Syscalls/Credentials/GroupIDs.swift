// getgid(2), setgid(2), setregid(2), setresgid(2), setfsgid(2), getgroups(2), setgroups(2).
import Auth
import Kernel
import LinuxABI

/// NGROUPS_MAX.
private let groupLimit: Int32 = 65_536

func sysGetgid(_ task: Task) throws(Errno) -> Outcome { .value(Int64(task.credentials.gid)) }

func sysGetegid(_ task: Task) throws(Errno) -> Outcome { .value(Int64(task.credentials.egid)) }

/// Implements getresgid(2).
///
/// - Throws: `EFAULT`.
func sysGetresgid(_ task: Task, _ real: UserAddress, _ effective: UserAddress, _ saved: UserAddress) throws(Errno) -> Outcome {
    try task.memory.copyOut(task.credentials.gid, to: real)
    try task.memory.copyOut(task.credentials.egid, to: effective)
    try task.memory.copyOut(task.credentials.sgid, to: saved)
    return .done
}

/// Implements setgid(2).
///
/// - Throws: `EINVAL` for -1; `EPERM` if the group is neither the real nor the saved one and CAP_SETGID is missing.
func sysSetgid(_ task: Task, _ group: UInt32) throws(Errno) -> Outcome {
    guard group != unchangedID else { throw .EINVAL }
    let old = task.credentials
    var draft = CredentialsDraft(old)
    if old.has(.CAP_SETGID) {
        draft.gid = group
        draft.sgid = group
    } else if group != old.gid && group != old.sgid {
        throw .EPERM
    }
    draft.egid = group
    draft.fsgid = group
    task.commitGroupChange(draft)
    return .done
}

/// Implements setregid(2).
///
/// - Throws: `EPERM` without CAP_SETGID: the real group may become the real or effective one, the effective also the saved one.
func sysSetregid(_ task: Task, _ real: UInt32, _ effective: UInt32) throws(Errno) -> Outcome {
    let old = task.credentials
    let isPrivileged = old.has(.CAP_SETGID)
    var draft = CredentialsDraft(old)
    if real != unchangedID {
        guard isPrivileged || real == old.gid || real == old.egid else { throw .EPERM }
        draft.gid = real
    }
    if effective != unchangedID {
        guard isPrivileged || effective == old.gid || effective == old.egid || effective == old.sgid else { throw .EPERM }
        draft.egid = effective
    }
    if real != unchangedID || (effective != unchangedID && effective != old.gid) { draft.sgid = draft.egid }
    draft.fsgid = draft.egid
    task.commitGroupChange(draft)
    return .done
}

/// Implements setresgid(2).
///
/// - Throws: `EPERM` without CAP_SETGID if a new id is none of the old three.
func sysSetresgid(_ task: Task, _ real: UInt32, _ effective: UInt32, _ saved: UInt32) throws(Errno) -> Outcome {
    let old = task.credentials
    var draft = CredentialsDraft(old)
    if !old.has(.CAP_SETGID) {
        for id in [real, effective, saved] where id != unchangedID && id != old.gid && id != old.egid && id != old.sgid { throw .EPERM }
    }
    if real != unchangedID { draft.gid = real }
    if effective != unchangedID { draft.egid = effective }
    if saved != unchangedID { draft.sgid = saved }
    draft.fsgid = draft.egid
    task.commitGroupChange(draft)
    return .done
}

/// Implements setfsgid(2), which returns the old id whether or not it changed.
func sysSetfsgid(_ task: Task, _ group: UInt32) throws(Errno) -> Outcome {
    let old = task.credentials
    if group != unchangedID && (group == old.gid || group == old.egid || group == old.sgid || group == old.fsgid || old.has(.CAP_SETGID)) {
        var draft = CredentialsDraft(old)
        draft.fsgid = group
        task.credentials = draft.commit()
    }
    return .value(Int64(old.fsgid))
}

/// Implements getgroups(2).
///
/// - Throws: `EINVAL` if `size` is negative, or not 0 and too small; `EFAULT`.
func sysGetgroups(_ task: Task, _ size: Int32, _ list: UserAddress) throws(Errno) -> Outcome {
    let groups = task.credentials.groups
    guard size >= 0 else { throw .EINVAL }
    if size > 0 {
        guard groups.count <= Int(size) else { throw .EINVAL }
        if !groups.isEmpty { try task.memory.copyOut(groups.flatMap(littleEndianBytes), to: list) }
    }
    return .value(Int64(groups.count))
}

/// Implements setgroups(2). The list is kept sorted, as Linux does.
///
/// - Throws: `EPERM` without CAP_SETGID; `EINVAL` for more than 65,536 groups or one that is -1; `EFAULT`.
func sysSetgroups(_ task: Task, _ size: Int32, _ list: UserAddress) throws(Errno) -> Outcome {
    guard task.credentials.has(.CAP_SETGID) else { throw .EPERM }
    guard size >= 0, size <= groupLimit else { throw .EINVAL }
    let bytes = size == 0 ? [] : try task.memory.copyIn(list, count: Int(size) * 4)
    var groups: [UInt32] = []
    groups.reserveCapacity(Int(size))
    for index in 0..<Int(size) {
        let group = bytes[4 * index..<4 * index + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        guard group != unchangedID else { throw .EINVAL }
        groups.append(group)
    }
    var draft = CredentialsDraft(task.credentials)
    draft.groups = groups.sorted()
    task.credentials = draft.commit()
    return .done
}

/// The bytes of `value` as guest memory holds it.
func littleEndianBytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

extension Task {
    /// Makes `draft` the task's credentials after a change of groups, which no capability depends on.
    fileprivate func commitGroupChange(_ draft: CredentialsDraft) {
        forgetTrust(credentials, draft)
        credentials = draft.commit()
    }
}
