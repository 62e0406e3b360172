import Kernel
import LinuxABI
import Memory
import Platform

private let MREMAP_MAYMOVE: UInt64 = 1
private let MREMAP_FIXED: UInt64 = 2
private let MREMAP_DONTUNMAP: UInt64 = 4

/// Implements mremap(2), carried out by the thread's stub with a place of our choosing.
///
/// - Throws: `EINVAL` for alignment, flags, overlapping ranges; `EFAULT` if the old range is not mapped as one area; `ENOMEM`.
func sysMremap(
    _ task: Task, _ address: UserAddress, _ oldLength: UInt64, _ newLength: UInt64, _ flags: UInt64, _ newAddress: UserAddress
) throws(Errno) -> Outcome {
    let start = address.rawValue
    let known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP
    guard flags & ~known == 0, start % pageSize == 0 else { throw .EINVAL }
    if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) != 0 && flags & MREMAP_MAYMOVE == 0 { throw .EINVAL }
    guard let oldLength = oldLength.pageUp, let newLength = newLength.pageUp, newLength != 0 else { throw .EINVAL }
    if flags & MREMAP_DONTUNMAP != 0 && oldLength != newLength { throw .EINVAL }
    let (oldEnd, overflow) = start.addingReportingOverflow(oldLength)
    if overflow || oldEnd > GuestLayout.workloadEnd { throw .EINVAL }
    if newLength > GuestLayout.workloadEnd { throw .ENOMEM }
    let memory = task.memory
    guard let area = memory.map.area(at: start) else { throw .EFAULT }
    // A second mapping of shared pages (old length 0) is the one form that is not there.
    if oldLength == 0 { throw .EINVAL }

    if flags & MREMAP_FIXED != 0 {
        let target = newAddress.rawValue
        let (end, overflow) = target.addingReportingOverflow(newLength)
        if target % pageSize != 0 || overflow || end > GuestLayout.workloadEnd || target < GuestLayout.workloadStart { throw .EINVAL }
        if target < oldEnd && start < end { throw .EINVAL }
        if let outcome = task.awaitProof(target, end) { return outcome }
    }
    if let outcome = task.awaitProof(start, oldEnd) { return outcome }

    // Shrinking, and what stays as it is.
    if newLength <= oldLength && flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) == 0 {
        if newLength == oldLength { return .value(Int64(bitPattern: start)) }
        let undo = try memory.remove(start + newLength, oldEnd)
        task.markPending(start + newLength, oldEnd)
        return .orders(
            OrderPlan(
                [.unmap(start + newLength, length: oldLength - newLength)], result: Int64(bitPattern: start),
                rollback: { _ in memory.undo(undo) }))
    }
    guard area.end >= oldEnd else { throw .EFAULT }
    if newLength > oldLength { try task.checkAddressSpaceLimit(newLength - oldLength) }

    // Growing in place, if what follows is free.
    let growth = newLength > oldLength ? newLength - oldLength : 0
    if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) == 0, area.end == oldEnd, oldEnd + growth <= GuestLayout.workloadEnd,
        memory.map.overlapping(oldEnd, oldEnd + growth).isEmpty
    {
        if let outcome = task.awaitProof(oldEnd, oldEnd + growth) { return outcome }
        var extended = area
        extended.start = oldEnd
        extended.end = oldEnd + growth
        extended.offset &+= oldEnd - area.start
        let undo = try memory.insert(extended)
        task.markPending(oldEnd, oldEnd + growth)
        return .orders(
            OrderPlan(
                [.remap(start, oldLength: oldLength, newLength: newLength, flags: 0, newAddress: 0)], result: Int64(bitPattern: start),
                rollback: { _ in memory.undo(undo) }))
    }
    if flags & MREMAP_MAYMOVE == 0 { throw .ENOMEM }
    return try move(task, area, start, oldLength, newLength, flags, newAddress)
}

private func move(
    _ task: Task, _ area: MemoryArea, _ start: UInt64, _ oldLength: UInt64, _ newLength: UInt64, _ flags: UInt64, _ newAddress: UserAddress
) throws(Errno) -> Outcome {
    let memory = task.memory
    let target = flags & MREMAP_FIXED != 0 ? newAddress.rawValue : try task.placeMemory(newLength, hint: 0)
    var moved = area
    moved.offset &+= start - area.start
    moved.start = target
    moved.end = target + newLength
    let newUndo = try memory.insert(moved)
    var oldUndo: AreaUndo?
    if flags & MREMAP_DONTUNMAP == 0 {
        do throws(Errno) { oldUndo = try memory.remove(start, start + oldLength) } catch {
            memory.undo(newUndo)
            throw error
        }
    }
    task.markPending(start, start + oldLength)
    task.markPending(target, target + newLength)
    let order = HostOrder.remap(
        start, oldLength: oldLength, newLength: newLength, flags: MREMAP_MAYMOVE | MREMAP_FIXED | flags & MREMAP_DONTUNMAP,
        newAddress: target)
    return .orders(
        OrderPlan(
            [order], result: Int64(bitPattern: target),
            rollback: { _ in
                if let oldUndo { memory.undo(oldUndo) }
                memory.undo(newUndo)
            }))
}

/// Implements brk(2): the new end, or the old one if it cannot be had.
func sysBrk(_ task: Task, _ address: UserAddress) throws(Errno) -> Outcome {
    let memory = task.memory
    let current = memory.brkEnd
    let wanted = address.rawValue
    let unchanged = Outcome.value(Int64(bitPattern: current))
    guard wanted >= memory.brkStart, wanted < GuestLayout.workloadEnd, let oldEnd = current.pageUp, let newEnd = wanted.pageUp else {
        return unchanged
    }
    if wanted - memory.brkStart > task.process.limits.values[ResourceLimits.RLIMIT_DATA].soft { return unchanged }
    if newEnd == oldEnd {
        memory.brkEnd = wanted
        return .value(Int64(bitPattern: wanted))
    }
    if let outcome = task.awaitProof(min(oldEnd, newEnd), max(oldEnd, newEnd)) { return outcome }
    do throws(Errno) {
        let order: HostOrder
        let undo: AreaUndo
        if newEnd > oldEnd {
            guard memory.map.overlapping(oldEnd, newEnd).isEmpty else { return unchanged }
            try task.checkAddressSpaceLimit(newEnd - oldEnd)
            var area = MemoryArea(start: oldEnd, end: newEnd, protection: [.PROT_READ, .PROT_WRITE], isShared: false)
            area.label = .heap
            undo = try memory.insert(area)
            order = .map(oldEnd, length: newEnd - oldEnd, protection: 3, flags: 0x22)
        } else {
            undo = try memory.remove(newEnd, oldEnd)
            order = .unmap(newEnd, length: oldEnd - newEnd)
        }
        memory.brkEnd = wanted
        task.markPending(min(oldEnd, newEnd), max(oldEnd, newEnd))
        // brk(2) never fails with an errno: a refusal of the host shows as ENOMEM here, which libc takes for failure as well.
        return .orders(
            OrderPlan(
                [order], result: Int64(bitPattern: wanted),
                rollback: { _ in
                    memory.undo(undo)
                    memory.brkEnd = current
                }))
    } catch {
        return unchanged
    }
}
