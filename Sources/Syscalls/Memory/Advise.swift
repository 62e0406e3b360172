import Kernel
import LinuxABI
import Memory
import Platform

/// Implements madvise(2). The advice that may reach the host is listed here; it changes only the caller's own pages.
///
/// - Throws: `EINVAL` for alignment or an advice that is not there; `ENOMEM` for a hole.
func sysMadvise(_ task: Task, _ address: UserAddress, _ length: UInt64, _ advice: Int32) throws(Errno) -> Outcome {
    let start = address.rawValue
    switch advice {
    case 0...4, 8, 10...19, 20...24, 102, 103: break
    // MADV_REMOVE would go through the file; MADV_COLLAPSE, MADV_HWPOISON and what comes later are not there.
    default: throw .EINVAL
    }
    guard start % pageSize == 0, let rounded = length.pageUp else { throw .EINVAL }
    let (end, overflow) = start.addingReportingOverflow(rounded)
    if overflow { throw .EINVAL }
    if rounded == 0 { return .done }
    if end > GuestLayout.workloadEnd { throw .ENOMEM }
    if let outcome = task.awaitProof(start, end) { return outcome }

    let memory = task.memory
    switch advice {
    // NORMAL, RANDOM, SEQUENTIAL
    case 0...2: try memory.advise(start, end) { $0.access = UInt8(advice) }
    // HUGEPAGE, NOHUGEPAGE
    case 14, 15: try memory.advise(start, end) { $0.hugePages = UInt8(advice) }
    // DONTFORK, DOFORK: the map is forked like the host's pages
    case 10, 11: try memory.advise(start, end) { $0.isLeftOutOfFork = advice == 10 }
    // WIPEONFORK, KEEPONFORK: of private anonymous memory
    case 18, 19:
        if memory.map.overlapping(start, end).contains(where: { $0.isShared || $0.file != nil }) { throw .EINVAL }
        try memory.advise(start, end) { $0.isWipedByFork = advice == 18 }
    // MERGEABLE, UNMERGEABLE (the host's memory is not scanned for a guest), DONTDUMP, DODUMP: nothing that a guest could see
    case 12, 13, 16, 17:
        if !memory.map.covers(start, end) { throw .ENOMEM }
        return .done
    // WILLNEED, DONTNEED, FREE, COLD, PAGEOUT, POPULATE_READ, POPULATE_WRITE, DONTNEED_LOCKED, GUARD_INSTALL, GUARD_REMOVE: pages
    default: break
    }
    task.markPending(start, end)
    return .native
}

/// Implements msync(2): shared mappings and files share their pages, so there is nothing to write back here.
///
/// - Throws: `EINVAL`; `ENOMEM` for a hole; `EBUSY` for MS_INVALIDATE of locked memory.
func sysMsync(_ task: Task, _ address: UserAddress, _ length: UInt64, _ flags: Int32) throws(Errno) -> Outcome {
    // MS_ASYNC 1, MS_INVALIDATE 2, MS_SYNC 4
    guard address.rawValue % pageSize == 0, flags & ~7 == 0, flags & 5 != 5 else { throw .EINVAL }
    guard let rounded = length.pageUp else { throw .ENOMEM }
    let (end, overflow) = address.rawValue.addingReportingOverflow(rounded)
    if overflow { throw .ENOMEM }
    let map = task.memory.map
    if flags & 2 != 0, map.overlapping(address.rawValue, end).contains(where: \.advice.isLocked) { throw .EBUSY }
    if !map.covers(address.rawValue, end) { throw .ENOMEM }
    return .done
}

/// Most pages that one mincore(2) answers for: 64 GiB's.
private let residencyLimit: UInt64 = 16 << 20

/// Implements mincore(2). Every mapped page counts as resident: what the host has in memory is not the guest's business, and Linux
/// says the same of files that the caller does not own.
///
/// - Throws: `EINVAL` for alignment; `ENOMEM` for a hole; `EFAULT`; `EAGAIN` for more than 64 GiB at once.
func sysMincore(_ task: Task, _ address: UserAddress, _ length: UInt64, _ vector: UserAddress) throws(Errno) -> Outcome {
    let start = address.rawValue
    guard start % pageSize == 0 else { throw .EINVAL }
    guard let rounded = length.pageUp else { throw .ENOMEM }
    let (end, overflow) = start.addingReportingOverflow(rounded)
    if overflow || end > GuestLayout.workloadEnd { throw .ENOMEM }
    if !task.memory.map.covers(start, end) { throw .ENOMEM }
    var left = rounded / pageSize
    if left > residencyLimit { throw .EAGAIN }
    let ones = [UInt8](repeating: 1, count: Int(min(left, 65_536)))
    var position = vector
    while left > 0 {
        let count = Int(min(left, UInt64(ones.count)))
        try task.memory.copyOut(count == ones.count ? ones : Array(ones[..<count]), to: position)
        position = position + count
        left -= UInt64(count)
    }
    return .done
}
