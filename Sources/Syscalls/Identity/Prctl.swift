// prctl(2): the options that programs need; the others are EINVAL, as on a kernel built without them.
import Auth
import Kernel
import LinuxABI

/// Options, by Linux's names (linux/prctl.h).
private enum Option {
    static let PR_SET_PDEATHSIG: Int32 = 1
    static let PR_GET_PDEATHSIG: Int32 = 2
    static let PR_GET_DUMPABLE: Int32 = 3
    static let PR_SET_DUMPABLE: Int32 = 4
    static let PR_GET_KEEPCAPS: Int32 = 7
    static let PR_SET_KEEPCAPS: Int32 = 8
    static let PR_SET_NAME: Int32 = 15
    static let PR_GET_NAME: Int32 = 16
    static let PR_GET_SECCOMP: Int32 = 21
    static let PR_CAPBSET_READ: Int32 = 23
    static let PR_CAPBSET_DROP: Int32 = 24
    static let PR_GET_SECUREBITS: Int32 = 27
    static let PR_SET_TIMERSLACK: Int32 = 29
    static let PR_GET_TIMERSLACK: Int32 = 30
    static let PR_SET_CHILD_SUBREAPER: Int32 = 36
    static let PR_GET_CHILD_SUBREAPER: Int32 = 37
    static let PR_SET_NO_NEW_PRIVS: Int32 = 38
    static let PR_GET_NO_NEW_PRIVS: Int32 = 39
    static let PR_CAP_AMBIENT: Int32 = 47
}

/// Implements prctl(2).
///
/// - Throws: `EINVAL` for an option that is not there or an argument out of range; `EFAULT`; `EPERM` for what needs a capability.
func sysPrctl(_ task: Task, _ option: Int32, _ a2: UInt64, _ a3: UInt64, _ a4: UInt64, _ a5: UInt64) throws(Errno) -> Outcome {
    switch option {
    case Option.PR_SET_PDEATHSIG:
        guard a2 <= 64 else { throw .EINVAL }
        task.attributes.parentDeathSignal = Int32(a2)
    case Option.PR_GET_PDEATHSIG:
        try task.memory.copyOut(task.attributes.parentDeathSignal, to: UserAddress(a2))
    case Option.PR_GET_DUMPABLE:
        return .value(task.attributes.isDumpable ? 1 : 0)
    case Option.PR_SET_DUMPABLE:
        task.attributes.isDumpable = try flag(a2)
    case Option.PR_GET_KEEPCAPS:
        return .value(task.attributes.keepsCapabilities ? 1 : 0)
    case Option.PR_SET_KEEPCAPS:
        task.attributes.keepsCapabilities = try flag(a2)
    case Option.PR_SET_NAME:
        task.name = try copyInName(task, UserAddress(a2))
    case Option.PR_GET_NAME:
        let name = Array(task.name.prefix(15))
        try task.memory.copyOut(name + [UInt8](repeating: 0, count: 16 - name.count), to: UserAddress(a2))
    case Option.PR_GET_SECCOMP:
        // No filter of the task's own: seccomp(2) is missing.
        return .value(0)
    case Option.PR_CAPBSET_READ:
        return .value(task.credentials.bounding.isSuperset(of: try capability(a2)) ? 1 : 0)
    case Option.PR_CAPBSET_DROP:
        guard task.credentials.has(.CAP_SETPCAP) else { throw .EPERM }
        var draft = CredentialsDraft(task.credentials)
        draft.bounding.subtract(try capability(a2))
        task.credentials = draft.commit()
    case Option.PR_GET_SECUREBITS:
        return .value(0)
    case Option.PR_SET_TIMERSLACK:
        task.attributes.timerSlack = Int64(bitPattern: a2) <= 0 ? TaskAttributes().timerSlack : a2
    case Option.PR_GET_TIMERSLACK:
        return .value(Int64(clamping: task.attributes.timerSlack))
    case Option.PR_SET_CHILD_SUBREAPER:
        task.process.isSubreaper = a2 != 0
    case Option.PR_GET_CHILD_SUBREAPER:
        try task.memory.copyOut(Int32(task.process.isSubreaper ? 1 : 0), to: UserAddress(a2))
    case Option.PR_SET_NO_NEW_PRIVS:
        guard a2 == 1, a3 == 0, a4 == 0, a5 == 0 else { throw .EINVAL }
        var draft = CredentialsDraft(task.credentials)
        draft.noNewPrivileges = true
        task.credentials = draft.commit()
    case Option.PR_GET_NO_NEW_PRIVS:
        guard a2 == 0, a3 == 0, a4 == 0, a5 == 0 else { throw .EINVAL }
        return .value(task.credentials.noNewPrivileges ? 1 : 0)
    case Option.PR_CAP_AMBIENT:
        return .value(try ambient(task, operation: a2, a3, a4, a5))
    default:
        throw .EINVAL
    }
    return .done
}

/// 0 or 1.
///
/// - Throws: `EINVAL` for anything else.
private func flag(_ value: UInt64) throws(Errno) -> Bool {
    guard value <= 1 else { throw .EINVAL }
    return value == 1
}

/// The capability with number `value`.
///
/// - Throws: `EINVAL` beyond the last one.
private func capability(_ value: UInt64) throws(Errno) -> Capabilities {
    guard value < 64 else { throw .EINVAL }
    let capability = Capabilities(rawValue: 1 << value)
    guard Capabilities.all.isSuperset(of: capability) else { throw .EINVAL }
    return capability
}

/// Up to 15 bytes to the first NUL: a longer name is cut, not refused.
private func copyInName(_ task: Task, _ address: UserAddress) throws(Errno) -> [UInt8] {
    if let whole = try? task.memory.copyIn(address, count: 15) { return Array(whole.prefix { $0 != 0 }) }
    // The end of the name may be the end of what is mapped.
    var name: [UInt8] = []
    while name.count < 15 {
        let byte = try task.memory.copyIn(address + name.count, as: UInt8.self)
        if byte == 0 { break }
        name.append(byte)
    }
    return name
}

/// PR_CAP_AMBIENT: IS_SET 1, RAISE 2, LOWER 3, CLEAR_ALL 4.
private func ambient(_ task: Task, operation: UInt64, _ a3: UInt64, _ a4: UInt64, _ a5: UInt64) throws(Errno) -> Int64 {
    guard a4 == 0, a5 == 0 else { throw .EINVAL }
    var draft = CredentialsDraft(task.credentials)
    switch operation {
    case 4:
        guard a3 == 0 else { throw .EINVAL }
        draft.ambient = []
    case 1:
        return draft.ambient.isSuperset(of: try capability(a3)) ? 1 : 0
    case 2:
        let raised = try capability(a3)
        guard draft.permitted.isSuperset(of: raised), draft.inheritable.isSuperset(of: raised) else { throw .EPERM }
        draft.ambient.formUnion(raised)
    case 3:
        draft.ambient.subtract(try capability(a3))
    default:
        throw .EINVAL
    }
    task.credentials = draft.commit()
    return 0
}
