import Kernel
import LinuxABI
import Memory
import Platform

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
    let order: HostOrder
    let undo: AreaUndo
    do throws(Errno) {
        if newEnd > oldEnd {
            // A page stays free behind the heap, as on Linux.
            guard memory.map.isFree(oldEnd, newEnd + pageSize) else { return unchanged }
            var area = MemoryArea(start: oldEnd, end: newEnd, protection: [.PROT_READ, .PROT_WRITE], isShared: false)
            area.label = .heap
            try task.checkMemoryLimits(area)
            undo = try memory.insert(area)
            order = .map(oldEnd, length: newEnd - oldEnd, protection: 3, flags: 0x22)
        } else {
            undo = try memory.remove(newEnd, oldEnd)
            order = .unmap(newEnd, length: oldEnd - newEnd)
        }
    } catch {
        return unchanged
    }
    memory.brkEnd = wanted
    task.markPending(min(oldEnd, newEnd), max(oldEnd, newEnd))
    var plan = OrderPlan([order], result: Int64(bitPattern: wanted)) { _ in
        memory.undo(undo)
        memory.brkEnd = current
    }
    plan.failureResult = Int64(bitPattern: current)
    return .orders(plan)
}
