import HostSyscalls
import LinuxABI

/// One host system call that a guest thread's stub is told to make on its own address space (design, section 5: "orders").
///
/// The platform compares number and every argument with this copy, in the sentry's own memory, when the stub makes the call.
public struct HostOrder: Sendable {
    public var number: UInt64
    public var arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    /// For `mmap` of a file: the descriptor, put in place for this one call; the platform fills in the fifth argument and closes it after.
    public var file: SharedHostFD?

    public init(
        _ number: UInt64, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0, _ e: UInt64 = 0, _ f: UInt64 = 0,
        file: SharedHostFD? = nil
    ) {
        self.number = number
        arguments = (a, b, c, d, e, f)
        self.file = file
    }

    /// Maps at exactly `address`: `flags` are mmap(2)'s; MAP_FIXED is added.
    public static func map(
        _ address: UInt64, length: UInt64, protection: UInt64, flags: UInt64, file: SharedHostFD? = nil, offset: UInt64 = 0
    ) -> HostOrder {
        HostOrder(9, address, length, protection, flags | 0x10, file == nil ? UInt64.max : 0, offset, file: file)
    }

    public static func unmap(_ address: UInt64, length: UInt64) -> HostOrder { HostOrder(11, address, length) }

    public static func protect(_ address: UInt64, length: UInt64, protection: UInt64) -> HostOrder {
        HostOrder(10, address, length, protection)
    }

    public static func advise(_ address: UInt64, length: UInt64, advice: UInt64) -> HostOrder { HostOrder(28, address, length, advice) }

    /// mremap(2); `flags` with MREMAP_FIXED give `newAddress`.
    public static func remap(_ address: UInt64, oldLength: UInt64, newLength: UInt64, flags: UInt64, newAddress: UInt64) -> HostOrder {
        HostOrder(25, address, oldLength, newLength, flags, newAddress)
    }
}

extension HostOrder {
    public static func setTIDAddress(_ address: UInt64) -> HostOrder { HostOrder(218, address) }

    public static func archPrctl(_ code: UInt64, _ address: UInt64) -> HostOrder { HostOrder(158, code, address) }

    public static func rseq(_ area: UInt64, _ length: UInt64, _ flags: UInt64, _ signature: UInt64) -> HostOrder {
        HostOrder(334, area, length, flags, signature)
    }
}
