/// `struct timespec`: seconds and nanoseconds, 16 bytes.
public struct Timespec: BitwiseCopyable, Equatable, Sendable {
    public var seconds: Int64
    public var nanoseconds: Int64

    @inlinable
    public init(seconds: Int64, nanoseconds: Int64) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// From a count of nanoseconds.
    @inlinable
    public init(nanoseconds total: UInt64) {
        self.init(seconds: Int64(total / 1_000_000_000), nanoseconds: Int64(total % 1_000_000_000))
    }

    /// Whether Linux accepts it: `EINVAL` otherwise.
    @inlinable public var isValid: Bool { seconds >= 0 && nanoseconds >= 0 && nanoseconds < 1_000_000_000 }

    /// The whole as nanoseconds, saturating; only for valid values.
    @inlinable public var totalNanoseconds: UInt64 {
        let (product, overflow) = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return .max }
        let (sum, carry) = product.addingReportingOverflow(UInt64(clamping: nanoseconds))
        return carry ? .max : sum
    }
}
