// What a pipe holds: a ring of pages, each partly filled.

/// A ring of at most ``limit`` pages in memory of its own (Linux's array of `pipe_buffer`).
///
/// A page takes what one write put there, and what later small writes add; it is free again when its last byte is read. So a pipe is
/// full when its pages are, however little they hold: writes of at most a page (PIPE_BUF) go in whole or not at all.
struct PipePages: ~Copyable {
    static let pageSize = 4096

    private struct Extent {
        var start = 0
        var count = 0
    }

    private(set) var limit: Int
    /// Pages that hold something.
    private(set) var count = 0
    private(set) var byteCount = 0
    private var head = 0
    private var extents: [Extent]
    /// Room for ``limit`` pages; none before the first write.
    private var memory: UnsafeMutableRawPointer?

    init(limit: Int) {
        self.limit = limit
        extents = [Extent](repeating: Extent(), count: limit)
    }

    deinit { memory?.deallocate() }

    var isEmpty: Bool { count == 0 }
    var isFull: Bool { count == limit }

    private func place(_ index: Int) -> Int {
        let place = head + index
        return place < limit ? place : place - limit
    }

    private func page(_ place: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: memory?.advanced(by: place * Self.pageSize), count: memory == nil ? 0 : Self.pageSize)
    }

    /// The bytes of the page at `index`, the oldest being 0. Valid until the next change.
    subscript(index: Int) -> UnsafeRawBufferPointer {
        precondition(index < count, "a page that holds nothing")
        let place = place(index)
        let extent = extents[place]
        return UnsafeRawBufferPointer(rebasing: page(place)[extent.start..<extent.start + extent.count])
    }

    /// The oldest page's bytes.
    var first: UnsafeRawBufferPointer { self[0] }

    /// Drops the oldest `taken` bytes, which the first page holds.
    mutating func consume(_ taken: Int) {
        precondition(count > 0 && taken <= extents[head].count, "more than the page holds")
        byteCount -= taken
        extents[head].start += taken
        extents[head].count -= taken
        if extents[head].count > 0 { return }
        count -= 1
        // An empty pipe begins again at its first page, which the cache still knows.
        head = count == 0 ? 0 : place(1)
    }

    /// Where `wanted` more bytes go in the newest page; nil if they do not all fit.
    func roomInLast(for wanted: Int) -> UnsafeMutableRawBufferPointer? {
        guard count > 0 else { return nil }
        let place = place(count - 1)
        let end = extents[place].start + extents[place].count
        guard end + wanted <= Self.pageSize else { return nil }
        return UnsafeMutableRawBufferPointer(rebasing: page(place)[end...])
    }

    /// Counts what was put into ``roomInLast(for:)``.
    mutating func extendLast(by added: Int) {
        extents[place(count - 1)].count += added
        byteCount += added
    }

    /// The next free page; only if it is not full.
    var next: UnsafeMutableRawBufferPointer {
        mutating get {
            precondition(!isFull, "no free page")
            if memory == nil { memory = .allocate(byteCount: limit * Self.pageSize, alignment: 64) }
            return page(place(count))
        }
    }

    /// Counts what was put into ``next``.
    mutating func append(_ added: Int) {
        extents[place(count)] = Extent(start: 0, count: added)
        count += 1
        byteCount += added
    }

    /// Changes the number of pages, to no fewer than are in use.
    mutating func setLimit(_ newLimit: Int) {
        precondition(newLimit >= count, "pages in use")
        var moved = [Extent](repeating: Extent(), count: newLimit)
        var fresh: UnsafeMutableRawPointer?
        if count > 0 {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: newLimit * Self.pageSize, alignment: 64)
            for index in 0..<count {
                let bytes = self[index]
                UnsafeMutableRawBufferPointer(start: memory + index * Self.pageSize, count: Self.pageSize).copyMemory(from: bytes)
                moved[index] = Extent(start: 0, count: bytes.count)
            }
            fresh = memory
        }
        memory?.deallocate()
        memory = fresh
        extents = moved
        head = 0
        limit = newLimit
    }
}
