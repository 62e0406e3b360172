import HostSyscalls
import LinuxABI
import Primitives

/// `open(2)` flags of x86-64.
public struct OpenFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let O_WRONLY = OpenFlags(rawValue: 0o1)
    public static let O_RDWR = OpenFlags(rawValue: 0o2)
    public static let O_CREAT = OpenFlags(rawValue: 0o100)
    public static let O_EXCL = OpenFlags(rawValue: 0o200)
    public static let O_NOCTTY = OpenFlags(rawValue: 0o400)
    public static let O_TRUNC = OpenFlags(rawValue: 0o1000)
    public static let O_APPEND = OpenFlags(rawValue: 0o2000)
    public static let O_NONBLOCK = OpenFlags(rawValue: 0o4000)
    public static let O_DSYNC = OpenFlags(rawValue: 0o10000)
    public static let FASYNC = OpenFlags(rawValue: 0o20000)
    public static let O_DIRECT = OpenFlags(rawValue: 0o40000)
    public static let O_LARGEFILE = OpenFlags(rawValue: 0o100000)
    public static let O_DIRECTORY = OpenFlags(rawValue: 0o200000)
    public static let O_NOFOLLOW = OpenFlags(rawValue: 0o400000)
    public static let O_NOATIME = OpenFlags(rawValue: 0o1000000)
    public static let O_CLOEXEC = OpenFlags(rawValue: 0o2000000)
    public static let O_PATH = OpenFlags(rawValue: 0o10000000)
    public static let O_TMPFILE = OpenFlags(rawValue: 0o20200000)

    /// `O_ACCMODE`: 0 read, 1 write, 2 both, 3 neither (ioctl only).
    public var accessMode: UInt32 { rawValue & 3 }
    public var reads: Bool { accessMode == 0 || accessMode == 2 }
    public var writes: Bool { accessMode == 1 || accessMode == 2 }
}

/// An open file description (Linux's `struct file`): what descriptors, also of several processes, refer to.
///
/// Guarded by the kernel lock. "Would block" is the error `EAGAIN`: the dispatcher parks the call on ``waitQueue`` unless the
/// description is non-blocking. Subclasses never wait and never look at O_NONBLOCK themselves.
open class FileDescription {
    /// Access mode and status flags; `F_SETFL` changes the latter.
    public final var flags: OpenFlags
    /// Where it was opened; nil for pipes, sockets, anonymous inodes.
    public final let path: VFSPath?
    public final var offset: Int64 = 0
    /// How many descriptor table slots (and mappings, messages in flight) refer to it: ``released()`` runs when it falls to 0.
    public private(set) final var references = 0
    /// F_SETOWN and F_SETSIG: whom signal-driven I/O would tell, a process group if negative, and by which signal.
    public final var signalOwner: Int32 = 0
    public final var ownerSignal: Int32 = 0
    /// The epoll items that watch it: they are told when the last descriptor is closed.
    public final var epollItems: [any DescriptionObserver] = []

    public init(flags: OpenFlags, path: VFSPath?) {
        self.flags = flags
        self.path = path
    }

    public final var isNonBlocking: Bool { flags.contains(.O_NONBLOCK) }
    /// The inode it is open on; the default is the path's.
    open var inode: Inode? { path?.inode }

    public final func retain() { references += 1 }

    public final func release(_ context: VFSContext) {
        references -= 1
        if references == 0 {
            let observers = epollItems
            epollItems.removeAll()
            for observer in observers { observer.descriptionReleased() }
            if let locks = inode?.locks as? FileLocks { locks.release(owner: ObjectIdentifier(self)) }
            released(context)
        }
    }

    /// Whether open(2) must still wait, on ``waitQueue``, before it may install the description: a fifo whose other side nobody
    /// has opened. An opener that gives up simply lets go of the description.
    open var isOpening: Bool { false }

    /// The last descriptor is closed: pipes and sockets tell their peers, locks go.
    open func released(_ context: VFSContext) {}
    /// A descriptor of it is closed by a process (flush; POSIX locks are dropped above).
    open func closed(_ context: VFSContext) {}

    // Data. `offset` nil: at and moving the file position; else pread/pwrite.

    /// Delivers bytes into `sink`; 0 at the end. - Throws: `EAGAIN` if nothing is there yet; `EISDIR`; `EINVAL` if it cannot be read.
    open func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .EINVAL }

    /// Takes bytes from `source`; the count taken (partial for a pipe that fills up). - Throws: `EAGAIN`, `EPIPE` (SIGPIPE is raised above), `ENOSPC`.
    open func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .EINVAL }

    /// Whether pread, pwrite and lseek make sense; else ESPIPE.
    open var isSeekable: Bool { false }
    open func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 { throw .ESPIPE }

    /// Passes directory entries to `emit` from the position on, until it returns false; `next` is the position after an entry (stable
    /// under change). Includes `.` and `..`.
    open func readDirectory(
        _ context: VFSContext, _ emit: (_ name: [UInt8], _ inode: UInt64, _ type: FileType, _ next: Int64) -> Bool
    ) throws(Errno) { throw .ENOTDIR }

    /// ioctl(2). `memory` copies its argument in and out. - Throws: `ENOTTY` by default.
    open func ioctl(_ request: UInt32, _ argument: UInt64, _ memory: any GuestCopying, _ context: VFSContext) throws(Errno) -> Int64 {
        throw .ENOTTY
    }

    open func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        guard let inode else { throw .EBADF }
        return try inode.attributes(context)
    }

    open func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        guard let inode else { throw .EBADF }
        try inode.setAttributes(change, context)
    }

    open func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) { throw .EINVAL }
    open func allocate(mode: Int32, offset: Int64, length: Int64, _ context: VFSContext) throws(Errno) { throw .EOPNOTSUPP }

    // Readiness.

    /// What poll(2) would report now.
    open func poll() -> ReadyEvents { [.readable, .writable] }
    /// Where a change of ``poll()`` is announced; nil for files that are always ready.
    open var waitQueue: WaitQueue? { nil }

    // Mapping.

    /// A host descriptor to map the file from, at equal offsets; `writable` for shared writable mappings.
    /// - Throws: `ENODEV` if it cannot be mapped.
    open func mappable(writable: Bool, _ context: VFSContext) throws(Errno) -> SharedHostFD { throw .ENODEV }

    /// The name that /proc/PID/fd and maps show when there is no path: "pipe:[12]".
    open var displayName: String { "anon_inode:[unknown]" }
}

/// Something that watches a description without keeping it open: an epoll item.
public protocol DescriptionObserver: AnyObject {
    /// The last descriptor of the description is closed; the observer leaves its wait queue.
    func descriptionReleased()
}
