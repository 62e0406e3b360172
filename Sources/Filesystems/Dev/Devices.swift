// The memory devices: null, zero, full, random, urandom.
import HostSyscalls
import LinuxABI
import Primitives
import VFS

/// Device numbers as in `st_rdev`.
public enum DeviceNumber {
    static let null = makeDevice(1, 3)
    static let zero = makeDevice(1, 5)
    static let full = makeDevice(1, 7)
    static let random = makeDevice(1, 8)
    static let urandom = makeDevice(1, 9)
    static let tty = makeDevice(5, 0)

    /// `makedev(3)`.
    public static func makeDevice(_ major: UInt64, _ minor: UInt64) -> UInt64 {
        (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xff) << 12 | (major & ~0xfff) << 32
    }
}

/// The character devices that exist, whatever file system their node lies in.
public enum CharacterDevices {
    /// Opens the device with this number.
    ///
    /// - Throws: `ENXIO` if there is none.
    public static func open(
        _ number: UInt64, inode: Inode?, path: VFSPath?, flags: OpenFlags, _ context: VFSContext
    ) throws(Errno) -> FileDescription {
        switch number {
        case DeviceNumber.null: NullDescription(inode: inode, flags: flags, path: path)
        case DeviceNumber.zero: ZeroDescription(inode: inode, flags: flags, path: path)
        case DeviceNumber.full: FullDescription(inode: inode, flags: flags, path: path)
        case DeviceNumber.random, DeviceNumber.urandom: RandomDescription(inode: inode, flags: flags, path: path)
        default: throw .ENXIO
        }
    }
}

/// A device node in /dev.
final class DeviceInode: SyntheticInode {
    private let deviceNumber: UInt64

    init(_ origin: SyntheticOrigin, device: UInt64, permissions: UInt32) {
        deviceNumber = device
        super.init(origin, type: .characterDevice, permissions: permissions)
    }

    override func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var attributes = try super.attributes(context)
        attributes.specialDevice = deviceNumber
        return attributes
    }

    /// `> /dev/null` truncates first: devices have no size to change.
    override func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        if change.permissions != nil || change.uid != nil || change.gid != nil { throw .EPERM }
    }

    override func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        try CharacterDevices.open(deviceNumber, inode: self, path: path, flags: flags, context)
    }
}

/// What the memory devices share: a node, lseek that stays at 0, writes that vanish.
class MemoryDeviceDescription: FileDescription {
    private let node: Inode?

    init(inode: Inode?, flags: OpenFlags, path: VFSPath?) {
        node = inode
        super.init(flags: flags, path: path)
    }

    override final var inode: Inode? { node ?? super.inode }
    override final var isSeekable: Bool { true }

    override final func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        self.offset = 0
        return 0
    }

    /// Takes everything without looking at it: Linux does not touch the writer's memory either.
    override func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { source.remaining }

    /// Fills `sink` piece by piece from `fill`.
    final func produce(_ sink: IOSink, _ fill: (UnsafeMutableRawBufferPointer) -> Void) throws(Errno) -> Int {
        if sink.remaining == 0 { return 0 }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: min(sink.remaining, 16384), alignment: 16)
        defer { scratch.deallocate() }
        var total = 0
        // One call stays short: it holds the kernel lock. A short read is allowed, and callers loop.
        while sink.remaining > 0 && total < 1 << 20 {
            let piece = UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(scratch.count, sink.remaining)])
            fill(piece)
            let taken: Int
            do throws(Errno) { taken = try sink.write(UnsafeRawBufferPointer(piece)) } catch {
                if total == 0 { throw error }
                break
            }
            total += taken
            if taken < piece.count { break }
        }
        return total
    }
}

/// /dev/null.
final class NullDescription: MemoryDeviceDescription {
    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { 0 }
    override var displayName: String { "/dev/null" }
}

/// /dev/zero.
class ZeroDescription: MemoryDeviceDescription {
    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        try produce(sink) { piece in piece.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    /// Fresh zeros for every mapping: a sparse memfd, larger than any address space.
    override func mappable(writable: Bool, _ context: VFSContext) throws(Errno) -> SharedHostFD {
        do throws(HostErrno) {
            let number = "zero".withCString { rawHostCall(HostSyscall.memfd_create, Int(bitPattern: $0), 1) }
            if number < 0 { throw HostErrno(Int32(truncatingIfNeeded: -number)) }
            let owned = SharedHostFD(HostFD(owning: Int32(truncatingIfNeeded: number)))
            try hostCall(HostSyscall.ftruncate, Int(owned.rawValue), 1 << 47)
            return owned
        } catch { throw error.guestErrno }
    }
}

/// /dev/full: reads like /dev/zero, writes fail.
final class FullDescription: ZeroDescription {
    override func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .ENOSPC }
}

/// /dev/random and /dev/urandom: the host's generator. Written entropy is thrown away.
final class RandomDescription: MemoryDeviceDescription {
    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        try produce(sink) { piece in fillWithRandomBytes(piece) }
    }
}

/// Fills `buffer` from the host's getrandom(2).
public func fillWithRandomBytes(_ buffer: UnsafeMutableRawBufferPointer) {
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
        do throws(HostErrno) {
            done += try hostCall(HostSyscall.getrandom, Int(bitPattern: base + done), buffer.count - done, 0)
        } catch { preconditionFailure("getrandom: \(error)") }
    }
}
