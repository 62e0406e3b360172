// getuid(2), setuid(2), setreuid(2), setresuid(2), setfsuid(2).
import Auth
import Kernel
import LinuxABI

/// The id that stands for "leave it": (uid_t)-1.
let unchangedID = UInt32.max

func sysGetuid(_ task: Task) throws(Errno) -> Outcome { .value(Int64(task.credentials.uid)) }

func sysGeteuid(_ task: Task) throws(Errno) -> Outcome { .value(Int64(task.credentials.euid)) }

/// Implements getresuid(2).
///
/// - Throws: `EFAULT`.
func sysGetresuid(_ task: Task, _ real: UserAddress, _ effective: UserAddress, _ saved: UserAddress) throws(Errno) -> Outcome {
    try task.memory.copyOut(task.credentials.uid, to: real)
    try task.memory.copyOut(task.credentials.euid, to: effective)
    try task.memory.copyOut(task.credentials.suid, to: saved)
    return .done
}

/// Implements setuid(2).
///
/// - Throws: `EINVAL` for -1; `EPERM` if the user is neither the real nor the saved one and CAP_SETUID is missing.
func sysSetuid(_ task: Task, _ user: UInt32) throws(Errno) -> Outcome {
    guard user != unchangedID else { throw .EINVAL }
    let old = task.credentials
    var draft = CredentialsDraft(old)
    if old.has(.CAP_SETUID) {
        draft.uid = user
        draft.suid = user
    } else if user != old.uid && user != old.suid {
        throw .EPERM
    }
    draft.euid = user
    draft.fsuid = user
    task.commitUserChange(&draft)
    return .done
}

/// Implements setreuid(2).
///
/// - Throws: `EPERM` without CAP_SETUID: the real user may become the real or effective one, the effective also the saved one.
func sysSetreuid(_ task: Task, _ real: UInt32, _ effective: UInt32) throws(Errno) -> Outcome {
    let old = task.credentials
    let isPrivileged = old.has(.CAP_SETUID)
    var draft = CredentialsDraft(old)
    if real != unchangedID {
        guard isPrivileged || real == old.uid || real == old.euid else { throw .EPERM }
        draft.uid = real
    }
    if effective != unchangedID {
        guard isPrivileged || effective == old.uid || effective == old.euid || effective == old.suid else { throw .EPERM }
        draft.euid = effective
    }
    if real != unchangedID || (effective != unchangedID && effective != old.uid) { draft.suid = draft.euid }
    draft.fsuid = draft.euid
    task.commitUserChange(&draft)
    return .done
}

/// Implements setresuid(2).
///
/// - Throws: `EPERM` without CAP_SETUID if a new id is none of the old three.
func sysSetresuid(_ task: Task, _ real: UInt32, _ effective: UInt32, _ saved: UInt32) throws(Errno) -> Outcome {
    let old = task.credentials
    var draft = CredentialsDraft(old)
    if !old.has(.CAP_SETUID) {
        for id in [real, effective, saved] where id != unchangedID && id != old.uid && id != old.euid && id != old.suid { throw .EPERM }
    }
    if real != unchangedID { draft.uid = real }
    if effective != unchangedID { draft.euid = effective }
    if saved != unchangedID { draft.suid = saved }
    draft.fsuid = draft.euid
    task.commitUserChange(&draft)
    return .done
}

/// Implements setfsuid(2), which returns the old id whether or not it changed.
func sysSetfsuid(_ task: Task, _ user: UInt32) throws(Errno) -> Outcome {
    let old = task.credentials
    if user != unchangedID && (user == old.uid || user == old.euid || user == old.suid || user == old.fsuid || old.has(.CAP_SETUID)) {
        var draft = CredentialsDraft(old)
        draft.fsuid = user
        draft.adjustFileCapabilities(from: old)
        task.credentials = draft.commit()
    }
    return .value(Int64(old.fsuid))
}

extension Task {
    /// Makes `draft` the task's credentials, with what a change of users does to capabilities, core dumps and the death signal.
    func commitUserChange(_ draft: inout CredentialsDraft) {
        let old = credentials
        draft.adjustCapabilities(from: old, keepsCapabilities: attributes.keepsCapabilities)
        forgetTrust(old, draft)
        credentials = draft.commit()
    }

    /// commit_creds: a process whose effective ids changed is not dumpable, and a parent's death no longer signals it.
    func forgetTrust(_ old: Credentials, _ new: CredentialsDraft) {
        if old.euid != new.euid || old.egid != new.egid || old.fsuid != new.fsuid || old.fsgid != new.fsgid {
            attributes.isDumpable = false
            attributes.parentDeathSignal = 0
        }
    }
}
