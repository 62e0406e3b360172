/// An address in a guest's address space, as the guest gave it: not checked, never a host pointer.
public struct UserAddress: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The address 0, with which programs say "not given".
    @inlinable public static var null: UserAddress { UserAddress(0) }

    @inlinable public var isNull: Bool { rawValue == 0 }

    @inlinable
    public static func < (left: UserAddress, right: UserAddress) -> Bool { left.rawValue < right.rawValue }

    /// The address `offset` bytes on, wrapping: the copy that follows checks it.
    @inlinable
    public static func + (address: UserAddress, offset: Int) -> UserAddress {
        UserAddress(address.rawValue &+ UInt64(bitPattern: Int64(offset)))
    }
}

/// A file descriptor number, as the guest gave it.
public struct FD: Hashable, Sendable {
    public var rawValue: Int32

    @inlinable
    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// `AT_FDCWD`: relative to the working directory.
    @inlinable public static var cwd: FD { FD(-100) }
}

/// A page's size in bytes; the only one the guest sees.
public let pageSize: UInt64 = 4096

extension UInt64 {
    /// The value rounded down to a page boundary.
    @inlinable public var pageDown: UInt64 { self & ~4095 }

    /// The value rounded up to a page boundary, or nil if that overflows.
    @inlinable public var pageUp: UInt64? {
        let (sum, overflow) = addingReportingOverflow(4095)
        return overflow ? nil : sum & ~4095
    }
}
