// The sentry's side of the control socket. A thread accepts, a thread serves each connection; all is bounded.
// Lock order: the server's lock is a leaf; the delegate is never called under it.
import HostSyscalls
import Primitives

/// What a control request ended in, if not well.
public struct ControlFailure: Error, Equatable, Sendable {
    public var errno: Int32
    public var text: String

    public init(errno: Int32, text: String = "") {
        self.errno = errno
        self.text = text
    }
}

/// What the sentry does for ``ControlServer``. Called on the server's threads, without the kernel lock.
public protocol ControlDelegate: AnyObject, Sendable {
    func processes() -> [ProcessRecord]

    /// Starts a program. It owns the three `streams` from here on, whatever happens. Returns when the exec has succeeded or failed.
    func start(_ request: ExecRequest, streams: [Int32]) throws(ControlFailure) -> Int32

    func signal(_ target: SignalTarget, _ signal: Int32) throws(ControlFailure)

    func statistics() -> String

    /// Returns the wait status of a process that ``start(_:streams:)`` started, once it has ended.
    func wait(pid: Int32) throws(ControlFailure) -> Int32
}

/// Serves control connections.
public final class ControlServer: @unchecked Sendable {
    private let listener: Int32
    private let delegate: any ControlDelegate
    private let lock = FutexLock()
    private var connectionCount = 0

    public init(listener: Int32, delegate: any ControlDelegate) {
        self.listener = listener
        self.delegate = delegate
    }

    /// Starts the accepting thread.
    public func start() {
        HostThread.start("control") { [self] in
            while true { accept() }
        }
    }

    private func accept() {
        // SOCK_CLOEXEC.
        let result = rawHostCall(HostSyscall.accept4, Int(listener), 0, 0, 0o2000000)
        if result < 0 {
            // Out of descriptors, or a peer that is gone already: not a reason to spin.
            var pause: (Int, Int) = (0, 10_000_000)
            withUnsafeMutablePointer(to: &pause) { _ = rawHostCall(HostSyscall.nanosleep, Int(bitPattern: $0)) }
            return
        }
        let socket = HostFD(owning: Int32(truncatingIfNeeded: result))
        lock.lock()
        let isFull = connectionCount >= ControlLimits.connections
        if !isFull { connectionCount += 1 }
        lock.unlock()
        if isFull { return }
        let connection = SharedHostFD(socket)
        HostThread.start("connection") { [self] in
            serve(connection.rawValue)
            lock.lock()
            connectionCount -= 1
            lock.unlock()
        }
    }

    /// Serves one connection until its client closes it.
    public func serve(_ socket: Int32) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ControlLimits.message, alignment: 16)
        defer { buffer.deallocate() }
        var streams: [Int32] = [-1, -1, -1]
        defer { for stream in streams where stream >= 0 { _ = rawHostCall(HostSyscall.close, Int(stream)) } }
        while true {
            guard let received = try? HostSocket.receive(socket, into: buffer, acceptsDescriptor: true), received.count > 0 else { return }
            guard !received.isTruncated, let request = try? ControlRequest(decoding: Array(buffer[..<received.count])) else {
                if received.descriptor >= 0 { _ = rawHostCall(HostSyscall.close, Int(received.descriptor)) }
                return
            }
            if case .stream(let number) = request {
                guard number < 3, received.descriptor >= 0, streams[Int(number)] < 0 else {
                    if received.descriptor >= 0 { _ = rawHostCall(HostSyscall.close, Int(received.descriptor)) }
                    return
                }
                streams[Int(number)] = received.descriptor
                continue
            }
            if received.descriptor >= 0 { _ = rawHostCall(HostSyscall.close, Int(received.descriptor)) }
            var donated: [Int32] = []
            if case .exec = request {
                donated = streams
                streams = [-1, -1, -1]
            }
            let reply = answer(request, streams: donated)
            guard (try? HostSocket.send(socket, reply.encoded())) != nil else { return }
        }
    }

    private func answer(_ request: ControlRequest, streams: [Int32]) -> ControlReply {
        do throws(ControlFailure) {
            switch request {
            case .processes: return .processes(bounded(delegate.processes()))
            case .stream: return .done
            case .exec(let exec):
                guard !streams.contains(-1) else {
                    for stream in streams where stream >= 0 { _ = rawHostCall(HostSyscall.close, Int(stream)) }
                    throw ControlFailure(errno: 9, text: "exec without its three descriptors")
                }
                return .started(pid: try delegate.start(exec, streams: streams))
            case .kill(let target, let signal):
                try delegate.signal(target, signal)
                return .done
            case .statistics: return .text(delegate.statistics())
            case .wait(let pid): return .exited(waitStatus: try delegate.wait(pid: pid))
            }
        } catch {
            return .failed(errno: error.errno, text: error.text)
        }
    }

    /// As many processes as one message holds, with their command lines cut.
    private func bounded(_ records: [ProcessRecord]) -> [ProcessRecord] {
        var room = ControlLimits.message - 64
        var result: [ProcessRecord] = []
        for var record in records {
            var size = 32
            var arguments: [[UInt8]] = []
            for argument in record.arguments.prefix(32) where size < 512 {
                arguments.append(Array(argument.prefix(256)))
                size += 4 + min(256, argument.count)
            }
            record.arguments = arguments
            room -= size
            if room < 0 { break }
            result.append(record)
        }
        return result
    }
}
