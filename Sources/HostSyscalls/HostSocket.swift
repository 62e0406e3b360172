// Unix socket messages that carry descriptors: what the sentry and its gofers talk through.
internal import CHost

/// Whole messages over a `SOCK_SEQPACKET` socket.
public enum HostSocket {
    /// Two connected `SOCK_SEQPACKET` unix sockets, close-on-exec; the caller owns both numbers.
    public static func makePair() throws(HostErrno) -> (Int32, Int32) {
        var pair: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &pair) { pointer in
            // AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC.
            rawHostCall(HostSyscall.socketpair, 1, 5 | 0o2000000, 0, Int(bitPattern: pointer))
        }
        guard result >= 0 else { throw HostErrno(Int32(-result)) }
        return pair
    }

    /// Sends one message; `descriptor` (not negative) goes with it.
    ///
    /// - Throws: `EPIPE` or `ECONNRESET` when the peer is gone; `EAGAIN` if it would wait and `waits` is false. Unlike ``hostCall``
    ///   nothing traps: the peer is not trusted.
    public static func send(
        _ socket: Int32, _ bytes: UnsafeRawBufferPointer, descriptor: Int32 = -1, waits: Bool = true
    ) throws(HostErrno) {
        while true {
            let result = chost_send_message(socket, bytes.baseAddress, bytes.count, descriptor, waits ? 0 : 0x40)
            if result >= 0 { return }
            if result != -4 { throw HostErrno(Int32(-result)) }
        }
    }

    /// Sends one message; `descriptor` (not negative) goes with it.
    public static func send(_ socket: Int32, _ bytes: [UInt8], descriptor: Int32 = -1, waits: Bool = true) throws(HostErrno) {
        let result: Result<Void, HostErrno> = bytes.withUnsafeBytes { buffer in
            do throws(HostErrno) { return .success(try send(socket, buffer, descriptor: descriptor, waits: waits)) } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// What ``receive(_:into:acceptsDescriptor:)`` got.
    public struct Received: ~Copyable {
        /// Bytes of the message; 0 when the peer is gone.
        public let count: Int
        /// Whether the message was longer than the buffer.
        public let isTruncated: Bool
        /// The descriptor's number or -1; the receiver owns it.
        public let descriptor: Int32
    }

    /// Receives one message. Descriptors are dropped by the host unless `acceptsDescriptor`.
    public static func receive(
        _ socket: Int32, into buffer: UnsafeMutableRawBufferPointer, acceptsDescriptor: Bool
    ) throws(HostErrno) -> Received {
        while true {
            var descriptor: Int32 = -1
            var flags: Int32 = 0
            let result =
                acceptsDescriptor
                ? chost_receive_message(socket, buffer.baseAddress, buffer.count, &descriptor, &flags)
                : chost_receive_message(socket, buffer.baseAddress, buffer.count, nil, &flags)
            if result >= 0 { return Received(count: result, isTruncated: flags & 0x20 != 0, descriptor: descriptor) }
            if result != -4 { throw HostErrno(Int32(-result)) }
        }
    }
}
