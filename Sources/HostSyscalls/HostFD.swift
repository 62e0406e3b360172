import LinuxABI

/// A host file descriptor that this value owns and closes.
public struct HostFD: ~Copyable, Sendable {
    /// The number; borrowed, valid while the value lives.
    public let rawValue: Int32

    /// Takes ownership of `rawValue`.
    public init(owning rawValue: Int32) {
        precondition(rawValue >= 0, "not a descriptor")
        self.rawValue = rawValue
    }

    deinit {
        _ = rawHostCall(HostSyscall.close, Int(rawValue))
    }

    /// Gives up ownership: the caller closes the number.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    /// A second descriptor of the same open file description, close-on-exec.
    public borrowing func duplicate() throws(HostErrno) -> HostFD {
        HostFD(owning: Int32(try hostCall(HostSyscall.fcntl, Int(rawValue), 1030, 0)))
    }
}

/// A host descriptor with shared ownership, closed when the last owner goes.
public final class SharedHostFD: Sendable {
    public let fd: HostFD

    public init(_ fd: consuming HostFD) { self.fd = fd }

    /// The number; valid while this object lives.
    public var rawValue: Int32 { fd.rawValue }

    /// Calls `body` with the number and keeps the descriptor open until it returns: the way for a temporary value.
    public func use<T>(_ body: (Int32) throws(Errno) -> T) throws(Errno) -> T {
        defer { withExtendedLifetime(self) {} }
        return try body(rawValue)
    }
}
