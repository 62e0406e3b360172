// signalfd(2): pending signals that are read.
import Kernel
import LinuxABI
import Primitives
import VFS

/// A signalfd object. Guarded by the kernel lock.
///
/// Reads take the reader's own signals, as on Linux. Readiness is that of the process that made it: a description does not know who
/// polls it (a child that inherits one and polls it sees its parent's signals; Linux shows it its own).
public final class SignalFDDescription: FileDescription {
    private unowned let kernel: Kernel
    private weak var process: ThreadGroup?
    /// The signals it takes.
    public var mask: UInt64
    private let queue: WaitQueue
    private let node = AnonymousInode.make()

    public init(kernel: Kernel, process: ThreadGroup, mask: UInt64, flags: OpenFlags) {
        self.kernel = kernel
        self.process = process
        self.mask = mask
        queue = process.signalArrivals
        super.init(flags: flags.union(.O_RDWR), path: nil)
    }

    override public var inode: Inode? { node }

    /// - Throws: `EINVAL` for less than one structure; `EAGAIN` if none is pending.
    override public func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        if offset != nil { throw .ESPIPE }
        guard sink.remaining >= Self.structureSize else { throw .EINVAL }
        guard let reader = kernel.tasks[context.callerTID] else { throw .EINVAL }
        var total = 0
        while sink.remaining >= Self.structureSize, let info = reader.takeSignal(of: mask) {
            let written: Int
            do throws(Errno) { written = try deliver(Self.structure(info), from: 0, into: sink) } catch {
                if total == 0 { throw error }
                break
            }
            total += written
            if written < Self.structureSize { break }
        }
        if total == 0 { throw .EAGAIN }
        return total
    }

    /// `struct signalfd_siginfo`.
    private static let structureSize = 128

    private static func structure(_ info: SignalInfo) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: structureSize)
        bytes.withUnsafeMutableBytes { buffer in
            buffer.storeBytes(of: UInt32(bitPattern: info.signal), toByteOffset: 0, as: UInt32.self)
            buffer.storeBytes(of: info.errno, toByteOffset: 4, as: Int32.self)
            buffer.storeBytes(of: info.code, toByteOffset: 8, as: Int32.self)
            // The sender; of kernel signals without one, zeros.
            buffer.storeBytes(of: UInt32(truncatingIfNeeded: info.fields.0), toByteOffset: 12, as: UInt32.self)
            buffer.storeBytes(of: UInt32(truncatingIfNeeded: info.fields.0 >> 32), toByteOffset: 16, as: UInt32.self)
            if info.signal == Signal.SIGCHLD {
                buffer.storeBytes(of: UInt32(truncatingIfNeeded: info.fields.1), toByteOffset: 40, as: UInt32.self)
            } else {
                buffer.storeBytes(of: UInt32(truncatingIfNeeded: info.fields.1), toByteOffset: 44, as: UInt32.self)
                buffer.storeBytes(of: info.fields.1, toByteOffset: 48, as: UInt64.self)
            }
        }
        return bytes
    }

    override public func poll() -> ReadyEvents {
        process?.tasks.contains { $0.pendingSet & mask != 0 } == true ? .readable : []
    }

    override public var waitQueue: WaitQueue? { queue }
    /// noop_llseek of Linux.
    override public func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 { 0 }
    override public var displayName: String { "anon_inode:[signalfd]" }
}
