// sched_setscheduler(2) and kin, getpriority(2), ioprio_get(2). The settings are kept and reported; the host's scheduler is not told.
import HostSyscalls
import Kernel
import LinuxABI

private let SCHED_OTHER: Int32 = 0
private let SCHED_FIFO: Int32 = 1
private let SCHED_RR: Int32 = 2
private let SCHED_BATCH: Int32 = 3
private let SCHED_IDLE: Int32 = 5
private let SCHED_DEADLINE: Int32 = 6
private let SCHED_EXT: Int32 = 7
private let SCHED_RESET_ON_FORK: Int32 = 0x4000_0000

/// The live thread `pid`, 0 for the caller.
///
/// - Throws: `EINVAL` for a negative pid; `ESRCH`.
private func scheduled(_ task: Task, _ pid: Int32) throws(Errno) -> Task {
    guard pid >= 0 else { throw .EINVAL }
    return try task.kernel.task(pid, orSelf: task)
}

/// Whether `task` may change how `target` is scheduled: the same user, or CAP_SYS_NICE.
private func requireControl(_ task: Task, _ target: Task) throws(Errno) {
    let user = task.credentials.euid
    let mayChange = user == target.credentials.euid || user == target.credentials.uid || task.credentials.has(.CAP_SYS_NICE)
    guard mayChange else { throw .EPERM }
}

/// Implements sched_getscheduler(2).
///
/// - Throws: `EINVAL`, `ESRCH`.
func sysSchedGetscheduler(_ task: Task, _ pid: Int32) throws(Errno) -> Outcome {
    let attributes = try scheduled(task, pid).attributes
    return .value(Int64(attributes.schedulingPolicy | (attributes.resetsSchedulingOnFork ? SCHED_RESET_ON_FORK : 0)))
}

/// Implements sched_setscheduler(2) for the policies without priority.
///
/// - Throws: `EINVAL` for no such policy or a priority other than 0; `EPERM` for real-time policies, which are the host's, or another
///   user's thread; `ESRCH`; `EFAULT`.
func sysSchedSetscheduler(_ task: Task, _ pid: Int32, _ policy: Int32, _ parameters: UserAddress) throws(Errno) -> Outcome {
    guard policy >= 0, !parameters.isNull else { throw .EINVAL }
    let priority = try task.memory.copyIn(parameters, as: Int32.self)
    let target = try scheduled(task, pid)
    try setPolicy(task, target, policy & ~SCHED_RESET_ON_FORK, priority: priority)
    target.attributes.resetsSchedulingOnFork = policy & SCHED_RESET_ON_FORK != 0
    return .done
}

private func setPolicy(_ task: Task, _ target: Task, _ policy: Int32, priority: Int32) throws(Errno) {
    switch policy {
    case SCHED_OTHER, SCHED_BATCH, SCHED_IDLE:
        guard priority == 0 else { throw .EINVAL }
    case SCHED_FIFO, SCHED_RR:
        guard (1...99).contains(priority) else { throw .EINVAL }
        throw .EPERM
    default: throw .EINVAL
    }
    try requireControl(task, target)
    target.attributes.schedulingPolicy = policy
}

/// Implements sched_getparam(2): 0, since no policy with priorities can be set.
///
/// - Throws: `EINVAL`, `ESRCH`, `EFAULT`.
func sysSchedGetparam(_ task: Task, _ pid: Int32, _ parameters: UserAddress) throws(Errno) -> Outcome {
    guard !parameters.isNull else { throw .EINVAL }
    _ = try scheduled(task, pid)
    try task.memory.copyOut(Int32(0), to: parameters)
    return .done
}

/// Implements sched_setparam(2).
///
/// - Throws: `EINVAL` for a priority other than 0; `EPERM`; `ESRCH`; `EFAULT`.
func sysSchedSetparam(_ task: Task, _ pid: Int32, _ parameters: UserAddress) throws(Errno) -> Outcome {
    guard !parameters.isNull else { throw .EINVAL }
    let priority = try task.memory.copyIn(parameters, as: Int32.self)
    let target = try scheduled(task, pid)
    try setPolicy(task, target, target.attributes.schedulingPolicy, priority: priority)
    return .done
}

