// The control socket's place in the file system: made by the supervisor, served by the sentry, used by ps, exec and kill.
import Control
import HostSyscalls
import LinuxABI

enum ControlSocket {
    /// A listening `SOCK_SEQPACKET` socket at `directory`/control.
    static func listen(in directory: String) throws(RuntimeFailure) -> HostFD {
        do throws(Errno) {
            let socket = try make()
            try withAddress(directory) { address, size throws(Errno) in try fileCall(HostSyscall.bind, Int(socket.rawValue), address, size)
            }
            try fileCall(HostSyscall.listen, Int(socket.rawValue), 16)
            return socket
        } catch { throw RuntimeFailure("control socket", error) }
    }

    static func connect(to directory: String) throws(Errno) -> HostFD {
        let socket = try make()
        try withAddress(directory) { address, size throws(Errno) in try fileCall(HostSyscall.connect, Int(socket.rawValue), address, size) }
        return socket
    }

    private static func make() throws(Errno) -> HostFD {
        // AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC
        HostFD(owning: Int32(truncatingIfNeeded: try fileCall(HostSyscall.socket, 1, 5 | 0o2000000)))
    }

    /// A path through a descriptor of the directory: `sun_path` has room for 107 bytes only, a state directory may be longer.
    private static func withAddress(_ directory: String, _ body: (Int, Int) throws(Errno) -> Int) throws(Errno) {
        // O_PATH | O_DIRECTORY
        let place = try HostPath.open(directory, flags: 0o10000000 | 0o200000)
        var address = [UInt8](repeating: 0, count: 110)
        address[0] = 1
        for (index, byte) in "/proc/self/fd/\(place.rawValue)/control".utf8.enumerated() { address[2 + index] = byte }
        let result: Result<Int, Errno> = address.withUnsafeBytes { bytes in
            do throws(Errno) { return .success(try body(Int(bitPattern: bytes.baseAddress), bytes.count)) } catch { return .failure(error) }
        }
        // Named by its number until here.
        _ = consume place
        _ = try result.get()
    }
}

/// A client's connection to a running sentry, which it does not trust.
public struct ControlClient: ~Copyable {
    private let socket: HostFD

    /// - Throws: a clear line if nobody answers.
    public init(root: StateRoot, id: String) throws(RuntimeFailure) {
        do throws(Errno) { socket = try ControlSocket.connect(to: "\(root.path)/\(id)") } catch {
            throw RuntimeFailure("sandbox \(id): no answer on its control socket", error)
        }
    }

    public var descriptor: Int32 { socket.rawValue }

    /// Sends one request, without waiting for its answer.
    public borrowing func send(_ request: ControlRequest, descriptor: Int32 = -1) throws(RuntimeFailure) {
        do throws(HostErrno) { try HostSocket.send(socket.rawValue, request.encoded(), descriptor: descriptor) } catch {
            throw RuntimeFailure("the sandbox has ended", exitStatus: RuntimeFailure.ownFailure)
        }
    }

    /// Waits for one answer.
    public borrowing func receive() throws(RuntimeFailure) -> ControlReply {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ControlLimits.message, alignment: 16)
        defer { buffer.deallocate() }
        guard let count = try? HostSocket.receive(socket.rawValue, into: buffer, acceptsDescriptor: false).count, count > 0 else {
            throw RuntimeFailure("the sandbox has ended")
        }
        guard let reply = try? ControlReply(decoding: Array(buffer[..<count])) else {
            throw RuntimeFailure("the sentry sent a message that makes no sense")
        }
        return reply
    }

    public borrowing func ask(_ request: ControlRequest) throws(RuntimeFailure) -> ControlReply {
        try send(request)
        return try receive()
    }

    /// The answer, or nil if there is none after `nanoseconds`: the sentry hangs.
    borrowing func ask(_ request: ControlRequest, nanoseconds: UInt64) throws(RuntimeFailure) -> ControlReply? {
        try send(request)
        var entries = [PollEntry(socket.rawValue)]
        PollEntry.wait(&entries, nanoseconds: nanoseconds)
        return entries[0].isReady ? try receive() : nil
    }
}
