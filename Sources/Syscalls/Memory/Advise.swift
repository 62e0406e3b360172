import Kernel
import LinuxABI
import Memory
import Platform

/// Implements madvise(2). The advice that may reach the host is listed here; it changes only the caller's own pages.
///
/// - Throws: `EINVAL` for alignment or an advice that is not there; `ENOMEM` for a hole.
func sysMadvise(_ task: Task, _ address: UserAddress, _ length: UInt64, _ advice: Int32) throws(Errno) -> Outcome {
    let start = address.rawValue
    guard start % pageSize == 0 else { throw .EINVAL }
    guard let rounded = length.pageUp else { throw .EINVAL }
    let (end, overflow) = start.addingReportingOverflow(rounded)
    if overflow || end > GuestLayout.workloadEnd { throw overflow ? .EINVAL : .ENOMEM }
    switch advice {
    // NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED, FREE, COLD, PAGEOUT, POPULATE_READ, POPULATE_WRITE
    case 0, 1, 2, 3, 4, 8, 20, 21, 22, 23,
        // HUGEPAGE, NOHUGEPAGE: hints of how pages are made
        14, 15:
        if rounded == 0 { return .done }
        if let outcome = task.awaitProof(start, end) { return outcome }
        task.markPending(start, end)
        return .native
    // MERGEABLE, UNMERGEABLE, DONTDUMP, DODUMP: no effect that a guest could see
    case 12, 13, 16, 17:
        if rounded != 0 && !task.memory.map.covers(start, end) { throw .ENOMEM }
        return .done
    // DONTFORK, DOFORK, WIPEONFORK, KEEPONFORK would have to be known to the map as well.
    default: throw .EINVAL
    }
}

/// Implements msync(2): shared mappings and files share their pages, so there is nothing to write back here.
///
/// - Throws: `EINVAL`; `ENOMEM` for a hole.
func sysMsync(_ task: Task, _ address: UserAddress, _ length: UInt64, _ flags: Int32) throws(Errno) -> Outcome {
    guard address.rawValue % pageSize == 0, flags & ~7 == 0, flags & 5 != 5 else { throw .EINVAL }
    guard let rounded = length.pageUp else { throw .ENOMEM }
    let (end, overflow) = address.rawValue.addingReportingOverflow(rounded)
    if overflow || !task.memory.map.covers(address.rawValue, end) { throw .ENOMEM }
    return .done
}

/// Implements mlock(2): the host does not lock pages for a guest; the range is checked.
func sysMlock(_ task: Task, _ address: UserAddress, _ length: UInt64) throws(Errno) -> Outcome {
    let start = address.rawValue.pageDown
    let (sum, overflow) = address.rawValue.addingReportingOverflow(length)
    guard !overflow, let end = sum.pageUp else { throw .EINVAL }
    if end - start > task.process.limits.values[ResourceLimits.RLIMIT_MEMLOCK].soft { throw .ENOMEM }
    if !task.memory.map.covers(start, end) { throw .ENOMEM }
    return .done
}

/// Implements munlock(2).
func sysMunlock(_ task: Task, _ address: UserAddress, _ length: UInt64) throws(Errno) -> Outcome {
    let start = address.rawValue.pageDown
    let (sum, overflow) = address.rawValue.addingReportingOverflow(length)
    guard !overflow, let end = sum.pageUp else { throw .EINVAL }
    if !task.memory.map.covers(start, end) { throw .ENOMEM }
    return .done
}
