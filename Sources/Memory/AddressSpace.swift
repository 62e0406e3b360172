import HostSyscalls
import LinuxABI
import Platform
import Primitives

/// One guest address space (Linux's `mm_struct`): the map of areas, placement, limits and copying. Guarded by the kernel lock.
///
/// Its map is the truth for what is where; the host kernel holds the pages. Changes are made here first and carried out by orders of a
/// guest thread; until that thread's next call proves it, the range is *pending* for it (design, section 6).
public final class AddressSpace: GuestCopying {
    /// The host process that holds the memory, once there is one; 0 before. Copies name it.
    public var hostProcess: Int32 = 0
    public internal(set) var map = AreaMap()
    /// Where the search for free ranges begins, downwards.
    public var mmapTop: UInt64
    public var brkStart: UInt64 = 0
    public var brkEnd: UInt64 = 0
    /// Most areas: the host's own limit less the stub's.
    static let areaLimit = 65_530 - 64

    /// Ranges whose host effect is not proved yet, with the thread that carries it out.
    private var pending: [(start: UInt64, end: UInt64, owner: Int)] = []

    /// Run, once, when some thread has proved its orders: calls that wait for that look again.
    public var proofWaiters: [() -> Void] = []

    public init(mmapTop: UInt64 = GuestLayout.workloadEnd) { self.mmapTop = mmapTop }

    public var areas: [MemoryArea] { map.areas }

    /// A copy for fork: the host copies the pages.
    public func forked() -> AddressSpace {
        let copy = AddressSpace(mmapTop: mmapTop)
        copy.map = map
        copy.brkStart = brkStart
        copy.brkEnd = brkEnd
        return copy
    }

    // MARK: Pending ranges

    /// `owner`'s thread was told to change the range.
    public func setPending(_ start: UInt64, _ end: UInt64, owner: Int) { pending.append((start, end, owner)) }

    /// `owner`'s thread has made another call: what it was told to do is done.
    @inline(__always)
    public func prove(_ owner: Int) {
        if !pending.isEmpty { proveSlowly(owner) }
    }

    private func proveSlowly(_ owner: Int) {
        pending.removeAll { $0.owner == owner }
        if proofWaiters.isEmpty { return }
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
        if hinted >= GuestLayout.workloadStart, isFree(hinted, length, owner: owner) { return hinted }
        var top = min(mmapTop, limit)
        while let start = map.highestGap(length, below: top, above: GuestLayout.workloadStart) {
            guard let conflict = pending.first(where: { $0.owner != owner && $0.start < start + length && start < $0.end }) else { return start }
            if conflict.start < GuestLayout.workloadStart + length { break }
            top = conflict.start
        }
        throw .ENOMEM
    }

    private func isFree(_ start: UInt64, _ length: UInt64, owner: Int) -> Bool {
        let (end, overflow) = start.addingReportingOverflow(length)
        return !overflow && end <= GuestLayout.workloadEnd && map.overlapping(start, end).isEmpty
            && conflictingOwner(start, end, for: owner) == nil
    }

    // MARK: Changes. Each returns what undoes it.

    /// Whether `count` more areas fit.
    func checkAreaCount(_ count: Int) throws(Errno) {
        if map.areas.count + count > AddressSpace.areaLimit { throw .ENOMEM }
    }

    /// Puts `area` in place of what is there.
    public func insert(_ area: MemoryArea) throws(Errno) -> AreaUndo {
        try checkAreaCount(2)
        let undo = AreaUndo(start: area.start, end: area.end, old: map.remove(area.start, area.end))
        map.insert(area)
        return undo
    }

    /// Takes a range out.
    public func remove(_ start: UInt64, _ end: UInt64) throws(Errno) -> AreaUndo {
        try checkAreaCount(1)
        return AreaUndo(start: start, end: end, old: map.remove(start, end))
    }

    /// Changes the protection of a range that is mapped throughout.
    ///
    /// - Throws: `ENOMEM` for a hole; `EACCES` if a shared file mapping may not become writable.
    public func protect(_ start: UInt64, _ end: UInt64, _ protection: Protection) throws(Errno) -> AreaUndo {
        try checkAreaCount(2)
        guard map.covers(start, end) else { throw .ENOMEM }
        if protection.contains(.PROT_WRITE) {
            for area in map.overlapping(start, end) where area.isShared {
                if let file = area.file, !file.isWritable { throw .EACCES }
            }
        }
        let old = map.remove(start, end)
        for var area in old {
            area.protection = protection
            map.insert(area)
        }
        return AreaUndo(start: start, end: end, old: old)
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
