import Glibc
import LinuxABI
import Platform
import Testing

@testable import Memory

private func errno(_ body: () throws(Errno) -> Void) -> Errno? {
    do throws(Errno) { try body() } catch { return error }
    return nil
}

private func area(_ start: UInt64, _ pages: UInt64, _ protection: Protection = [.PROT_READ, .PROT_WRITE]) -> MemoryArea {
    MemoryArea(start: start, end: start + pages * pageSize, protection: protection, isShared: false)
}

@Suite struct AddressSpaceTests {
    let base: UInt64 = 0x1_0000_0000

    @Test func placesFromTheTopAndAtAFreeHint() throws {
        let memory = AddressSpace(mmapTop: 0x7000_0000_0000)
        let first = try memory.place(3 * pageSize, hint: 0, below: .max, owner: 1)
        #expect(first == 0x7000_0000_0000 - 3 * pageSize)
        _ = try memory.insert(area(first, 3))
        #expect(try memory.place(pageSize, hint: 0, below: .max, owner: 1) == first - pageSize)
        #expect(try memory.place(pageSize, hint: first + 5, below: .max, owner: 1) == first - pageSize)
        #expect(try memory.place(pageSize, hint: base + 5, below: .max, owner: 1) == base)
        #expect(try memory.place(pageSize, hint: 1 << 40, below: 0x8000_0000, owner: 1) == 0x8000_0000 - pageSize)
        #expect(errno { () throws(Errno) in _ = try memory.place(GuestLayout.workloadEnd, hint: 0, below: .max, owner: 1) } == .ENOMEM)
        // The stub's range is never offered.
        let high = try memory.place(pageSize, hint: GuestLayout.workloadEnd, below: .max, owner: 1)
        #expect(high < GuestLayout.workloadEnd)
    }

    @Test func neverReusesAnotherThreadsPendingRange() throws {
        let memory = AddressSpace(mmapTop: 0x7000_0000_0000)
        let top = 0x7000_0000_0000 - pageSize
        memory.setPending(top, top + pageSize, owner: 1)
        #expect(try memory.place(pageSize, hint: 0, below: .max, owner: 2) == top - pageSize)
        #expect(try memory.place(pageSize, hint: top, below: .max, owner: 2) == top - pageSize)
        #expect(try memory.place(pageSize, hint: 0, below: .max, owner: 1) == top)
        #expect(memory.conflictingOwner(top - pageSize, top + 1, for: 2) == 1)
        #expect(memory.conflictingOwner(top - pageSize, top, for: 2) == nil)
        var proofs = 0
        memory.proofWaiters.append { proofs += 1 }
        memory.prove(2)
        #expect(proofs == 0)
        memory.prove(1)
        #expect(proofs == 1)
        #expect(try memory.place(pageSize, hint: 0, below: .max, owner: 2) == top)
    }

    @Test func keepsRoomBelowAnAreaThatGrowsDown() throws {
        let memory = AddressSpace(mmapTop: 0x7000_0000_0000)
        var stack = area(0x7000_0000_0000 - pageSize, 1)
        stack.growsDown = true
        _ = try memory.insert(stack)
        #expect(try memory.place(pageSize, hint: 0, below: .max, owner: 1) == stack.start - AddressSpace.growthRoom - pageSize)
    }

    @Test func protectsUpToTheFirstHoleAndUndoes() throws {
        let memory = AddressSpace()
        _ = try memory.insert(area(base, 4))
        _ = try memory.insert(area(base + 8 * pageSize, 4))
        let undo = try memory.protect(base + pageSize, base + 12 * pageSize, .PROT_READ)
        #expect(memory.map.count == 3)
        #expect(memory.map.area(at: base + pageSize)?.protection == .PROT_READ)
        #expect(memory.map.area(at: base + 8 * pageSize)?.protection == [.PROT_READ, .PROT_WRITE])
        memory.undo(undo)
        #expect(memory.map.count == 2)
        #expect(errno { () throws(Errno) in _ = try memory.protect(base + 4 * pageSize, base + 5 * pageSize, []) } == .ENOMEM)
    }

    @Test func refusesToWidenASharedMappingOfAReadOnlyFile() throws {
        let memory = AddressSpace()
        var shared = area(base, 2, .PROT_READ)
        shared.isShared = true
        shared.file = MappedFile(name: [], device: 0, inode: 0, isWritable: false)
        _ = try memory.insert(shared)
        #expect(errno { () throws(Errno) in _ = try memory.protect(base, base + pageSize, .PROT_WRITE) } == .EACCES)
        #expect(memory.map.count == 1)
    }

