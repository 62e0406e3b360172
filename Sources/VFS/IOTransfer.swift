import LinuxABI

/// Where a read delivers its bytes: guest memory (one or several ranges), or a buffer of the sentry's.
///
/// File systems write into it in order; it copies at once and never keeps the pointer.
open class IOSink {
    /// Bytes that it still takes.
    public final var remaining: Int

    public init(capacity: Int) { remaining = capacity }

    /// Copies up to ``remaining`` bytes of `bytes` out; the count copied, less than offered only when full or at a fault.
    ///
    /// - Throws: `EFAULT` if not one byte could be copied.
    open func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int { throw .EFAULT }
}

/// Where a write takes its bytes from: guest memory, or a buffer of the sentry's.
open class IOSource {
    /// Bytes that are left.
    public final var remaining: Int

    public init(count: Int) { remaining = count }

    /// Fills `buffer` with up to ``remaining`` bytes; the count copied, less than fits only at the end or at a fault.
    ///
    /// - Throws: `EFAULT` if not one byte could be copied.
    open func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int { throw .EFAULT }

    /// Takes back the last `count` bytes that were read: what the file did not take after all. A description reports as written exactly
    /// what it has taken from its source, and nothing when it throws.
    open func giveBack(_ count: Int) { preconditionFailure("giveBack must be overridden") }
}

/// An ``IOSink`` that collects into an array: reads that the sentry makes for itself.
public final class ArraySink: IOSink {
    public private(set) var bytes: [UInt8] = []

    override public func write(_ source: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let count = min(remaining, source.count)
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: source[..<count]))
        remaining -= count
        return count
    }
}

/// An ``IOSource`` over an array.
public final class ArraySource: IOSource {
    private let bytes: [UInt8]
    private var position = 0

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        super.init(count: bytes.count)
    }

    override public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let count = min(remaining, buffer.count)
        bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count])) }
        position += count
        remaining -= count
        return count
    }

    override public func giveBack(_ count: Int) {
        position -= count
        remaining += count
    }
}
