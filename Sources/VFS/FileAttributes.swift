import LinuxABI

/// A file's type, as in the upper bits of `st_mode`.
public enum FileType: UInt32, Sendable {
    case fifo = 0o010000
    case characterDevice = 0o020000
    case directory = 0o040000
    case blockDevice = 0o060000
    case regular = 0o100000
    case symlink = 0o120000
    case socket = 0o140000

    /// `d_type` of getdents64.
    public var direntType: UInt8 { UInt8(rawValue >> 12) }
}

/// What stat(2) tells of a file.
public struct FileAttributes: Sendable {
    public var device: UInt64 = 0
    public var inode: UInt64 = 0
    public var type: FileType
    /// Permission bits with set-id and sticky: the lower 12 bits of `st_mode`.
    public var permissions: UInt32
    public var linkCount: UInt32 = 1
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    public var specialDevice: UInt64 = 0
    public var size: Int64 = 0
    public var blockSize: UInt32 = 4096
    /// In units of 512 bytes.
    public var blocks: Int64 = 0
    public var accessTime = Timespec(seconds: 0, nanoseconds: 0)
    public var modificationTime = Timespec(seconds: 0, nanoseconds: 0)
    public var changeTime = Timespec(seconds: 0, nanoseconds: 0)
    public var birthTime = Timespec(seconds: 0, nanoseconds: 0)

    public init(type: FileType, permissions: UInt32) {
        self.type = type
        self.permissions = permissions
    }

    /// `st_mode`.
    public var mode: UInt32 { type.rawValue | permissions }
}

/// What chmod, chown, truncate and utimensat change; nil leaves a value as it is.
public struct AttributeChange: Sendable {
    public var permissions: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?
    public var size: Int64?
    public var accessTime: Timespec?
    public var modificationTime: Timespec?

    public init() {}
}