    @Test func countsAreasBeforeTheHostDoesAndStillUnmaps() throws {
        let memory = AddressSpace()
        _ = try memory.insert(area(base, 200_000))
        var made: UInt64 = 0
        while errno({ () throws(Errno) in
            _ = try memory.protect(base + made * 2 * pageSize, base + (made * 2 + 1) * pageSize, [])
        }) == nil { made += 1 }
        #expect(memory.map.count <= AddressSpace.areaLimit && memory.map.count > AddressSpace.areaLimit - 3)
        // A whole area can always go; one that would be cut in two cannot.
        #expect(errno { () throws(Errno) in _ = try memory.remove(base, base + pageSize) } == nil)
        #expect(errno { () throws(Errno) in _ = try memory.remove(base, base + 200_000 * pageSize) } == nil)
        #expect(memory.map.count == 0)
    }

    @Test func keepsToTheLimits() throws {
        let memory = AddressSpace()
        _ = try memory.insert(area(base, 10))
        let megabytes = { (count: UInt64) in count * 256 * pageSize }
        #expect(errno { () throws(Errno) in try memory.checkLimits(area(1 << 40, 512), addressSpace: megabytes(1), data: .max) } == .ENOMEM)
        #expect(errno { () throws(Errno) in try memory.checkLimits(area(1 << 40, 512), addressSpace: .max, data: megabytes(1)) } == .ENOMEM)
        #expect(errno { () throws(Errno) in try memory.checkLimits(area(1 << 40, 512, []), addressSpace: .max, data: 1) } == nil)
        // What is replaced does not count.
        #expect(
            errno { () throws(Errno) in try memory.checkLimits(area(base, 10), addressSpace: 10 * pageSize, data: 10 * pageSize) } == nil)
    }

    @Test func forksWithoutLocksAndWhatIsLeftOut() throws {
        let memory = AddressSpace()
        _ = try memory.insert(area(base, 4))
        try memory.advise(base, base + pageSize) { $0.isLeftOutOfFork = true }
        try memory.advise(base + 2 * pageSize, base + 3 * pageSize) { $0.isLocked = true }
        #expect(memory.map.lockedLength == pageSize)
        let child = memory.forked()
        #expect(child.map.lockedLength == 0)
        #expect(child.map.isFree(base, base + pageSize))
        #expect(child.map.count == 1)
        #expect(memory.map.count == 4)
    }

    @Test func copiesExactlyUpToTheFault() throws {
        let memory = AddressSpace()
        memory.hostProcess = getpid()
        guard let pages = mmap(nil, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), pages != MAP_FAILED else {
            return
        }
        defer { munmap(pages, 3 * 4096) }
        munmap(pages + 2 * 4096, 4096)
        mprotect(pages + 4096, 4096, PROT_READ)
        let start = UserAddress(UInt64(UInt(bitPattern: pages)))
        guard start.rawValue < GuestLayout.workloadEnd else { return }

        let bytes = [UInt8](repeating: 0x41, count: 300)
        #expect(bytes.withUnsafeBytes { memory.copyOutPartial($0, to: start + (4096 - 100)) } == 100)
        #expect(bytes.withUnsafeBytes { memory.copyOutPartial($0, to: start + 4096) } == 0)
        var buffer = [UInt8](repeating: 0, count: 300)
        #expect(buffer.withUnsafeMutableBytes { memory.copyInPartial(start + (2 * 4096 - 250), into: $0) } == 250)
        #expect(buffer.withUnsafeMutableBytes { memory.copyInPartial(start + (4096 - 100), into: $0) } == 300)
        #expect(buffer[99] == 0x41 && buffer[100] == 0)
        #expect(errno { () throws(Errno) in _ = try memory.copyIn(start + (2 * 4096 - 4), as: UInt64.self) } == .EFAULT)
        #expect(try memory.copyIn(start + (4096 - 100), as: UInt32.self) == 0x4141_4141)

        #expect(try memory.copyInString(start + (4096 - 100), limit: 4096).count == 100)
        #expect(errno { () throws(Errno) in _ = try memory.copyInString(start + (4096 - 100), limit: 100) } == .ENAMETOOLONG)
        #expect(try memory.copyInString(start + (4096 - 100), limit: 101).count == 100)
        mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE)
        memset(pages + 4096, 0x42, 4096)
        #expect(errno { () throws(Errno) in _ = try memory.copyInString(start + 4096, limit: 8192) } == .EFAULT)
        #expect(errno { () throws(Errno) in _ = try memory.copyInString(start + 4096, limit: 4096) } == .ENAMETOOLONG)
    }

    @Test func neverReachesTheStub() {
        let memory = AddressSpace()
        memory.hostProcess = getpid()
        var buffer = [UInt8](repeating: 0, count: 64)
        for address in [GuestLayout.workloadEnd, GuestLayout.stubBase, GuestLayout.slotBase, .max - 3, .max] {
            #expect(buffer.withUnsafeMutableBytes { memory.copyInPartial(UserAddress(address), into: $0) } == 0)
            #expect(buffer.withUnsafeBytes { memory.copyOutPartial($0, to: UserAddress(address)) } == 0)
        }
    }
}
