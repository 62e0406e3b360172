// A host descriptor that the caller of `sandbox run` donated: reads and writes that never block the sentry's worker.
import HostSyscalls
import LinuxABI
import Primitives
import VFS

/// One donated host descriptor: what it is, its readiness, its input and output. Guarded by the kernel lock.
///
/// The descriptor may be shared with the caller's shell, so its O_NONBLOCK is never changed. ``StreamDonation`` gives terminals
/// and fifos a description of their own, non-blocking; what could not be opened again is polled before each small step.
public final class HostStream {
    enum Kind {
        case regular
        case pipe
        case socket
        case terminal
        /// Another device: as the host has it, no ioctl.
        case device
    }

    private let descriptor: SharedHostFD
    let kind: Kind
    private let isNonBlocking: Bool
    private let poller: HostPoller?
    private let queue = WaitQueue()
    private var token: UInt64?
    private var wasWatched = false

    init(descriptor: SharedHostFD, kind: Kind, poller: HostPoller?) {
        self.descriptor = descriptor
        self.kind = kind
        self.poller = poller
        let status = rawHostCall(HostSyscall.fcntl, Int(descriptor.rawValue), 3)
        isNonBlocking = status >= 0 && status & 0o4000 != 0
    }

    deinit {
        if let token { poller?.unwatch(token, descriptor: descriptor.rawValue) }
    }

    var host: SharedHostFD { descriptor }
    private var number: Int { Int(descriptor.rawValue) }

    /// Where readiness is announced; watching starts when somebody first wants to know.
    var waitQueue: WaitQueue? {
        if kind == .regular { return nil }
        if !wasWatched {
            wasWatched = true
            token = poller?.watch(descriptor.rawValue, queue)
        }
        return queue
    }

    /// poll(2) of the host descriptor, now.
    func poll(_ interest: ReadyEvents = [.POLLIN, .POLLOUT, .POLLPRI, .POLLRDHUP]) -> ReadyEvents {
        if kind == .regular { return [.readable, .writable] }
        var request = UInt64(UInt32(bitPattern: descriptor.rawValue)) | UInt64(interest.rawValue & 0xffff) << 32
        var zeroTime: (Int, Int) = (0, 0)
        let count = withUnsafeMutablePointer(to: &request) { request in
            withUnsafeMutablePointer(to: &zeroTime) { time in
                rawHostCall(HostSyscall.ppoll, Int(bitPattern: request), 1, Int(bitPattern: time), 0, 8)
            }
        }
        return count > 0 ? ReadyEvents(hostEvents: UInt32(truncatingIfNeeded: request >> 48)) : []
    }

    // Input.

    /// - Throws: `EAGAIN` if nothing is there yet.
    func read(into sink: IOSink, at offset: Int64?) throws(Errno) -> Int {
        if sink.remaining == 0 { return 0 }
        if offset != nil && kind != .regular { throw .ESPIPE }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: min(sink.remaining, 65536), alignment: 16)
        defer { scratch.deallocate() }
        var total = 0
        repeat {
            let wanted = min(scratch.count, sink.remaining)
            let position = offset.map { $0 + Int64(total) }
            let count: Int
            let taken: Int
            do throws(Errno) {
                count = try readOnce(UnsafeMutableRawBufferPointer(rebasing: scratch[..<wanted]), at: position)
                if count == 0 { return total }
                taken = try sink.write(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
            } catch {
                if total == 0 { throw error }
                return total
            }
            total += taken
            if taken < wanted { return total }
        } while kind == .regular && sink.remaining > 0 && total < 1 << 20
        return total
    }

    private func readOnce(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64?) throws(Errno) -> Int {
        if !isNonBlocking && kind != .regular && poll(.POLLIN).isDisjoint(with: [.POLLIN, .POLLHUP, .POLLERR]) { throw .EAGAIN }
        let address = Int(bitPattern: buffer.baseAddress)
        if let offset { return try hostResult(HostSyscall.pread64, number, address, buffer.count, Int(offset)) }
        return try hostResult(HostSyscall.read, number, address, buffer.count)
    }

    // Output.

    /// - Throws: `EAGAIN` if nothing can be written now.
    func write(from source: IOSource, at offset: Int64?) throws(Errno) -> Int {
        if source.remaining == 0 { return 0 }
        if offset != nil && kind != .regular { throw .ESPIPE }
        // A blocking pipe takes PIPE_BUF bytes whole once it polls writable; a blocking terminal promises less.
        let step = kind == .regular || isNonBlocking ? 65536 : kind == .terminal ? 256 : 4096
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: min(source.remaining, step), alignment: 16)
        defer { scratch.deallocate() }
        var total = 0
        while source.remaining > 0 && total < 1 << 20 {
            let written: Int
            var filled = 0
            do throws(Errno) {
                if kind != .regular {
                    let ready = poll(.POLLOUT)
                    if ready.isDisjoint(with: [.POLLOUT, .POLLHUP, .POLLERR]) { throw .EAGAIN }
                }
                filled = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(scratch.count, source.remaining)]))
                if filled == 0 { break }
                written = try writeOnce(
                    UnsafeRawBufferPointer(rebasing: scratch[..<filled]), at: offset.map { $0 + Int64(total) })
            } catch {
                if filled > 0 { source.giveBack(filled) }
                if total == 0 { throw error }
                break
            }
            total += written
            if written < filled {
                source.giveBack(filled - written)
                break
            }
        }
        return total
    }

    private func writeOnce(_ buffer: UnsafeRawBufferPointer, at offset: Int64?) throws(Errno) -> Int {
        let address = Int(bitPattern: buffer.baseAddress)
        if let offset { return try hostResult(HostSyscall.pwrite64, number, address, buffer.count, Int(offset)) }
        // MSG_DONTWAIT | MSG_NOSIGNAL: a socket needs no description of its own.
        if kind == .socket { return try hostResult(HostSyscall.sendto, number, address, buffer.count, 0x40 | 0x4000) }
        if kind == .pipe && !isNonBlocking {
            // Another writer may have filled the pipe since the poll: RWF_NOWAIT, where the host's pipes know it.
            var vector = (address, buffer.count)
            let result = withUnsafeMutablePointer(to: &vector) { vector in
                rawHostCall(HostSyscall.pwritev2, number, Int(bitPattern: vector), 1, -1, -1, 8)
            }
            if result != -95 {
                if result < 0 { throw Errno(Int32(truncatingIfNeeded: -result)) }
                return result
            }
        }
        return try hostResult(HostSyscall.write, number, address, buffer.count)
    }
}

/// A host call on the guest's behalf: its error is the guest's.
func hostResult(_ number: Int, _ a: Int, _ b: Int, _ c: Int, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0) throws(Errno) -> Int {
    do throws(HostErrno) { return try hostCall(number, a, b, c, d, e, f) } catch { throw error.guestErrno }
}
