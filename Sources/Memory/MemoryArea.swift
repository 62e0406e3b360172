import LinuxABI

/// `prot` of mmap(2).
public struct Protection: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let PROT_READ = Protection(rawValue: 1)
    public static let PROT_WRITE = Protection(rawValue: 2)
    public static let PROT_EXEC = Protection(rawValue: 4)
    public static let all: Protection = [.PROT_READ, .PROT_WRITE, .PROT_EXEC]
}

/// What an area shows: the file behind it. Its identity is one mapping's: areas of one are merged again after a split.
///
/// The host descriptor is not here: only the order that maps needs it, so that what is mapped costs the sentry no descriptor.
public final class MappedFile: Sendable {
    /// As /proc/PID/maps names it.
    public let name: [UInt8]
    public let device: UInt64
    public let inode: UInt64
    /// Whether PROT_WRITE may be given to a shared mapping of it.
    public let isWritable: Bool

    public init(name: [UInt8], device: UInt64, inode: UInt64, isWritable: Bool) {
        self.name = name
        self.device = device
        self.inode = inode
        self.isWritable = isWritable
    }
}

/// What madvise(2) and mlock(2) set on an area. The host splits its own areas where these differ, so ours do as well.
public struct AreaAdvice: Hashable, Sendable {
    /// MADV_NORMAL (0), MADV_RANDOM (1) or MADV_SEQUENTIAL (2).
    public var access: UInt8 = 0
    /// 0, MADV_HUGEPAGE (14) or MADV_NOHUGEPAGE (15).
    public var hugePages: UInt8 = 0
    /// MADV_DONTFORK: a fork's child does not have the area.
    public var isLeftOutOfFork = false
    /// MADV_WIPEONFORK: a fork's child has it zeroed.
    public var isWipedByFork = false
    /// mlock(2): counted against RLIMIT_MEMLOCK, not passed on.
    public var isLocked = false

    public init() {}
}

/// A range of addresses with one meaning (Linux's VMA). Page-aligned.
public struct MemoryArea {
    /// Special areas by their name in /proc/PID/maps.
    public enum Label: Sendable {
        case none, heap, stack, vdso
    }

    public var start: UInt64
    public var end: UInt64
    public var protection: Protection
    public var isShared: Bool
    public var growsDown = false
    public var label = Label.none
    public var advice = AreaAdvice()
    public var file: MappedFile?
    /// Of the area's first byte in the file.
    public var offset: UInt64 = 0

    public var length: UInt64 { end - start }

    public init(start: UInt64, end: UInt64, protection: Protection, isShared: Bool, file: MappedFile? = nil, offset: UInt64 = 0) {
        self.start = start
        self.end = end
        self.protection = protection
        self.isShared = isShared
        self.file = file
        self.offset = offset
    }

    /// Whether RLIMIT_DATA counts it: private, writable, not a stack (Linux's is_data_mapping).
    public var isData: Bool { !isShared && protection.contains(.PROT_WRITE) && !growsDown && label != .stack }

    /// The part from `start` to `end`, which lie inside.
    func cut(_ start: UInt64, _ end: UInt64) -> MemoryArea {
        var part = self
        part.offset &+= start - self.start
        part.start = start
        part.end = end
        return part
    }

    /// Whether `next` begins where this ends and the two are one area to Linux.
    func continues(with next: MemoryArea) -> Bool {
        end == next.start && protection == next.protection && isShared == next.isShared && growsDown == next.growsDown
            && label == next.label && advice == next.advice && file === next.file && (file == nil || offset &+ length == next.offset)
    }
}
