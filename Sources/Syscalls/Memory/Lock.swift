// Locked memory: counted against RLIMIT_MEMLOCK and shown, not passed on. The host's memory is not the guest's to hold.
import Kernel
import LinuxABI
import Memory
import Platform

/// Implements mlock(2).
///
/// - Throws: `EPERM` if nothing may be locked; `ENOMEM` past RLIMIT_MEMLOCK or for a hole; `EINVAL` for an overflow.
func sysMlock(_ task: Task, _ address: UserAddress, _ length: UInt64) throws(Errno) -> Outcome {
    try setLocked(task, address, length, true)
}

/// Implements mlock2(2).
func sysMlock2(_ task: Task, _ address: UserAddress, _ length: UInt64, _ flags: UInt32) throws(Errno) -> Outcome {
    // MLOCK_ONFAULT
    if flags & ~1 != 0 { throw .EINVAL }
    return try setLocked(task, address, length, true)
}

/// Implements munlock(2).
func sysMunlock(_ task: Task, _ address: UserAddress, _ length: UInt64) throws(Errno) -> Outcome {
    try setLocked(task, address, length, false)
}

private func setLocked(_ task: Task, _ address: UserAddress, _ length: UInt64, _ locks: Bool) throws(Errno) -> Outcome {
    if locks { try checkMayLock(task) }
    let start = address.rawValue.pageDown
    // PAGE_ALIGN wraps here, as in Linux: the greatest lengths are none.
    let rounded = (length &+ (address.rawValue - start) &+ (pageSize - 1)).pageDown
    let (end, overflow) = start.addingReportingOverflow(rounded)
    if overflow { throw .EINVAL }
    if rounded == 0 { return .done }
    let memory = task.memory
    if locks {
        // What is locked already is not counted twice.
        let already = memory.map.overlapping(start, end).reduce(0 as UInt64) {
            $1.advice.isLocked ? $0 + min($1.end, end) - max($1.start, start) : $0
        }
        if !task.mayLockMemory(end - start - already) { throw .ENOMEM }
    }
    // Linux changes what lies before a hole; nothing but a counter would show that.
    if !memory.map.covers(start, end) { throw .ENOMEM }
    try memory.advise(start, end) { $0.isLocked = locks }
    return .done
}

/// Implements mlockall(2).
///
/// - Throws: `EINVAL` for flags; `EPERM`; `ENOMEM` past RLIMIT_MEMLOCK.
func sysMlockall(_ task: Task, _ flags: Int32) throws(Errno) -> Outcome {
    // MCL_CURRENT 1, MCL_FUTURE 2, MCL_ONFAULT 4
    guard flags & ~7 == 0, flags & 3 != 0 else { throw .EINVAL }
    try checkMayLock(task)
    let memory = task.memory
    if flags & 1 != 0 {
        if !task.mayLockMemory(memory.map.totalLength - memory.map.lockedLength) { throw .ENOMEM }
        try memory.advise(0, GuestLayout.workloadEnd) { $0.isLocked = true }
    }
    memory.locksNewAreas = flags & 2 != 0
    return .done
}

/// Implements munlockall(2).
func sysMunlockall(_ task: Task) throws(Errno) -> Outcome {
    task.memory.locksNewAreas = false
    try task.memory.advise(0, GuestLayout.workloadEnd) { $0.isLocked = false }
    return .done
}

private func checkMayLock(_ task: Task) throws(Errno) {
    if task.process.limits.values[ResourceLimits.RLIMIT_MEMLOCK].soft == 0 && !task.credentials.has(.CAP_IPC_LOCK) { throw .EPERM }
}
