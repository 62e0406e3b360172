// What a person is told when a sandbox cannot be had.
import Glibc
import HostSyscalls
import LinuxABI

/// One clear line, and the exit status that goes with it.
public struct RuntimeFailure: Error, Equatable, Sendable {
    /// Our own failures, as `docker run` and `timeout` have it.
    public static let ownFailure: Int32 = 125
    public static let usage: Int32 = 2
    public static let notExecutable: Int32 = 126
    public static let notFound: Int32 = 127
    public static let timedOut: Int32 = 124

    public var message: String
    public var exitStatus: Int32

    public init(_ message: String, exitStatus: Int32 = RuntimeFailure.ownFailure) {
        self.message = message
        self.exitStatus = exitStatus
    }

    /// "`what`: No such file or directory".
    init(_ what: String, _ error: Errno, exitStatus: Int32 = RuntimeFailure.ownFailure) {
        self.init("\(what): \(error.text)", exitStatus: exitStatus)
    }
}

extension Errno {
    /// strerror(3)'s text.
    var text: String { strerror(rawValue).map { String(cString: $0) } ?? description }
}
