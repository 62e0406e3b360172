// eventfd(2): a counter that can be waited for.
import LinuxABI
import Primitives
import VFS

/// An eventfd object. Guarded by the kernel lock.
public final class EventFDDescription: FileDescription {
    private var counter: UInt64
    /// EFD_SEMAPHORE: reads take 1.
    private let isSemaphore: Bool
    private let queue = WaitQueue()
    private let node = AnonymousInode.make()
    private static let maximum = UInt64.max - 1

    public init(initialValue: UInt32, isSemaphore: Bool, flags: OpenFlags) {
        counter = UInt64(initialValue)
        self.isSemaphore = isSemaphore
        super.init(flags: flags.union(.O_RDWR), path: nil)
    }

    override public var inode: Inode? { node }

    /// - Throws: `EINVAL` for less than 8 bytes; `EAGAIN` at 0.
    override public func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        if offset != nil { throw .ESPIPE }
        guard sink.remaining >= 8 else { throw .EINVAL }
        guard counter > 0 else { throw .EAGAIN }
        let value = isSemaphore ? 1 : counter
        // Taken before it is delivered: a fault loses it, on Linux too.
        counter -= value
        queue.wake(.writable)
        try deliverWord(value, into: sink)
        return 8
    }

    /// - Throws: `EINVAL` for less than 8 bytes and for the largest value; `EAGAIN` if the sum would be too large.
    override public func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        if offset != nil { throw .ESPIPE }
        guard source.remaining >= 8 else { throw .EINVAL }
        var value: UInt64 = 0
        let result: Result<Int, Errno> = withUnsafeMutableBytes(of: &value) { buffer in
            do throws(Errno) { return .success(try source.read(into: buffer)) } catch { return .failure(error) }
        }
        guard try result.get() == 8 else { throw .EFAULT }
        guard value != .max else { throw .EINVAL }
        guard value <= Self.maximum - counter else {
            source.giveBack(8)
            throw .EAGAIN
        }
        counter += value
        queue.wake(.readable)
        return 8
    }

    override public func poll() -> ReadyEvents {
        var events: ReadyEvents = []
        if counter > 0 { events.formUnion(.readable) }
        if counter < Self.maximum { events.formUnion(.writable) }
        return events
    }

    override public var waitQueue: WaitQueue? { queue }
    /// noop_llseek of Linux.
    override public func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 { 0 }
    override public var displayName: String { "anon_inode:[eventfd]" }

    /// What /proc/PID/fdinfo shows.
    var counterLine: String { "eventfd-count: \(hexadecimal(counter, width: 16))\n" }
}

/// Delivers 8 bytes or nothing.
///
/// - Throws: `EFAULT` if not all could be copied.
func deliverWord(_ value: UInt64, into sink: IOSink) throws(Errno) {
    let result: Result<Int, Errno> = withUnsafeBytes(of: value) { bytes in
        do throws(Errno) { return .success(try sink.write(bytes)) } catch { return .failure(error) }
    }
    guard try result.get() == 8 else { throw .EFAULT }
}
