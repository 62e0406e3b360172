// What `sandbox run` is asked for.
import Control

/// The options of `sandbox run`, checked as far as text goes.
public struct RunOptions: Sendable {
    public struct Bind: Equatable, Sendable {
        public var source: [UInt8]
        public var target: [UInt8]
        public var isWritable: Bool
        /// Whether the host directory may change meanwhile (the default), or is cached for ever.
        public var isShared: Bool

        public init(source: [UInt8], target: [UInt8], isWritable: Bool, isShared: Bool = true) {
            self.source = source
            self.target = target
            self.isWritable = isWritable
            self.isShared = isShared
        }
    }

    public struct MemoryMount: Equatable, Sendable {
        public var target: [UInt8]
        /// Bytes; 0: the default.
        public var size: UInt64

        public init(target: [UInt8], size: UInt64) {
            self.target = target
            self.size = size
        }
    }

    /// Never empty.
    public var command: [[UInt8]]
    public var name: String?
    /// A directory that becomes the root, under an in-memory layer; nil: the machine's system directories.
    public var rootDirectory: [UInt8]?
    public var binds: [Bind] = []
    public var memoryMounts: [MemoryMount] = []
    /// Host directories that keep their path and take writes.
    public var writableDirectories: [[UInt8]] = []
    public var workingDirectory: [UInt8]?
    /// `NAME=VALUE`, or `NAME` for the caller's value.
    public var environment: [[UInt8]] = []
    public var user: UInt32?
    public var group: UInt32?
    public var hostName = Array("sandbox".utf8)
    public var timeoutSeconds: Double?
    public var platform = PlatformChoice.automatic
    /// nil: no traces; empty: to standard error; else the file.
    public var traceFile: [UInt8]?
    public var reportsStatistics = false
    public var logFile: [UInt8]?

    public init(command: [[UInt8]]) { self.command = command }
}

extension RunOptions.Bind {
    /// Parses `SRC:DST[:ro|rw][:shared|exclusive]`. Without DST the source keeps its path; binds are read-only unless `rw` is said.
    public init?(_ text: [UInt8]) {
        var parts = text.split(separator: 0x3a, omittingEmptySubsequences: false).map { Array($0) }
        guard let source = parts.first, !source.isEmpty else { return nil }
        parts.removeFirst()
        let target: [UInt8]
        if let first = parts.first, first.first == 0x2f {
            target = first
            parts.removeFirst()
        } else {
            guard source.first == 0x2f else { return nil }
            target = source
        }
        self.init(source: source, target: GuestPath.normalized(target), isWritable: false)
        for part in parts {
            switch String(decoding: part, as: UTF8.self) {
            case "ro": isWritable = false
            case "rw": isWritable = true
            case "shared": isShared = true
            case "exclusive": isShared = false
            default: return nil
            }
        }
    }
}

extension RunOptions.MemoryMount {
    /// Parses `DST[:size=N[k|m|g]]`.
    public init?(_ text: [UInt8]) {
        let parts = text.split(separator: 0x3a, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
        guard let target = parts.first, target.first == 0x2f else { return nil }
        var size: UInt64 = 0
        if parts.count == 2 {
            let option = String(decoding: parts[1], as: UTF8.self)
            guard option.hasPrefix("size="), let bytes = ByteSize.parse(option.dropFirst(5)) else { return nil }
            size = bytes
        }
        self.init(target: GuestPath.normalized(target), size: size)
    }
}

/// Sizes as people write them.
enum ByteSize {
    /// A positive number with k, m, g or t (of 1,024) behind it, or none.
    static func parse(_ text: some StringProtocol) -> UInt64? {
        guard let last = text.last else { return nil }
        let shifts: [Character: UInt64] = ["k": 10, "m": 20, "g": 30, "t": 40]
        let shift = Character(last.lowercased()).isLetter ? shifts[Character(last.lowercased())] : 0
        guard let shift else { return nil }
        let digits = shift == 0 ? text[...] : text.dropLast()
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = UInt64(digits), number > 0 else { return nil }
        let (size, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : size
    }
}

/// Which user: `UID[:GID]`.
public enum UserOption {
    public static func parse(_ text: String) -> (user: UInt32, group: UInt32?)? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let user = UInt32(parts[0]), user != .max else { return nil }
        switch parts.count {
        case 1: return (user, nil)
        case 2:
            guard let group = UInt32(parts[1]), group != .max else { return nil }
            return (user, group)
        default: return nil
        }
    }
}
