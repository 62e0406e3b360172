// What `sandbox ps`, `exec` and `kill` say to a running sentry, and what it answers. Neither side trusts the other.
import Primitives

/// Whom a kill is for.
public enum SignalTarget: Equatable, Sendable {
    /// The sandbox's first process.
    case first
    /// Every process.
    case all
    /// One process by the id that it has inside.
    case process(Int32)
}

/// A program to start in a running sandbox. What is nil is as for its first process.
public struct ExecRequest: Equatable, Sendable {
    public var arguments: [[UInt8]]
    /// Added to the first process's environment, which the sentry keeps.
    public var environment: [[UInt8]]
    public var workingDirectory: [UInt8]?
    public var user: UInt32?
    public var group: UInt32?

    public init(
        arguments: [[UInt8]], environment: [[UInt8]] = [], workingDirectory: [UInt8]? = nil, user: UInt32? = nil, group: UInt32? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.user = user
        self.group = group
    }
}

/// One process of a sandbox.
public struct ProcessRecord: Equatable, Sendable {
    public var pid: Int32
    public var parent: Int32
    public var uid: UInt32
    /// As in /proc/PID/stat: R, S, T, Z.
    public var state: UInt8
    public var threadCount: UInt32
    public var arguments: [[UInt8]]

    public init(pid: Int32, parent: Int32, uid: UInt32, state: UInt8, threadCount: UInt32, arguments: [[UInt8]]) {
        self.pid = pid
        self.parent = parent
        self.uid = uid
        self.state = state
        self.threadCount = threadCount
        self.arguments = arguments
    }
}

/// A request: one message. `exec` follows three ``stream`` messages, each with a descriptor.
public enum ControlRequest: Equatable, Sendable {
    case processes
    /// Descriptor 0, 1 or 2 of the next `exec`: comes with the message.
    case stream(UInt8)
    case exec(ExecRequest)
    case kill(SignalTarget, signal: Int32)
    case statistics
    /// Answered when the process ends.
    case wait(pid: Int32)
}

/// An answer: one message. `stream` has none.
public enum ControlReply: Equatable, Sendable {
    case done
    case failed(errno: Int32, text: String)
    case processes([ProcessRecord])
    case started(pid: Int32)
    case exited(waitStatus: Int32)
    case text(String)
}

extension ControlRequest {
    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.put(ControlLimits.version)
        switch self {
        case .processes: writer.put(UInt8(1))
        case .stream(let number):
            writer.put(UInt8(2))
            writer.put(number)
        case .exec(let request):
            writer.put(UInt8(3))
            writer.putList(request.arguments) { $0.put($1) }
            writer.putList(request.environment) { $0.put($1) }
            writer.putOptional(request.workingDirectory) { $0.put($1) }
            writer.putOptional(request.user) { $0.put($1) }
            writer.putOptional(request.group) { $0.put($1) }
        case .kill(let target, let signal):
            writer.put(UInt8(4))
            switch target {
            case .first: writer.put(UInt8(0))
            case .all: writer.put(UInt8(1))
            case .process(let pid):
                writer.put(UInt8(2))
                writer.put(pid)
            }
            writer.put(signal)
        case .statistics: writer.put(UInt8(5))
        case .wait(let pid):
            writer.put(UInt8(6))
            writer.put(pid)
        }
        return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        guard try reader.get(UInt32.self) == ControlLimits.version else { throw WireError() }
        switch try reader.get(UInt8.self) {
        case 1: self = .processes
        case 2: self = .stream(try reader.get())
        case 3:
            let arguments = try reader.getByteStrings()
            guard !arguments.isEmpty else { throw WireError() }
            let environment = try reader.getByteStrings()
            let directory = try reader.getFlag() ? try reader.getBytes() : nil
            let user = try reader.getFlag() ? try reader.get(UInt32.self) : nil
            let group = try reader.getFlag() ? try reader.get(UInt32.self) : nil
            self = .exec(
                ExecRequest(arguments: arguments, environment: environment, workingDirectory: directory, user: user, group: group))
        case 4:
            let target: SignalTarget
            switch try reader.get(UInt8.self) {
            case 0: target = .first
            case 1: target = .all
            case 2: target = .process(try reader.get())
            default: throw WireError()
            }
            self = .kill(target, signal: try reader.get())
        case 5: self = .statistics
        case 6: self = .wait(pid: try reader.get())
        default: throw WireError()
        }
        guard reader.remaining == 0 else { throw WireError() }
    }
}

extension ControlReply {
    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.put(ControlLimits.version)
        switch self {
        case .done: writer.put(UInt8(1))
        case .failed(let errno, let text):
            writer.put(UInt8(2))
            writer.put(errno)
            writer.put(text)
        case .processes(let records):
            writer.put(UInt8(3))
            writer.putList(records) { writer, record in
                writer.put(record.pid)
                writer.put(record.parent)
                writer.put(record.uid)
                writer.put(record.state)
                writer.put(record.threadCount)
                writer.putList(record.arguments) { $0.put($1) }
            }
        case .started(let pid):
            writer.put(UInt8(4))
            writer.put(pid)
        case .exited(let status):
            writer.put(UInt8(5))
            writer.put(status)
        case .text(let text):
            writer.put(UInt8(6))
            writer.put(text)
        }
        return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        guard try reader.get(UInt32.self) == ControlLimits.version else { throw WireError() }
        switch try reader.get(UInt8.self) {
        case 1: self = .done
        case 2: self = .failed(errno: try reader.get(), text: try reader.getString())
        case 3:
            var records: [ProcessRecord] = []
            for _ in 0..<(try reader.getCount()) {
                records.append(
                    ProcessRecord(
                        pid: try reader.get(), parent: try reader.get(), uid: try reader.get(), state: try reader.get(),
                        threadCount: try reader.get(), arguments: try reader.getByteStrings()))
            }
            self = .processes(records)
        case 4: self = .started(pid: try reader.get())
        case 5: self = .exited(waitStatus: try reader.get())
        case 6: self = .text(try reader.getString())
        default: throw WireError()
        }
        guard reader.remaining == 0 else { throw WireError() }
    }
}
