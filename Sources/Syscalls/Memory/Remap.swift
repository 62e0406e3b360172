import Kernel
import LinuxABI
import Memory
import Platform

private let MREMAP_MAYMOVE: UInt64 = 1
private let MREMAP_FIXED: UInt64 = 2
private let MREMAP_DONTUNMAP: UInt64 = 4

/// The checked arguments of an mremap(2), lengths in whole pages.
private struct Remapping {
    var start, oldLength, newLength: UInt64
    var flags: UInt64
    var target: UInt64?

    var oldEnd: UInt64 { start + oldLength }
    var keepsOld: Bool { flags & MREMAP_DONTUNMAP != 0 || oldLength == 0 }
    var growth: UInt64 { newLength > oldLength ? newLength - oldLength : 0 }

    init(_ start: UInt64, _ oldLength: UInt64, _ newLength: UInt64, _ flags: UInt64, _ newAddress: UInt64) throws(Errno) {
        guard flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) == 0, start % pageSize == 0 else { throw .EINVAL }
        if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) != 0 && flags & MREMAP_MAYMOVE == 0 { throw .EINVAL }
        guard let oldPages = oldLength.pageUp, let newPages = newLength.pageUp, newPages != 0 else { throw .EINVAL }
        if flags & MREMAP_DONTUNMAP != 0 && oldPages != newPages { throw .EINVAL }
        let (oldEnd, overflow) = start.addingReportingOverflow(oldPages)
        if overflow || oldEnd > GuestLayout.workloadEnd { throw .EINVAL }
        if flags & MREMAP_FIXED != 0 {
            let (end, overflow) = newAddress.addingReportingOverflow(newPages)
            if newAddress % pageSize != 0 || overflow || end > GuestLayout.workloadEnd { throw .EINVAL }
            if newAddress < oldEnd && start < end { throw .EINVAL }
            if newAddress < GuestLayout.workloadStart { throw .EPERM }
            target = newAddress
        } else if newPages > GuestLayout.workloadEnd {
            // Beyond Linux's own TASK_SIZE, and beyond ours.
            throw newPages > (1 << 47) - pageSize ? .EINVAL : .ENOMEM
        }
        self.start = start
        self.oldLength = oldPages
        self.newLength = newPages
        self.flags = flags
    }
}

/// Implements mremap(2), carried out by the thread's stub with a place of our choosing.
///
/// - Throws: `EINVAL` for alignment, flags, overlapping ranges; `EFAULT` if the old range is not mapped as one area; `ENOMEM`.
func sysMremap(
    _ task: Task, _ address: UserAddress, _ oldLength: UInt64, _ newLength: UInt64, _ flags: UInt64, _ newAddress: UserAddress
) throws(Errno) -> Outcome {
    let call = try Remapping(address.rawValue, oldLength, newLength, flags, newAddress.rawValue)
    let memory = task.memory
    guard let area = memory.map.area(at: call.start) else { throw .EFAULT }
    // Old length 0 makes a second mapping of shared pages; of private ones there is no second.
    if call.oldLength == 0 && !area.isShared { throw .EINVAL }
    if let outcome = task.awaitProof(call.start, call.oldEnd) { return outcome }

    let mayStay = call.target == nil && call.flags & MREMAP_DONTUNMAP == 0 && call.oldLength != 0
    if mayStay && call.newLength <= call.oldLength { return try shrink(task, call) }
    guard area.end >= call.start + min(call.oldLength, call.newLength) else { throw .EFAULT }
    if area.advice.isLocked && !task.mayLockMemory(call.growth) { throw .EAGAIN }
    if mayStay, area.end == call.oldEnd, call.oldEnd + call.growth <= GuestLayout.workloadEnd,
        memory.map.isFree(call.oldEnd, call.oldEnd + call.growth)
    {
        return try growInPlace(task, call, area)
    }
    if call.flags & MREMAP_MAYMOVE == 0 { throw .ENOMEM }
    return try move(task, call, area)
}

private func shrink(_ task: Task, _ call: Remapping) throws(Errno) -> Outcome {
    let result = Int64(bitPattern: call.start)
    if call.newLength == call.oldLength { return .value(result) }
    let memory = task.memory
    let tail = call.start + call.newLength
    let undo = try memory.remove(tail, call.oldEnd)
    task.markPending(tail, call.oldEnd)
    return .orders(OrderPlan([.unmap(tail, length: call.oldEnd - tail)], result: result, rollback: { _ in memory.undo(undo) }))
}

private func growInPlace(_ task: Task, _ call: Remapping, _ area: MemoryArea) throws(Errno) -> Outcome {
    let memory = task.memory
    let end = call.oldEnd + call.growth
    if let outcome = task.awaitProof(call.oldEnd, end) { return outcome }
    var added = area
    added.start = call.oldEnd
    added.end = end
    added.offset &+= call.oldEnd - area.start
    try task.checkMemoryLimits(added)
    let undo = try memory.insert(added)
    task.markPending(call.start, end)
    return .orders(
        OrderPlan(
            [.remap(call.start, oldLength: call.oldLength, newLength: call.newLength, flags: 0, newAddress: 0)],
            result: Int64(bitPattern: call.start), rollback: { _ in memory.undo(undo) }))
}

private func move(_ task: Task, _ call: Remapping, _ area: MemoryArea) throws(Errno) -> Outcome {
    let memory = task.memory
    let target = if let fixed = call.target { fixed } else { try task.placeMemory(call.newLength, hint: 0) }
    if let outcome = task.awaitProof(target, target + call.newLength) { return outcome }
    var moved = area
    moved.offset &+= call.start - area.start
    moved.start = target
    moved.end = target + call.newLength
    moved.label = .none
    // What is not new does not count against the limits.
    var added = moved
    if !call.keepsOld { added.end = target + max(call.growth, pageSize) }
    if call.keepsOld || call.growth > 0 { try task.checkMemoryLimits(added) }

    let newUndo = try memory.insert(moved)
    var oldUndo: AreaUndo?
    if !call.keepsOld {
        do throws(Errno) { oldUndo = try memory.remove(call.start, call.oldEnd) } catch {
            memory.undo(newUndo)
            throw error
        }
    }
    task.markPending(call.start, call.oldEnd)
    task.markPending(target, target + call.newLength)
    let order = HostOrder.remap(
        call.start, oldLength: call.oldLength, newLength: call.newLength,
        flags: MREMAP_MAYMOVE | MREMAP_FIXED | call.flags & MREMAP_DONTUNMAP, newAddress: target)
    return .orders(
        OrderPlan(
            [order], result: Int64(bitPattern: target),
            rollback: { _ in
                if let oldUndo { memory.undo(oldUndo) }
                memory.undo(newUndo)
            }))
}
