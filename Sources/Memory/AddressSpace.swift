import LinuxABI
import Platform

/// One guest address space (Linux's `mm_struct`): the map of areas, placement, limits and copying. Guarded by the kernel lock.
///
/// Its map is the truth for what is where; the host kernel holds the pages. Changes are made here first and carried out by orders of a
/// guest thread; until that thread's next call proves it, the range is *pending* for it (design, section 6).
public final class AddressSpace: GuestCopying {
    /// The host process or thread that copies name, once there is one; 0 before.
    public var hostProcess: Int32 = 0
    /// Another living host thread with this memory, asked for when ``hostProcess`` is gone: its first thread may end before the rest.
    public var findHostThread: (() -> Int32)?
    public internal(set) var map = AreaMap()
    /// Where the search for free ranges begins, downwards.
    public var mmapTop: UInt64
    public var brkStart: UInt64 = 0
    public var brkEnd: UInt64 = 0
    /// mlockall(2) with MCL_FUTURE: new areas are locked.
    public var locksNewAreas = false
    /// Most areas: the host's own limit less the stub's.
    static let areaLimit = 65_530 - 64
    /// What stays free below an area that grows down: the host grows it without asking, as far as a default stack.
    static let growthRoom: UInt64 = 8 << 20

    /// Ranges whose host effect is not proved yet, with the thread that carries it out.
    private var pending: [(start: UInt64, end: UInt64, owner: Int)] = []

    /// Run, once, when some thread has proved its orders: calls that wait for that look again.
    public var proofWaiters: [() -> Void] = []

    public init(mmapTop: UInt64 = GuestLayout.workloadEnd) { self.mmapTop = mmapTop }

    public var areas: [MemoryArea] { map.areas }

    /// A copy for fork: the host copies the pages. Locks are not inherited; MADV_DONTFORK areas stay behind.
    public func forked() -> AddressSpace {
        let copy = AddressSpace(mmapTop: mmapTop)
        copy.map = map
        copy.brkStart = brkStart
        copy.brkEnd = brkEnd
        if hasForkAdvice || map.lockedLength > 0 {
            for area in map.areas {
                if area.advice.isLeftOutOfFork { copy.map.remove(area.start, area.end) }
                if area.advice.isLocked { copy.map.update(area.start, area.end) { $0.advice.isLocked = false } }
            }
            copy.hasForkAdvice = hasForkAdvice
        }
        return copy
    }

    /// Whether MADV_DONTFORK was ever used: else fork need not look at each area.
    private var hasForkAdvice = false

    // MARK: Pending ranges

    /// `owner`'s thread was told to change the range.
    public func setPending(_ start: UInt64, _ end: UInt64, owner: Int) {
        if start < end { pending.append((start, end, owner)) }
    }

    /// `owner`'s thread has made another call: what it was told to do is done.
    @inline(__always)
    public func prove(_ owner: Int) {
        if !pending.isEmpty { proveSlowly(owner) }
    }

    private func proveSlowly(_ owner: Int) {
        let count = pending.count
        pending.removeAll { $0.owner == owner }
        if pending.count == count || proofWaiters.isEmpty { return }
        let waiters = proofWaiters
        proofWaiters = []
        for waiter in waiters { waiter() }
    }

    /// A thread other than `owner` that may still be changing part of the range.
    public func conflictingOwner(_ start: UInt64, _ end: UInt64, for owner: Int) -> Int? {
        pending.first { $0.owner != owner && $0.start < end && start < $0.end }?.owner
    }

    // MARK: Placement

    /// A free range for `length` bytes, page-aligned: at the hint if that is free, else the highest below ``mmapTop``.
    ///
    /// - Throws: `ENOMEM` if there is none.
    public func place(_ length: UInt64, hint: UInt64, below limit: UInt64, owner: Int) throws(Errno) -> UInt64 {
        let hinted = hint.pageDown
        if hinted != 0 {
            let start = max(hinted, GuestLayout.workloadStart)
            let (end, overflow) = start.addingReportingOverflow(length)
            if !overflow, end <= min(limit, GuestLayout.workloadEnd), map.isFree(start, end),
                conflictingOwner(start, end, for: owner) == nil
            {
                return start
            }
        }
        // Like Linux, look above the base as well when nothing is left below it.
        for ceiling in [min(mmapTop, limit), min(GuestLayout.workloadEnd, limit)] {
            var top = ceiling
            while let start = map.highestGap(
                length, below: top, above: GuestLayout.workloadStart, guardLength: AddressSpace.growthRoom)
            {
                guard let conflict = pending.first(where: { $0.owner != owner && $0.start < start + length && start < $0.end }) else {
                    return start
                }
                if conflict.start < GuestLayout.workloadStart + length { break }
                top = conflict.start
            }
        }
        throw .ENOMEM
    }