/// Implements sched_get_priority_max(2).
///
/// - Throws: `EINVAL` for no such policy.
func sysSchedGetPriorityMax(_ task: Task, _ policy: Int32) throws(Errno) -> Outcome {
    .value(try hasPriorities(policy) ? 99 : 0)
}

/// Implements sched_get_priority_min(2).
///
/// - Throws: `EINVAL` for no such policy.
func sysSchedGetPriorityMin(_ task: Task, _ policy: Int32) throws(Errno) -> Outcome {
    .value(try hasPriorities(policy) ? 1 : 0)
}

private func hasPriorities(_ policy: Int32) throws(Errno) -> Bool {
    switch policy {
    case SCHED_FIFO, SCHED_RR: true
    case SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_DEADLINE, SCHED_EXT: false
    default: throw .EINVAL
    }
}

/// `struct sched_attr`, its first version: 48 bytes.
private struct SchedulingAttributes: BitwiseCopyable {
    static let size: UInt32 = 48

    var size = SchedulingAttributes.size
    var policy: UInt32 = 0
    var flags: UInt64 = 0
    var niceness: Int32 = 0
    var priority: UInt32 = 0
    var runtime: UInt64 = 0
    var deadline: UInt64 = 0
    var period: UInt64 = 0
}

/// Implements sched_getattr(2).
///
/// - Throws: `EINVAL` for flags or a size that is too small; `ESRCH`; `EFAULT`.
func sysSchedGetattr(_ task: Task, _ pid: Int32, _ address: UserAddress, _ size: UInt32, _ flags: UInt32) throws(Errno) -> Outcome {
    guard flags == 0, !address.isNull, size >= SchedulingAttributes.size, size <= 4096 else { throw .EINVAL }
    let current = try scheduled(task, pid).attributes
    var attributes = SchedulingAttributes()
    attributes.policy = UInt32(bitPattern: current.schedulingPolicy)
    attributes.flags = current.resetsSchedulingOnFork ? 1 : 0
    attributes.niceness = current.niceness
    try task.memory.copyOut(attributes, to: address)
    return .done
}

/// Implements sched_setattr(2) for the policies without priority.
///
/// - Throws: `E2BIG` for a size we do not know; `EINVAL`, `EPERM`, `ESRCH`, `EFAULT` as sched_setscheduler(2) and setpriority(2).
func sysSchedSetattr(_ task: Task, _ pid: Int32, _ address: UserAddress, _ flags: UInt32) throws(Errno) -> Outcome {
    guard flags == 0, !address.isNull else { throw .EINVAL }
    let size = try task.memory.copyIn(address, as: UInt32.self)
    // A longer structure is fine if what we do not know in it is 0; nothing we offer needs it, so it is refused as too new.
    guard size == 0 || size == SchedulingAttributes.size || size == 56 else {
        try task.memory.copyOut(SchedulingAttributes.size, to: address)
        throw .E2BIG
    }
    let attributes = try task.memory.copyIn(address, as: SchedulingAttributes.self)
    guard attributes.flags & ~1 == 0 else { throw .EINVAL }
    let target = try scheduled(task, pid)
    if attributes.policy == 0 || attributes.policy == 3 {
        try requireNiceness(task, target, clampedNiceness(attributes.niceness))
    }
    try setPolicy(task, target, Int32(bitPattern: attributes.policy), priority: Int32(bitPattern: attributes.priority))
    target.attributes.resetsSchedulingOnFork = attributes.flags & 1 != 0
    target.attributes.niceness = clampedNiceness(attributes.niceness)
    return .done
}

/// Implements sched_rr_get_interval(2): no thread runs under SCHED_RR; 0 stands for "no fixed slice".
///
/// - Throws: `EINVAL`, `ESRCH`, `EFAULT`.
func sysSchedRrGetInterval(_ task: Task, _ pid: Int32, _ address: UserAddress) throws(Errno) -> Outcome {
    _ = try scheduled(task, pid)
    try task.memory.copyOut(Timespec(seconds: 0, nanoseconds: 0), to: address)
    return .done
}

// MARK: Niceness

