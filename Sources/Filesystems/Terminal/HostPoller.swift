// Watches host descriptors (terminal, pipes, sockets) for readiness and wakes the sentry's wait queues.
//
// Lock order: the poller's thread takes the kernel lock, with nothing else held, for each batch of events.
import HostSyscalls
import LinuxABI
import Primitives

/// One thread over one host epoll. Everything but the thread's wait is guarded by the kernel lock.
///
/// Descriptors are watched edge-triggered: a host file that stays ready costs nothing, and every change is reported once.
public final class HostPoller: @unchecked Sendable {
    private let epoll: HostFD
    private let withKernelLock: (() -> Void) -> Void
    private var queues: [UInt64: WaitQueue] = [:]
    private var lastToken: UInt64 = 0

    /// `withKernelLock` runs its argument with the kernel lock held.
    ///
    /// - Throws: the host's error if it has no descriptor left.
    public init(withKernelLock: @escaping (() -> Void) -> Void) throws(HostErrno) {
        epoll = HostFD(owning: Int32(truncatingIfNeeded: try hostCall(HostSyscall.epoll_create1, 0x80000)))
        self.withKernelLock = withKernelLock
    }

    /// Starts the thread; before the sentry locks itself in, or after if its filter allows clone.
    public func start() {
        HostThread.start("host-poller") { self.run() }
    }

    /// From now on every change of the descriptor's readiness wakes `queue`; the first event tells its state now.
    ///
    /// - Returns: a token for ``unwatch(_:descriptor:)``, or nil if the host cannot watch it (regular files: they are always ready).
    func watch(_ descriptor: Int32, _ queue: WaitQueue) -> UInt64? {
        lastToken += 1
        let token = lastToken
        queues[token] = queue
        // EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET
        let event = HostPollEvent(events: 0x1 | 0x4 | 0x2000 | 0x8000_0000, token: token)
        do throws(HostErrno) {
            try event.withBytes { (address: Int) throws(HostErrno) in
                _ = try hostCall(HostSyscall.epoll_ctl, Int(epoll.rawValue), 1, Int(descriptor), address)
            }
            return token
        } catch {
            queues[token] = nil
            return nil
        }
    }

    func unwatch(_ token: UInt64, descriptor: Int32) {
        queues[token] = nil
        _ = rawHostCall(HostSyscall.epoll_ctl, Int(epoll.rawValue), 2, Int(descriptor), 0)
    }

    private func run() {
        let capacity = 64
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity * HostPollEvent.size, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let count = rawHostCall(HostSyscall.epoll_wait, Int(epoll.rawValue), Int(bitPattern: buffer.baseAddress), capacity, -1)
            if count == -4 { continue }
            guard count >= 0 else { preconditionFailure("the host poller's epoll_wait failed: \(count)") }
            withKernelLock {
                for index in 0..<count {
                    let event = HostPollEvent(buffer, at: index)
                    self.queues[event.token]?.wake(ReadyEvents(hostEvents: event.events))
                }
            }
        }
    }
}

/// `struct epoll_event` of the host: 12 bytes, packed.
private struct HostPollEvent {
    static let size = 12
    let events: UInt32
    let token: UInt64

    init(events: UInt32, token: UInt64) {
        self.events = events
        self.token = token
    }

    init(_ buffer: UnsafeMutableRawBufferPointer, at index: Int) {
        events = buffer.loadUnaligned(fromByteOffset: index * Self.size, as: UInt32.self)
        token = buffer.loadUnaligned(fromByteOffset: index * Self.size + 4, as: UInt64.self)
    }

    func withBytes(_ body: (Int) throws(HostErrno) -> Void) throws(HostErrno) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.size, alignment: 8)
        defer { buffer.deallocate() }
        buffer.storeBytes(of: events, toByteOffset: 0, as: UInt32.self)
        buffer.storeBytes(of: token, toByteOffset: 4, as: UInt64.self)
        try body(Int(bitPattern: buffer.baseAddress))
    }
}

extension ReadyEvents {
    /// The host's poll bits are ours; the two names for "data" always come together.
    init(hostEvents: UInt32) {
        self.init(rawValue: hostEvents & 0x3fff)
        if contains(.POLLIN) { insert(.POLLRDNORM) }
        if contains(.POLLOUT) { insert(.POLLWRNORM) }
    }
}
