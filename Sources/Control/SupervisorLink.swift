// The sentry's end of its socket to the supervisor.
import HostSyscalls
import Primitives

/// Reports to the supervisor, and hears its requests. Reports may be sent from any thread.
public final class SupervisorLink: Sendable {
    private let socket: Int32

    /// `socket` stays open for the sentry's whole life.
    public init(socket: Int32) { self.socket = socket }

    /// Never waits, never fails: a supervisor that is gone takes this process with it.
    public func report(_ report: SentryReport) { try? HostSocket.send(socket, report.encoded(), waits: false) }

    /// Hears requests for ever on the calling thread; ends the process when the supervisor is gone.
    public func serveForever(_ handle: (SupervisorRequest) -> Void) -> Never {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
        while true {
            guard let count = try? HostSocket.receive(socket, into: buffer, acceptsDescriptor: false).count, count > 0 else {
                while true { _ = rawHostCall(HostSyscall.exit_group, 1) }
            }
            if let request = try? SupervisorRequest(decoding: Array(buffer[..<count])) { handle(request) }
        }
    }
}
