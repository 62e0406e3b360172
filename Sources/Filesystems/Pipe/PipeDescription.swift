// An open end of a pipe or fifo.
import LinuxABI
import Primitives
import VFS

/// One end (or, for a fifo opened O_RDWR, both ends) of a pipe. Guarded by the kernel lock.
public final class PipeDescription: FileDescription {
    public let pipe: Pipe
    private let node: Inode
    /// A fifo opened with O_NONBLOCK before any writer came shows no hang-up until one has come and gone.
    private let writerOpeningsWithoutHangUp: UInt64?
    /// What the counter of the other side was when this side was opened; open(2) waits for it to change.
    private var awaitedOpening: AwaitedOpening
    private var isAttached = true

    private enum AwaitedOpening {
        case none
        case reader(after: UInt64)
        case writer(after: UInt64)
    }

    private init(
        pipe: Pipe, node: Inode, path: VFSPath?, flags: OpenFlags, awaiting: AwaitedOpening = .none,
        writerOpeningsWithoutHangUp: UInt64? = nil
    ) {
        self.pipe = pipe
        self.node = node
        self.awaitedOpening = awaiting
        self.writerOpeningsWithoutHangUp = writerOpeningsWithoutHangUp
        super.init(flags: flags, path: path)
        if flags.reads { pipe.addReader() }
        if flags.writes { pipe.addWriter() }
    }

    /// An opener that was interrupted lets go of the description without a release.
    deinit { detach() }

    /// The two ends of a new anonymous pipe; `flags` are status flags of both.
    public static func makePipe(flags: OpenFlags, _ context: VFSContext) -> (reader: PipeDescription, writer: PipeDescription) {
        let pipe = Pipe()
        let node = PipeInode(pipe: pipe, context)
        let reader = PipeDescription(pipe: pipe, node: node, path: nil, flags: flags)
        let writer = PipeDescription(pipe: pipe, node: node, path: nil, flags: flags.union(.O_WRONLY))
        return (reader, writer)
    }

    /// open(2) of a fifo: what a file system's ``Inode/open(_:flags:_:)`` calls for inodes of type fifo.
    ///
    /// The pipe lives in the inode's attachment while anyone has it open. The other side may still be missing: see ``isOpening``.
    /// - Throws: `ENXIO` for O_WRONLY with O_NONBLOCK and no reader; `EINVAL` for access mode 3.
    public static func openFIFO(_ inode: Inode, path: VFSPath?, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> PipeDescription {
        guard flags.accessMode != 3 else { throw .EINVAL }
        let pipe = inode.attachment as? Pipe ?? Pipe()
        let doesNotWait = flags.contains(.O_NONBLOCK)
        var awaiting = AwaitedOpening.none
        var quietOpenings: UInt64?
        if inode is PipeInode {
            // An anonymous pipe, through /proc/PID/fd: its other side may be gone for good, and nobody waits for it (fifo_open).
        } else if flags.reads && !flags.writes && pipe.writers == 0 {
            if doesNotWait { quietOpenings = pipe.writerOpenings } else { awaiting = .writer(after: pipe.writerOpenings) }
        } else if flags.writes && !flags.reads && pipe.readers == 0 {
            if doesNotWait { throw .ENXIO }
            awaiting = .reader(after: pipe.readerOpenings)
        }
        inode.attachment = pipe
        return PipeDescription(
            pipe: pipe, node: inode, path: path, flags: flags, awaiting: awaiting, writerOpeningsWithoutHangUp: quietOpenings)
    }

    override public var inode: Inode? { node }

    override public var isOpening: Bool {
        switch awaitedOpening {
        case .none: return false
        case .reader(let count): if pipe.readerOpenings == count { return true }
        case .writer(let count): if pipe.writerOpenings == count { return true }
        }
        awaitedOpening = .none
        return false
    }

    override public func released(_ context: VFSContext) { detach() }

    private func detach() {
        guard isAttached else { return }
        isAttached = false
        if flags.reads { pipe.removeReader() }
        if flags.writes { pipe.removeWriter() }
        // The last one out of a fifo takes the bytes along. An anonymous pipe's inode cannot be reached any more.
        if pipe.readers == 0 && pipe.writers == 0 && node.attachment === pipe { node.attachment = nil }
    }

    override public func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        if offset != nil { throw .ESPIPE }
        return try pipe.read(into: sink)
    }

    override public func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        if offset != nil { throw .ESPIPE }
        return try pipe.write(from: source)
    }

    /// tee(2). - Throws: as ``Pipe/tee(into:limit:)``.
    public func tee(into other: PipeDescription, limit: Int) throws(Errno) -> Int { try pipe.tee(into: other.pipe, limit: limit) }

    override public func ioctl(
        _ request: UInt32, _ argument: UInt64, _ memory: any GuestCopying, _ context: VFSContext
    ) throws(Errno) -> Int64 {
        guard request == IoctlRequest.FIONREAD else { throw .ENOTTY }
        try memory.copyOut(Int32(clamping: pipe.byteCount), to: UserAddress(argument))
        return 0
    }

    override public func poll() -> ReadyEvents {
        var events: ReadyEvents = []
        if flags.reads {
            events.formUnion(pipe.readerEvents)
            if pipe.writers == 0 && pipe.writerOpenings != writerOpeningsWithoutHangUp { events.insert(.POLLHUP) }
        }
        if flags.writes { events.formUnion(pipe.writerEvents) }
        return events
    }

    override public var waitQueue: WaitQueue? { pipe.waitQueue }

    override public var displayName: String { "pipe:[\(node.number)]" }
}

/// The nameless inode of an anonymous pipe: for fstat, and to open an end again through /proc/self/fd.
final class PipeInode: Inode {
    private let owner: (uid: UInt32, gid: UInt32)
    private let birthTime: Timespec

    init(pipe: Pipe, _ context: VFSContext) {
        owner = (context.credentials.fsuid, context.credentials.fsgid)
        birthTime = context.now
        super.init(fileSystem: AnonymousFileSystem.pipes, number: AnonymousFileSystem.pipes.nextInodeNumber(), type: .fifo)
        attachment = pipe
    }

    override func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var attributes = FileAttributes(type: .fifo, permissions: 0o600)
        attributes.device = fileSystem.device
        attributes.inode = number
        attributes.uid = owner.uid
        attributes.gid = owner.gid
        attributes.accessTime = birthTime
        attributes.modificationTime = birthTime
        attributes.changeTime = birthTime
        attributes.birthTime = birthTime
        return attributes
    }

    override func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        try PipeDescription.openFIFO(self, path: nil, flags: flags, context)
    }
}
