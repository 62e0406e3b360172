import LinuxABI

/// An error of one of our own host calls. Never shown to a guest as it is: ``guestErrno`` is the explicit way over.
public struct HostErrno: Error, Equatable, Sendable {
    public let rawValue: Int32

    @inlinable
    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    public static var EINTR: HostErrno { HostErrno(4) }
    public static var EAGAIN: HostErrno { HostErrno(11) }
    public static var ENOENT: HostErrno { HostErrno(2) }
    public static var ESRCH: HostErrno { HostErrno(3) }
    public static var EFAULT: HostErrno { HostErrno(14) }
    public static var EEXIST: HostErrno { HostErrno(17) }
}

extension HostErrno {
    /// The same number as a guest error: for host calls made on the guest's behalf (a file's read, a donated descriptor).
    public var guestErrno: Errno { Errno(rawValue) }
}

extension HostErrno: CustomStringConvertible {
    public var description: String { Errno(rawValue).description }
}
