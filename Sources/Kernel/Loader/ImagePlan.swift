import HostSyscalls
import LinuxABI
import Memory
import Platform

/// An ELF file that is part of an image.
public struct ImageFile {
    public var elf: ElfFile
    /// For the map.
    public var file: MappedFile
    /// For the orders.
    public var host: SharedHostFD

    public init(elf: ElfFile, file: MappedFile, host: SharedHostFD) {
        self.elf = elf
        self.file = file
        self.host = host
    }
}

/// What an image is made of.
public struct ImageRequest {
    public var program: ImageFile
    public var interpreter: ImageFile?
    public var arguments: [[UInt8]]
    public var environment: [[UInt8]]
    /// AT_EXECFN: what execve(2) was given.
    public var fileName: [UInt8]
    /// RLIMIT_STACK, bytes.
    public var stackLimit: UInt64 = 8 << 20
    /// AT_UID, AT_EUID, AT_GID, AT_EGID
    public var identity: (uid: UInt32, euid: UInt32, gid: UInt32, egid: UInt32) = (0, 0, 0, 0)
    public var vdsoAddress: UInt64 = 0
    public var minimumSignalStack: UInt64 = 2048
    public var hardwareCapabilities: (UInt64, UInt64) = (0, 0)
    /// The host's AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN: it is the host that fills a thread's area. 0 if it says nothing.
    public var restartableSequences: (featureSize: UInt64, alignment: UInt64) = (0, 0)

    public init(
        program: ImageFile, interpreter: ImageFile?, arguments: [[UInt8]], environment: [[UInt8]], fileName: [UInt8]
    ) {
        self.program = program
        self.interpreter = interpreter
        self.arguments = arguments
        self.environment = environment
        self.fileName = fileName
    }
}

/// A new program image, planned: nothing of it exists yet, and nothing of it depends on the old one.
public struct ImagePlan {
    public private(set) var orders: [HostOrder] = []
    /// The new address space, its areas in place.
    public let memory: AddressSpace
    /// Bytes to zero after mapping: the tails of last file pages.
    public private(set) var zeroFill: [(address: UInt64, count: Int)] = []
    public private(set) var entry: UInt64 = 0
    public private(set) var stackPointer: UInt64 = 0
    /// What lies at ``stackPointer``.
    public private(set) var stackBytes: [UInt8] = []
    public private(set) var argumentArea: Range<UInt64> = 0..<0
    public private(set) var environmentArea: Range<UInt64> = 0..<0
    public private(set) var auxiliaryVector: [UInt8] = []

    /// Where Linux puts position-independent programs: two thirds up.
    private static let programBase: UInt64 = 0x5555_5555_4000
    private static let stackGap: UInt64 = 1 << 20

    /// Lays an image out: the stack at the top, mappings below it, a position-independent program at two thirds, each moved at random.
    ///
    /// - Throws: `EINVAL`, `ENOMEM` for segments or an entry outside the workload's range, or an image that does not fit.
    public init(_ request: ImageRequest) throws(Errno) {
        if request.program.elf.isMalformed || request.interpreter?.elf.isMalformed == true { throw .EINVAL }
        var random = SystemRandomNumberGenerator()
        func randomPages(_ bits: UInt64) -> UInt64 { (random.next() & ((1 << bits) - 1)) * pageSize }

        // The host does not grow the stack: it is there in its full length, its pages come at first touch.
        let stringBytes = (request.arguments + request.environment + [request.fileName]).reduce(0 as UInt64) { $0 + UInt64($1.count) + 9 }
        let stackSize = max(min(max(request.stackLimit, 128 << 10), 64 << 20).pageDown, (stringBytes + (128 << 10)).pageDown)
        let stackTop = GuestLayout.workloadEnd - pageSize - randomPages(22)
        memory = AddressSpace(mmapTop: stackTop - stackSize - ImagePlan.stackGap - randomPages(28))
        let elf = request.program.elf
        var stack = MemoryArea(
            start: stackTop - stackSize, end: stackTop, protection: elf.hasExecutableStack ? .all : [.PROT_READ, .PROT_WRITE],
            isShared: false)
        stack.label = .stack
        _ = try memory.insert(stack)
        // MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        orders.append(.map(stack.start, length: stack.length, protection: stack.protection.rawValue, flags: 0x4022))

        var bias: UInt64 = 0
        if elf.isPositionIndependent {
            bias =
                request.interpreter == nil
                ? try place(elf) : elf.bias(at: ImagePlan.programBase + randomPages(28))
        }
        try map(request.program, bias: bias)
        // A static position-independent program lies among the mappings, where a heap could not grow.
        let isAmongMappings = elf.isPositionIndependent && request.interpreter == nil
        memory.brkStart = (isAmongMappings ? ImagePlan.programBase : elf.span.upperBound &+ bias) &+ randomPages(13)
        memory.brkEnd = memory.brkStart

        entry = elf.entry &+ bias
        var interpreterBase: UInt64 = 0
        if let interpreter = request.interpreter {
            if interpreter.elf.isPositionIndependent { interpreterBase = try place(interpreter.elf) }
            try map(interpreter, bias: interpreterBase)
            entry = interpreter.elf.entry &+ interpreterBase
        }
        if entry >= GuestLayout.workloadEnd { throw .EINVAL }

        let initial = InitialStack(
            top: stackTop - (random.next() & 511) * 16, arguments: request.arguments, environment: request.environment,
            fileName: request.fileName, random: (random.next(), random.next()),
            auxiliary: ImagePlan.auxiliary(request, bias: bias, interpreterBase: interpreterBase))
        stackPointer = initial.stackPointer
        stackBytes = initial.bytes
        argumentArea = initial.argumentArea
        environmentArea = initial.environmentArea
        auxiliaryVector = initial.auxiliaryVector
        // Also true by the size chosen above; the orders must never write elsewhere.
        if stackPointer < stack.start { throw .E2BIG }
    }

