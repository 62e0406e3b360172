// Structures for the guest, field by field.
import LinuxABI

/// Builds a structure of the guest's ABI in the order of its fields; the caller places the padding.
struct GuestRecord {
    private(set) var bytes: [UInt8] = []

    mutating func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ time: Timespec) {
        append(time.seconds)
        append(time.nanoseconds)
    }

    mutating func append(bytes more: [UInt8]) { bytes += more }

    /// Zeros up to `size`.
    mutating func pad(to size: Int) {
        while bytes.count < size { bytes.append(0) }
    }
}
