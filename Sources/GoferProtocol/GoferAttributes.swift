import LinuxABI
import Primitives

/// A file's attributes as they travel: what statx tells, with the host's device and inode numbers as the identity.
public struct GoferAttributes: Equatable, Sendable {
    /// `st_mode`, with the type.
    public var mode: UInt32 = 0
    public var linkCount: UInt32 = 0
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    public var device: UInt64 = 0
    public var inode: UInt64 = 0
    public var specialDevice: UInt64 = 0
    public var size: Int64 = 0
    public var blockSize: UInt32 = 4096
    public var blocks: Int64 = 0
    public var accessTime = Timespec(seconds: 0, nanoseconds: 0)
    public var modificationTime = Timespec(seconds: 0, nanoseconds: 0)
    public var changeTime = Timespec(seconds: 0, nanoseconds: 0)
    public var birthTime = Timespec(seconds: 0, nanoseconds: 0)

    public init() {}

    /// `S_IFMT` part of the mode.
    public var format: UInt32 { mode & 0o170000 }
    public var isDirectory: Bool { format == 0o040000 }
    public var isRegular: Bool { format == 0o100000 }
    public var isSymlink: Bool { format == 0o120000 }
}

extension WireWriter {
    mutating func put(_ time: Timespec) {
        put(time.seconds)
        put(UInt32(truncatingIfNeeded: time.nanoseconds))
    }

    mutating func put(_ attributes: GoferAttributes) {
        put(attributes.mode)
        put(attributes.linkCount)
        put(attributes.uid)
        put(attributes.gid)
        put(attributes.device)
        put(attributes.inode)
        put(attributes.specialDevice)
        put(attributes.size)
        put(attributes.blockSize)
        put(attributes.blocks)
        put(attributes.accessTime)
        put(attributes.modificationTime)
        put(attributes.changeTime)
        put(attributes.birthTime)
    }
}

extension WireReader {
    mutating func getTime() throws(WireError) -> Timespec {
        let seconds = try get(Int64.self)
        let nanoseconds = try get(UInt32.self)
        guard nanoseconds < 1_000_000_000 else { throw WireError() }
        return Timespec(seconds: seconds, nanoseconds: Int64(nanoseconds))
    }

    mutating func getAttributes() throws(WireError) -> GoferAttributes {
        var attributes = GoferAttributes()
        attributes.mode = try get()
        attributes.linkCount = try get()
        attributes.uid = try get()
        attributes.gid = try get()
        attributes.device = try get()
        attributes.inode = try get()
        attributes.specialDevice = try get()
        attributes.size = try get()
        attributes.blockSize = try get()
        attributes.blocks = try get()
        attributes.accessTime = try getTime()
        attributes.modificationTime = try getTime()
        attributes.changeTime = try getTime()
        attributes.birthTime = try getTime()
        switch attributes.format {
        case 0o010000, 0o020000, 0o040000, 0o060000, 0o100000, 0o120000, 0o140000: break
        default: throw WireError()
        }
        guard attributes.mode <= 0o177777, attributes.size >= 0, attributes.blocks >= 0 else { throw WireError() }
        return attributes
    }

    /// Bytes of at most `limit`.
    mutating func getBytes(limit: Int) throws(WireError) -> [UInt8] {
        let bytes = try getBytes()
        guard bytes.count <= limit else { throw WireError() }
        return bytes
    }

    /// A plain name in a directory.
    mutating func getName() throws(WireError) -> [UInt8] {
        let name = try getBytes()
        guard GoferLimits.isPlainName(name) else { throw WireError() }
        return name
    }

    /// A byte that is 0 or 1.
    mutating func getBool() throws(WireError) -> Bool {
        switch try get(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw WireError()
        }
    }
}
