import LinuxABI

/// What execve needs of an ELF file's headers (elf(5)), checked: the file is hostile.
public struct ElfFile {
    /// A PT_LOAD segment. Its end is at most 2^47.
    public struct Segment {
        public var address, fileOffset, fileSize, memorySize: UInt64
        public var flags: UInt32
    }

    static let headerSize = 64
    static let programHeaderSize = 56
    /// Linux bounds the table to 64 KiB; so do we.
    static let maximumProgramHeaders = 65_536 / programHeaderSize
    /// One past the highest address a segment may have, unrelocated.
    private static let addressLimit: UInt64 = 1 << 47

    public let isPositionIndependent: Bool
    public let entry: UInt64
    let programHeaderOffset: UInt64
    let programHeaderCount: Int
    public private(set) var segments: [Segment] = []
    /// A segment makes no sense. Linux finds out when the old image is gone already, and ends the process.
    public private(set) var isMalformed = false
    /// PT_INTERP's place in the file.
    public private(set) var interpreterRange: Range<UInt64>?
    /// PT_GNU_STACK asks for an executable stack. Without it x86-64 has none.
    public private(set) var hasExecutableStack = false
    /// The greatest alignment of a segment: a power of two.
    private(set) var alignment: UInt64 = pageSize
    /// The page-aligned span of all segments.
    private(set) var span: Range<UInt64> = 0..<0

    /// - Parameter read: gives up to `count` bytes at `offset` of the file.
    /// - Throws: `ENOEXEC` if it is not an x86-64 ELF program, or names an interpreter in a way that makes no sense.
    public init(read: (_ offset: UInt64, _ count: Int) throws(Errno) -> [UInt8]) throws(Errno) {
        let header = try read(0, ElfFile.headerSize)
        guard header.count == ElfFile.headerSize, header[0...3] == [0x7f, 0x45, 0x4c, 0x46], header[4] == 2, header[5] == 1 else {
            throw .ENOEXEC
        }
        let type: UInt16 = header.value(16)
        // ET_EXEC, ET_DYN; EM_X86_64
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

        guard let first = segments.first else {
            isMalformed = true
            return
        }
        var low = first.address
        var high: UInt64 = 0
        for segment in segments {
            low = min(low, segment.address)
            high = max(high, segment.address + segment.memorySize)
        }
        // No segment ends above 2^47.
        span = low.pageDown..<(high.pageUp ?? high)
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
            if memorySize == 0 && fileSize == 0 { return }
            guard fileSize <= memorySize, memorySize <= ElfFile.addressLimit, address <= ElfFile.addressLimit - memorySize else {
                isMalformed = true
                return
            }
            if fileSize > 0 {
                // mmap(2) can only put a page of the file at a page of memory.
                let (end, overflow) = fileOffset.addingReportingOverflow(fileSize)
                guard !overflow, end <= UInt64(Int64.max) - pageSize, address % pageSize == fileOffset % pageSize else {
                    isMalformed = true
                    return
                }
            }
            if alignment.nonzeroBitCount == 1, alignment <= 1 << 30 { self.alignment = max(self.alignment, alignment) }
            segments.append(
                Segment(address: address, fileOffset: fileOffset, fileSize: fileSize, memorySize: memorySize, flags: flags))
        case 3:  // PT_INTERP; Linux takes the first
            if interpreterRange != nil { return }
            guard fileSize >= 2, fileSize <= 4096 else { throw .ENOEXEC }
            let (end, overflow) = fileOffset.addingReportingOverflow(fileSize)
            if overflow { throw .ENOEXEC }
            interpreterRange = fileOffset..<end
        case 0x6474_e551: hasExecutableStack = flags & 1 != 0  // PT_GNU_STACK
        default: break
        }
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
