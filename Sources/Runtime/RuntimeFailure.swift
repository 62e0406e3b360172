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

    /// A command that could not be started, as a shell says it; `detail` is the sentry's.
    init(starting command: [UInt8], _ error: Errno, _ detail: String) {
        // Not the command's fault: the sentry says what else was missing.
        if detail.hasPrefix("workdir ") {
            self.init(detail.printable, error)
            return
        }
        let name = text(command).printable
        let more = detail.isEmpty ? "" : " (\(detail.printable))"
        switch error {
        case .ENOENT where !name.contains("/"): self.init("\(name): command not found\(more)", exitStatus: RuntimeFailure.notFound)
        case .ENOENT, .ENOTDIR: self.init("\(name): \(error.text)\(more)", exitStatus: RuntimeFailure.notFound)
        default: self.init("\(name): \(error.text)\(more)", exitStatus: RuntimeFailure.notExecutable)
        }
    }

    /// A failure that the sentry answered a control request with.
    public init(controlError errno: Int32, _ text: String) {
        let clean = text.printable
        self.init(clean.isEmpty ? Errno(errno).text : "\(clean): \(Errno(errno).text)", exitStatus: 1)
    }
}

extension String {
    /// Fit for a terminal, whoever wrote it: no control characters but newlines and tabs.
    public var printable: String {
        String(UnicodeScalarView(unicodeScalars.map { $0.value < 0x20 && $0 != "\n" && $0 != "\t" || 0x7f..<0xa0 ~= $0.value ? "?" : $0 }))
    }
}

extension Errno {
    /// strerror(3)'s text.
    var text: String { strerror(rawValue).map { String(cString: $0) } ?? description }
}
