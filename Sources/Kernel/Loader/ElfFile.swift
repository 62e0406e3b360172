import LinuxABI

/// What execve needs of an ELF file's headers (elf(5)), checked: the file is hostile.
struct ElfFile {
    /// A PT_LOAD segment.
    struct Segment {
        var address, fileOffset, fileSize, memorySize: UInt64
        var flags: UInt32
    }

    static let headerSize = 64
    static let programHeaderSize = 56
    /// Linux bounds the table to a page; so do we.
    static let maximumProgramHeaders = 4096 / programHeaderSize

    let isPositionIndependent: Bool
    let entry: UInt64
    let programHeaderOffset: UInt64
    let programHeaderCount: Int
    private(set) var segments: [Segment] = []
    /// PT_INTERP's place in the file.
    private(set) var interpreterRange: Range<UInt64>?
    private(set) var hasExecutableStack = true
    /// The greatest alignment of a segment.
    private(set) var alignment: UInt64 = 4096

    /// - Parameter read: gives up to `count` bytes at `offset` of the file.
    /// - Throws: `ENOEXEC` if it is not an x86-64 ELF program; `EINVAL` for a table that makes no sense.
    init(read: (_ offset: UInt64, _ count: Int) throws(Errno) -> [UInt8]) throws(Errno) {
        let header = try read(0, ElfFile.headerSize)
        guard header.count == ElfFile.headerSize, header[0...3] == [0x7f, 0x45, 0x4c, 0x46], header[4] == 2, header[5] == 1 else {
            throw .ENOEXEC
        }
        let type: UInt16 = header.value(16)
        guard type == 2 || type == 3, header.value(18) as UInt16 == 62 else { throw .ENOEXEC }
        isPositionIndependent = type == 3
        entry = header.value(24)
        programHeaderOffset = header.value(32)
        programHeaderCount = Int(header.value(56) as UInt16)
        guard header.value(54) as UInt16 == UInt16(ElfFile.programHeaderSize), programHeaderCount > 0,
            programHeaderCount <= ElfFile.maximumProgramHeaders
        else { throw .ENOEXEC }
        let size = programHeaderCount * ElfFile.programHeaderSize
        let table = try read(programHeaderOffset, size)
        guard table.count == size else { throw .ENOEXEC }
        for index in 0..<programHeaderCount { try add(table, at: index * ElfFile.programHeaderSize) }
        if segments.isEmpty { throw .ENOEXEC }
    }

    private mutating func add(_ table: [UInt8], at offset: Int) throws(Errno) {
        let type: UInt32 = table.value(offset)
        let flags: UInt32 = table.value(offset + 4)
        let fileOffset: UInt64 = table.value(offset + 8)
        let address: UInt64 = table.value(offset + 16)
        let fileSize: UInt64 = table.value(offset + 32)
        let memorySize: UInt64 = table.value(offset + 40)
        let alignment: UInt64 = table.value(offset + 48)
        switch type {
        case 1:  // PT_LOAD
            if memorySize == 0 { return }
            guard fileSize <= memorySize, !fileOffset.addingReportingOverflow(fileSize).overflow,
                !address.addingReportingOverflow(memorySize).overflow, address % 4096 == fileOffset % 4096,
                address + memorySize <= 1 << 47
            else { throw .EINVAL }
            if let last = segments.last, address < last.address { throw .EINVAL }
            if alignment.nonzeroBitCount == 1, alignment <= 1 << 30 { self.alignment = max(self.alignment, alignment) }
            segments.append(
                Segment(address: address, fileOffset: fileOffset, fileSize: fileSize, memorySize: memorySize, flags: flags))
        case 3:  // PT_INTERP
            guard interpreterRange == nil, fileSize >= 2, fileSize <= 4096 else { throw .ENOEXEC }
            let (end, overflow) = fileOffset.addingReportingOverflow(fileSize)
            if overflow { throw .ENOEXEC }
            interpreterRange = fileOffset..<end
        case 0x6474_e551: hasExecutableStack = flags & 1 != 0  // PT_GNU_STACK
        default: break
        }
    }

    /// The page-aligned span of all segments.
    var span: Range<UInt64> {
        guard let first = segments.first, let last = segments.last else { return 0..<0 }
        return first.address.pageDown..<((last.address + last.memorySize).pageUp ?? UInt64.max.pageDown)
    }

    /// Where the program headers lie in memory, unrelocated; 0 if no segment holds them.
    var programHeaderAddress: UInt64 {
        for segment in segments
        where segment.fileOffset <= programHeaderOffset && programHeaderOffset - segment.fileOffset < segment.fileSize {
            return segment.address + (programHeaderOffset - segment.fileOffset)
        }
        return 0
    }
}

extension Array where Element == UInt8 {
    /// The little-endian integer at `offset`, which is known to lie inside.
    fileprivate func value<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> T {
        withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
    }
}
