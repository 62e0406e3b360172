import LinuxABI
import Primitives
import VFS

/// All state of one sandbox. One lock guards it and everything below (docs/architecture.md, "The kernel lock").
public final class Kernel {
    /// Every live process and zombie by pid.
    public internal(set) var processes: [Int32: ThreadGroup] = [:]
    /// Every live thread by tid.
    public internal(set) var tasks: [Int32: Task] = [:]
    public var hostName: [UInt8] = Array("sandbox".utf8)
    public var domainName: [UInt8] = Array("(none)".utf8)

    /// Where notes for the operator go; one line each.
    public var log: (String) -> Void = { _ in }
    public internal(set) var missingSyscalls = MissingSyscalls()

    public init() {}
}
