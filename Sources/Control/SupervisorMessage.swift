// What the supervisor and its sentry tell each other. The supervisor treats the sentry as hostile.
import Primitives

/// From the supervisor to its sentry.
public enum SupervisorRequest: Equatable, Sendable {
    /// A signal that the caller's terminal or a person sent: SIGINT, SIGQUIT, SIGTSTP and SIGWINCH are for the terminal's foreground
    /// group, the others for the first process. It comes from outside: a first process that has no handler dies of it.
    case signal(Int32)
    /// Kill all, send the report, exit.
    case end
}

/// From the sentry to its supervisor.
public enum SentryReport: Equatable, Sendable {
    /// The first process runs.
    case started
    /// The first process could not be started: the errno of its exec, and a text if there is more to say.
    case startFailed(errno: Int32, text: String)
    /// The first process has ended, with this wait status. The sentry exits next.
    case exited(waitStatus: Int32)
    /// The first process was stopped by this signal.
    case stopped(signal: Int32)
    /// A text for the person: statistics.
    case text(String)
    /// The sentry cannot go on, and why: the host lacks something, a configuration makes no sense.
    case failed(String)
}

extension SupervisorRequest {
    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        switch self {
        case .signal(let number):
            writer.put(UInt8(1))
            writer.put(number)
        case .end: writer.put(UInt8(2))
        }
        return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        switch try reader.get(UInt8.self) {
        case 1: self = .signal(try reader.get())
        case 2: self = .end
        default: throw WireError()
        }
        guard reader.remaining == 0 else { throw WireError() }
    }
}

extension SentryReport {
    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        switch self {
        case .started: writer.put(UInt8(1))
        case .startFailed(let errno, let text):
            writer.put(UInt8(2))
            writer.put(errno)
            writer.put(text.bounded())
        case .exited(let status):
            writer.put(UInt8(3))
            writer.put(status)
        case .stopped(let signal):
            writer.put(UInt8(4))
            writer.put(signal)
        case .text(let text):
            writer.put(UInt8(5))
            writer.put(text.bounded())
        case .failed(let text):
            writer.put(UInt8(6))
            writer.put(text.bounded())
        }
        return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        switch try reader.get(UInt8.self) {
        case 1: self = .started
        case 2: self = .startFailed(errno: try reader.get(), text: try reader.getString())
        case 3: self = .exited(waitStatus: try reader.get())
        case 4: self = .stopped(signal: try reader.get())
        case 5: self = .text(try reader.getString())
        case 6: self = .failed(try reader.getString())
        default: throw WireError()
        }
        guard reader.remaining == 0 else { throw WireError() }
    }
}

extension String {
    /// Cut to what a message can hold.
    fileprivate func bounded() -> String {
        utf8.count <= ControlLimits.message / 2 ? self : String(decoding: utf8.prefix(ControlLimits.message / 2), as: UTF8.self)
    }
}
