import HostSyscalls
import LinuxABI
import Memory
import Platform

/// A new program image, planned: nothing of it exists yet, and nothing of it depends on the old one.
public struct ImagePlan {
    public internal(set) var orders: [HostOrder] = []
    /// The new address space, its areas in place.
    public let memory: AddressSpace
    /// Bytes to zero after mapping: the tails of last file pages.
    public internal(set) var zeroFill: [(address: UInt64, count: Int)] = []
    public internal(set) var entry: UInt64 = 0
    public internal(set) var stackPointer: UInt64 = 0
    /// What lies at ``stackPointer``.
    public internal(set) var stackBytes: [UInt8] = []
    public internal(set) var argumentArea: Range<UInt64> = 0..<0
    public internal(set) var environmentArea: Range<UInt64> = 0..<0
    public internal(set) var auxiliaryVector: [UInt8] = []

    init(memory: AddressSpace) { self.memory = memory }

    /// Plans the segments of `elf`, moved by `bias`.
    ///
    /// - Throws: `EINVAL`, `ENOMEM` for addresses outside the workload's range or segments that overlap.
    mutating func map(_ elf: ElfFile, file: MappedFile, bias: UInt64) throws(Errno) {
        for segment in elf.segments {
            let (address, overflow) = segment.address.addingReportingOverflow(bias)
            if overflow { throw .EINVAL }
            let start = address.pageDown
            let fileEnd = address + segment.fileSize
            let memoryEnd = address + segment.memorySize
            guard start >= GuestLayout.workloadStart, memoryEnd <= GuestLayout.workloadEnd, let end = memoryEnd.pageUp,
                let filePageEnd = segment.fileSize == 0 ? start : fileEnd.pageUp
            else { throw .ENOMEM }
            var protection: Protection = []
            if segment.flags & 4 != 0 { protection.insert(.PROT_READ) }
            if segment.flags & 2 != 0 { protection.insert(.PROT_WRITE) }
            if segment.flags & 1 != 0 { protection.insert(.PROT_EXEC) }
            if filePageEnd > start {
                let offset = segment.fileOffset.pageDown
                try add(
                    MemoryArea(start: start, end: filePageEnd, protection: protection, isShared: false, file: file, offset: offset),
                    .map(start, length: filePageEnd - start, protection: protection.rawValue, flags: 2, file: file.host, offset: offset))
                // To the page's end, beyond the segment's: the dynamic linker allocates from there (padzero of Linux).
                if memoryEnd > fileEnd, filePageEnd > fileEnd, protection.contains(.PROT_WRITE) {
                    zeroFill.append((fileEnd, Int(filePageEnd - fileEnd)))
                }
            }
            if end > filePageEnd {
                try add(
                    MemoryArea(start: filePageEnd, end: end, protection: protection, isShared: false),
                    .map(filePageEnd, length: end - filePageEnd, protection: protection.rawValue, flags: 0x22))
            }
        }
    }

    /// Plans an anonymous area.
    mutating func mapAnonymous(_ area: MemoryArea) throws(Errno) {
        try add(area, .map(area.start, length: area.length, protection: area.protection.rawValue, flags: 0x4022))
    }

    private mutating func add(_ area: MemoryArea, _ order: HostOrder) throws(Errno) {
        guard memory.map.overlapping(area.start, area.end).isEmpty else { throw .EINVAL }
        _ = try memory.insert(area)
        orders.append(order)
    }
}