    // MARK: Changes. Each returns what undoes it.

    /// Whether a change leaves no more areas than the host takes; one that adds none always may.
    private func checkCount(_ start: UInt64, _ end: UInt64, added: Int) throws(Errno) {
        let count = map.count(replacing: start, end, added: added)
        if count > AddressSpace.areaLimit && count > map.count { throw .ENOMEM }
    }

    /// Whether `area` may be put where it says under RLIMIT_AS and RLIMIT_DATA, in bytes; what it replaces does not count.
    ///
    /// - Throws: `ENOMEM`.
    public func checkLimits(_ area: MemoryArea, addressSpace: UInt64, data: UInt64) throws(Errno) {
        if addressSpace == .max && data == .max { return }
        var total = map.totalLength + area.length
        var dataTotal = map.dataLength + (area.isData ? area.length : 0)
        for old in map.overlapping(area.start, area.end) {
            let length = min(old.end, area.end) - max(old.start, area.start)
            total -= length
            if old.isData { dataTotal -= min(dataTotal, length) }
        }
        if total > addressSpace || area.isData && dataTotal > data { throw .ENOMEM }
    }

    /// Puts `area` in place of what is there.
    ///
    /// - Throws: `ENOMEM` if there would be too many areas.
    public func insert(_ area: MemoryArea) throws(Errno) -> AreaUndo {
        try checkCount(area.start, area.end, added: 1)
        var area = area
        if locksNewAreas { area.advice.isLocked = true }
        let undo = AreaUndo(start: area.start, end: area.end, old: map.remove(area.start, area.end))
        map.insert(area)
        return undo
    }

    /// Takes a range out.
    ///
    /// - Throws: `ENOMEM` if that cuts an area in two and there are too many.
    public func remove(_ start: UInt64, _ end: UInt64) throws(Errno) -> AreaUndo {
        try checkCount(start, end, added: 0)
        return AreaUndo(start: start, end: end, old: map.remove(start, end))
    }

    /// Changes the protection of the range up to its first hole, as Linux does; the host reports the hole.
    ///
    /// - Throws: `ENOMEM` if it begins with a hole or there would be too many areas; `EACCES` if a shared mapping of a file that is not
    ///   open for writing would become writable (nothing is changed then; Linux changes what lies before).
    public func protect(_ start: UInt64, _ end: UInt64, _ protection: Protection) throws(Errno) -> AreaUndo {
        let end = min(end, map.coveredEnd(start, end))
        if end <= start { throw .ENOMEM }
        let old = map.overlapping(start, end)
        try checkCount(start, end, added: old.count)
        if protection.contains(.PROT_WRITE) {
            for area in old where area.isShared {
                if let file = area.file, !file.isWritable { throw .EACCES }
            }
        }
        let undo = AreaUndo(start: start, end: end, old: map.remove(start, end))
        for var area in undo.old {
            area.protection = protection
            map.insert(area)
        }
        return undo
    }

    /// Changes what madvise(2) or mlock(2) keep on the areas of a range; holes are passed over.
    ///
    /// - Throws: `ENOMEM` if there would be too many areas.
    public func advise(_ start: UInt64, _ end: UInt64, _ change: (inout AreaAdvice) -> Void) throws(Errno) {
        if start >= end { return }
        // The common case: the areas are like that already.
        let old = map.overlapping(start, end)
        let isChanging = old.contains { area in
            var advice = area.advice
            change(&advice)
            return advice != area.advice
        }
        if !isChanging { return }
        try checkCount(start, end, added: old.count)
        var leavesOut = false
        map.update(start, end) { area in
            change(&area.advice)
            leavesOut = leavesOut || area.advice.isLeftOutOfFork
        }
        if leavesOut { hasForkAdvice = true }
    }

    /// Puts back what a failed order would have changed.
    public func undo(_ undo: AreaUndo) {
        map.remove(undo.start, undo.end)
        for area in undo.old { map.insert(area) }
    }
}

/// What a range held before a change.
public struct AreaUndo {
    let start: UInt64
    let end: UInt64
    public let old: [MemoryArea]
}
