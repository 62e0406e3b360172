/// A bounded queue of bytes in memory of its own, which grows with what it holds.
///
/// Bytes go in and out by contiguous pieces, so that the caller copies straight to and from where they come from:
/// fill ``free(upTo:)`` and ``commit(_:)``; empty ``filled`` and ``consume(_:)``.
public struct RingBuffer: ~Copyable {
    private var storage: UnsafeMutableRawBufferPointer
    private var head = 0
    public private(set) var count = 0

    public init() {
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit { storage.deallocate() }

    public var isEmpty: Bool { count == 0 }

    /// Makes sure that `additional` bytes fit beside those it holds.
    public mutating func reserve(_ additional: Int) {
        let needed = count + additional
        guard needed > storage.count else { return }
        var size = max(4096, storage.count)
        while size < needed { size *= 2 }
        reallocate(size)
    }

    /// Gives memory back that an empty buffer does not need.
    public mutating func trim() {
        guard count == 0, storage.count > 4096 else { return }
        storage.deallocate()
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        head = 0
    }

    /// The next contiguous free piece, at most `limit` bytes; empty only if ``reserve(_:)`` was not asked for room. Valid until the next change.
    public func free(upTo limit: Int) -> UnsafeMutableRawBufferPointer {
        let tail = head + count
        let start = tail < storage.count ? tail : tail - storage.count
        let end = tail < storage.count ? storage.count : head
        return UnsafeMutableRawBufferPointer(rebasing: storage[start..<min(end, start + limit)])
    }

    /// Takes over `byteCount` bytes that were put into ``free(upTo:)``.
    public mutating func commit(_ byteCount: Int) {
        precondition(byteCount >= 0 && count + byteCount <= storage.count, "commit of bytes that were not reserved")
        count += byteCount
    }

    /// The oldest bytes, as far as they are contiguous. Valid until the next change.
    public var filled: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: storage[head..<min(storage.count, head + count)])
    }

    /// Drops the oldest `byteCount` bytes.
    public mutating func consume(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "consume of bytes that are not there")
        count -= byteCount
        head = count == 0 ? 0 : head + byteCount
        if head >= storage.count { head -= storage.count }
    }

    private mutating func reallocate(_ size: Int) {
        let fresh = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        let first = filled
        fresh.copyMemory(from: first)
        if first.count < count {
            UnsafeMutableRawBufferPointer(rebasing: fresh[first.count...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: storage[..<(count - first.count)]))
        }
        storage.deallocate()
        storage = fresh
        head = 0
    }
}
