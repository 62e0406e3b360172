// An open file description over a donated host descriptor: the sandbox's standard streams.
import HostSyscalls
import LinuxABI
import Primitives
import VFS

/// A guest's description of a host stream. Several may share one (an open of /dev/tty, of /proc/self/fd/1).
///
/// The file position is the host description's own, shared with whoever else has it: `(echo a; sandbox run …) > file` appends.
public final class HostFileDescription: FileDescription {
    public let stream: HostStream
    /// The terminal, if the stream is one.
    public let terminal: HostTerminal?
    private let node: Inode

    init(stream: HostStream, node: Inode, terminal: HostTerminal?, flags: OpenFlags) {
        self.stream = stream
        self.node = node
        self.terminal = terminal
        super.init(flags: flags, path: nil)
    }

    override public var inode: Inode? { node }

    override public func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        try terminal?.checkRead(context)
        return try stream.read(into: sink, at: offset)
    }

    override public func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        try stream.write(from: source, at: offset)
    }

    override public var isSeekable: Bool { stream.kind == .regular }

    override public func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        guard isSeekable else { throw .ESPIPE }
        guard (0...4).contains(whence) else { throw .EINVAL }
        return Int64(try hostResult(HostSyscall.lseek, Int(stream.host.rawValue), Int(offset), Int(whence)))
    }

    override public func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) {
        guard isSeekable else { throw .EINVAL }
        _ = try hostResult(dataOnly ? HostSyscall.fdatasync : HostSyscall.fsync, Int(stream.host.rawValue), 0, 0)
    }

    override public func ioctl(
        _ request: UInt32, _ argument: UInt64, _ memory: any GuestCopying, _ context: VFSContext
    ) throws(Errno) -> Int64 {
        if let terminal { return try terminal.ioctl(request, UserAddress(argument), memory, context, on: stream) }
        guard request == IoctlRequest.FIONREAD, stream.kind != .device else { throw .ENOTTY }
        var count: Int32 = 0
        let result = withUnsafeMutablePointer(to: &count) {
            rawHostCall(HostSyscall.ioctl, Int(stream.host.rawValue), Int(request), Int(bitPattern: $0))
        }
        if result < 0 { throw Errno(Int32(truncatingIfNeeded: -result)) }
        try memory.copyOut(count, to: UserAddress(argument))
        return 0
    }

    override public func poll() -> ReadyEvents { stream.poll() }
    override public var waitQueue: WaitQueue? { stream.waitQueue }

    override public func mappable(writable: Bool, _ context: VFSContext) throws(Errno) -> SharedHostFD {
        guard stream.kind == .regular, !writable else { throw .ENODEV }
        return stream.host
    }

    override public var displayName: String {
        if let terminal { return "/dev/pts/\(terminal.index)" }
        return switch stream.kind {
        case .pipe: "pipe:[\(node.number)]"
        case .socket: "socket:[\(node.number)]"
        default: "/dev/host/\(node.number)"
        }
    }
}

/// The inode of a donated descriptor: attributes as the host has them now, numbers of the sandbox's own.
final class HostStreamInode: Inode {
    private let stream: HostStream
    /// Set right after for terminals, whose object needs this inode.
    fileprivate(set) unowned(unsafe) var terminal: HostTerminal?

    private let uid: UInt32
    private let gid: UInt32

    init(stream: HostStream, type: FileType, uid: UInt32, gid: UInt32) {
        self.stream = stream
        self.uid = uid
        self.gid = gid
        let fileSystem = stream.kind == .pipe ? AnonymousFileSystem.pipes : AnonymousFileSystem.hostStreams
        super.init(fileSystem: fileSystem, number: fileSystem.nextInodeNumber(), type: type)
    }

    func setTerminal(_ terminal: HostTerminal) { self.terminal = terminal }

    override func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var host = HostStat()
        _ = try host.fill(stream.host.rawValue)
        var attributes = FileAttributes(type: type, permissions: UInt32(host.mode) & 0o7777)
        attributes.device = fileSystem.device
        attributes.inode = number
        attributes.uid = uid
        attributes.gid = gid
        attributes.size = host.size
        attributes.blocks = host.blocks
        attributes.accessTime = host.accessTime
        attributes.modificationTime = host.modificationTime
        attributes.changeTime = host.changeTime
        if let terminal {
            attributes.specialDevice = DeviceNumber.makeDevice(136, UInt64(terminal.index))
            attributes.blockSize = 1024
        }
        return attributes
    }

    override func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        // `> /dev/stdout` of a shell truncates what it opens. Nothing else of a host file changes.
        if change.permissions != nil || change.uid != nil || change.gid != nil { throw .EPERM }
        guard let size = change.size, stream.kind == .regular else { return }
        _ = try hostResult(HostSyscall.ftruncate, Int(stream.host.rawValue), Int(size), 0)
    }

    /// Through /proc/self/fd or /dev/pts: a further description of the same host descriptor.
    override func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        if stream.kind == .socket { throw .ENXIO }
        let allowed = rawHostCall(HostSyscall.fcntl, Int(stream.host.rawValue), 3) & 3
        if flags.reads && allowed == 1 || flags.writes && allowed == 0 { throw .EACCES }
        if flags.contains(.O_TRUNC), stream.kind == .regular {
            _ = try hostResult(HostSyscall.ftruncate, Int(stream.host.rawValue), 0, 0)
        }
        if let terminal { return terminal.open(flags: flags, context, on: stream) }
        return HostFileDescription(stream: stream, node: self, terminal: nil, flags: flags)
    }
}

/// The host's `struct stat` (x86-64), as far as we show it.
struct HostStat {
    private(set) var device: UInt64 = 0
    private(set) var inode: UInt64 = 0
    private(set) var mode: UInt32 = 0
    private(set) var specialDevice: UInt64 = 0
    private(set) var size: Int64 = 0
    private(set) var blocks: Int64 = 0
    private(set) var accessTime = Timespec(seconds: 0, nanoseconds: 0)
    private(set) var modificationTime = Timespec(seconds: 0, nanoseconds: 0)
    private(set) var changeTime = Timespec(seconds: 0, nanoseconds: 0)

    mutating func fill(_ descriptor: Int32) throws(Errno) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 144, alignment: 8)
        defer { buffer.deallocate() }
        _ = try hostResult(HostSyscall.fstat, Int(descriptor), Int(bitPattern: buffer.baseAddress), 0)
        device = buffer.load(fromByteOffset: 0, as: UInt64.self)
        inode = buffer.load(fromByteOffset: 8, as: UInt64.self)
        mode = buffer.load(fromByteOffset: 24, as: UInt32.self)
        specialDevice = buffer.load(fromByteOffset: 40, as: UInt64.self)
        size = buffer.load(fromByteOffset: 48, as: Int64.self)
        blocks = buffer.load(fromByteOffset: 64, as: Int64.self)
        func time(_ offset: Int) -> Timespec {
            Timespec(
                seconds: buffer.load(fromByteOffset: offset, as: Int64.self),
                nanoseconds: buffer.load(fromByteOffset: offset + 8, as: Int64.self))
        }
        accessTime = time(72)
        modificationTime = time(88)
        changeTime = time(104)
    }
}