private let PRIO_PROCESS: Int32 = 0
private let PRIO_PGRP: Int32 = 1
private let PRIO_USER: Int32 = 2
private let RLIMIT_NICE = 13

private func clampedNiceness(_ value: Int32) -> Int32 { min(19, max(-20, value)) }

/// The threads that getpriority(2) and setpriority(2) mean.
///
/// - Throws: `EINVAL` for another `which`; `ESRCH` if there are none.
private func prioritized(_ task: Task, _ which: Int32, _ who: Int32) throws(Errno) -> [Task] {
    let found: [Task]
    switch which {
    case PRIO_PROCESS:
        found = [try task.kernel.task(who, orSelf: task)]
    case PRIO_PGRP:
        let group = who == 0 ? task.process.processGroup : who
        found = task.kernel.tasks.values.filter { $0.process.processGroup == group }
    case PRIO_USER:
        let user = who == 0 ? task.credentials.uid : UInt32(bitPattern: who)
        found = task.kernel.tasks.values.filter { $0.credentials.uid == user }
    default: throw .EINVAL
    }
    if found.isEmpty { throw .ESRCH }
    return found
}

/// Implements getpriority(2): 20 less the niceness, so that no result looks like an error.
///
/// - Throws: `EINVAL`, `ESRCH`.
func sysGetpriority(_ task: Task, _ which: Int32, _ who: Int32) throws(Errno) -> Outcome {
    let least = try prioritized(task, which, who).map(\.attributes.niceness).min() ?? 0
    return .value(Int64(20 - least))
}

/// Implements setpriority(2).
///
/// - Throws: `EINVAL`, `ESRCH`; `EPERM` for another user's thread; `EACCES` to lower the niceness below what RLIMIT_NICE allows.
func sysSetpriority(_ task: Task, _ which: Int32, _ who: Int32, _ value: Int32) throws(Errno) -> Outcome {
    let niceness = clampedNiceness(value)
    for target in try prioritized(task, which, who) {
        try requireControl(task, target)
        try requireNiceness(task, target, niceness)
        target.attributes.niceness = niceness
    }
    return .done
}

private func requireNiceness(_ task: Task, _ target: Task, _ niceness: Int32) throws(Errno) {
    if niceness >= target.attributes.niceness || task.credentials.has(.CAP_SYS_NICE) { return }
    guard UInt64(20 - niceness) <= target.process.limits.values[RLIMIT_NICE].soft else { throw .EACCES }
}

// MARK: I/O priority

private let IOPRIO_WHO_PROCESS: Int32 = 1
private let IOPRIO_WHO_PGRP: Int32 = 2
private let IOPRIO_WHO_USER: Int32 = 3

private func ioPrioritized(_ task: Task, _ which: Int32, _ who: Int32) throws(Errno) -> [Task] {
    switch which {
    case IOPRIO_WHO_PROCESS, IOPRIO_WHO_PGRP, IOPRIO_WHO_USER: return try prioritized(task, which - 1, who)
    default: throw .EINVAL
    }
}

/// Implements ioprio_get(2).
///
/// - Throws: `EINVAL`, `ESRCH`.
func sysIoprioGet(_ task: Task, _ which: Int32, _ who: Int32) throws(Errno) -> Outcome {
    .value(Int64(try ioPrioritized(task, which, who)[0].attributes.ioPriority))
}

/// Implements ioprio_set(2): class (none, best-effort, idle) and level are kept.
///
/// - Throws: `EINVAL`; `ESRCH`; `EPERM` for the real-time class without CAP_SYS_ADMIN, or another user's thread.
func sysIoprioSet(_ task: Task, _ which: Int32, _ who: Int32, _ priority: Int32) throws(Errno) -> Outcome {
    // The low 13 bits are a level of 3 and hints of 10.
    switch priority >> 13 {
    case 0: guard priority & 7 == 0 else { throw .EINVAL }
    case 1: guard task.credentials.has(.CAP_SYS_ADMIN) || task.credentials.has(.CAP_SYS_NICE) else { throw .EPERM }
    case 2, 3: break
    default: throw .EINVAL
    }
    for target in try ioPrioritized(task, which, who) {
        try requireControl(task, target)
        target.attributes.ioPriority = priority
    }
    return .done
}