    /// The auxiliary vector in Linux's order (create_elf_tables).
    private static func auxiliary(_ request: ImageRequest, bias: UInt64, interpreterBase: UInt64) -> [(InitialStack.Key, UInt64)] {
        let elf = request.program.elf
        var pairs: [(InitialStack.Key, UInt64)] = []
        if request.vdsoAddress != 0 { pairs.append((.AT_SYSINFO_EHDR, request.vdsoAddress)) }
        pairs += [
            (.AT_MINSIGSTKSZ, request.minimumSignalStack),
            (.AT_HWCAP, request.hardwareCapabilities.0),
            (.AT_PAGESZ, pageSize),
            (.AT_CLKTCK, 100),
            (.AT_PHDR, elf.programHeaderAddress &+ bias),
            (.AT_PHENT, UInt64(ElfFile.programHeaderSize)),
            (.AT_PHNUM, UInt64(elf.programHeaderCount)),
            (.AT_BASE, interpreterBase),
            (.AT_FLAGS, 0),
            (.AT_ENTRY, elf.entry &+ bias),
            (.AT_UID, UInt64(request.identity.uid)),
            (.AT_EUID, UInt64(request.identity.euid)),
            (.AT_GID, UInt64(request.identity.gid)),
            (.AT_EGID, UInt64(request.identity.egid)),
            // Set-user-ID programs do not change credentials here.
            (.AT_SECURE, 0),
            (.AT_RANDOM, 0),
            (.AT_HWCAP2, request.hardwareCapabilities.1),
            (.AT_EXECFN, 0),
            (.AT_PLATFORM, 0),
        ]
        if request.restartableSequences.featureSize != 0 {
            pairs.append((.AT_RSEQ_FEATURE_SIZE, request.restartableSequences.featureSize))
            pairs.append((.AT_RSEQ_ALIGN, request.restartableSequences.alignment))
        }
        return pairs
    }

    /// The bias that puts a position-independent file into the highest free place.
    private func place(_ elf: ElfFile) throws(Errno) -> UInt64 {
        let length = elf.span.upperBound - elf.alignedBase + elf.alignment
        return elf.bias(at: try memory.place(length, hint: 0, below: .max, owner: 0))
    }

    /// Plans the segments of a file, moved by `bias`. Later ones lie over earlier ones, as on Linux.
    private mutating func map(_ image: ImageFile, bias: UInt64) throws(Errno) {
        let span = image.elf.span
        let low = span.lowerBound &+ bias
        let (high, overflow) = low.addingReportingOverflow(span.upperBound - span.lowerBound)
        guard !overflow, low >= GuestLayout.workloadStart, high <= GuestLayout.workloadEnd, memory.map.isFree(low, high) else {
            throw .ENOMEM
        }
        for segment in image.elf.segments {
            // All within [low, high), so nothing of this overflows.
            let address = segment.address &+ bias
            let start = address.pageDown
            let fileEnd = address + segment.fileSize
            let memoryEnd = address + segment.memorySize
            guard let end = memoryEnd.pageUp, let filePageEnd = segment.fileSize == 0 ? start : fileEnd.pageUp else { throw .ENOMEM }
            var protection: Protection = []
            if segment.flags & 4 != 0 { protection.insert(.PROT_READ) }
            if segment.flags & 2 != 0 { protection.insert(.PROT_WRITE) }
            if segment.flags & 1 != 0 { protection.insert(.PROT_EXEC) }
            if filePageEnd > start {
                let offset = segment.fileOffset.pageDown
                try add(
                    MemoryArea(start: start, end: filePageEnd, protection: protection, isShared: false, file: image.file, offset: offset),
                    .map(start, length: filePageEnd - start, protection: protection.rawValue, flags: 2, file: image.host, offset: offset))
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

    private mutating func add(_ area: MemoryArea, _ order: HostOrder) throws(Errno) {
        // What is mapped over needs no zeroing any more: a tail lies within one page.
        zeroFill.removeAll { area.start <= $0.address && $0.address < area.end }
        _ = try memory.insert(area)
        orders.append(order)
    }
}

extension ElfFile {
    /// The lowest address rounded down to the alignment: what a bias is measured from, so that it keeps alignment.
    fileprivate var alignedBase: UInt64 { span.lowerBound & ~(alignment - 1) }

    /// The bias that puts the file at the first aligned place from `address` on.
    fileprivate func bias(at address: UInt64) -> UInt64 { ((address &+ (alignment - 1)) & ~(alignment - 1)) &- alignedBase }
}
