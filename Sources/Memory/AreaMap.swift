/// The areas of an address space, sorted and disjoint. Neighbours that are alike are merged, as Linux does.
///
/// A sorted array cut into chunks: with 65,530 areas (the host's own limit) a search is two binary searches, a change moves one chunk,
/// the search for a gap skips chunks whose gaps are too narrow, and a forked copy shares every chunk until it changes.
public struct AreaMap {
    /// Some neighbouring areas; never empty.
    struct Chunk {
        static let limit = 128

        var areas: [MemoryArea] { didSet { summarize() } }
        private(set) var end: UInt64 = 0
        /// The widest gap between two areas of the chunk.
        private(set) var widestGap: UInt64 = 0

        init(_ areas: [MemoryArea]) {
            self.areas = areas
            summarize()
        }

        private mutating func summarize() {
            end = areas.last?.end ?? 0
            var previous = areas.first?.end ?? 0
            var widest: UInt64 = 0
            for area in areas.dropFirst() {
                widest = max(widest, area.start - previous)
                previous = area.end
            }
            widestGap = widest
        }
    }

    /// Where an area is; (`chunks.count`, 0) is behind the last.
    struct Position: Equatable {
        var chunk: Int
        var offset: Int
    }

    private(set) var chunks: [Chunk] = []
    public private(set) var count = 0
    /// Sum of the areas' lengths, bytes.
    public private(set) var totalLength: UInt64 = 0
    /// Of what RLIMIT_DATA counts.
    public private(set) var dataLength: UInt64 = 0
    /// Of what mlock(2) has locked.
    public private(set) var lockedLength: UInt64 = 0

    public init() {}

    /// All areas, by address.
    public var areas: [MemoryArea] {
        var all: [MemoryArea] = []
        all.reserveCapacity(count)
        for chunk in chunks { all.append(contentsOf: chunk.areas) }
        return all
    }

    // MARK: Looking

    /// The area that holds `address`.
    public func area(at address: UInt64) -> MemoryArea? {
        guard let area = self[first(endingAbove: address)], area.start <= address else { return nil }
        return area
    }

    /// The areas that overlap a range, whole.
    public func overlapping(_ start: UInt64, _ end: UInt64) -> [MemoryArea] {
        var found: [MemoryArea] = []
        var position = first(endingAbove: start)
        while let area = self[position], area.start < end {
            found.append(area)
            position = next(position)
        }
        return found
    }

    /// Whether no page of the range lies in an area.
    public func isFree(_ start: UInt64, _ end: UInt64) -> Bool {
        guard let area = self[first(endingAbove: start)] else { return true }
        return area.start >= end
    }

    /// Whether every page of the range lies in some area.
    public func covers(_ start: UInt64, _ end: UInt64) -> Bool { coveredEnd(start, end) >= end }

    /// Where the first hole of a range begins; `end` or more if there is none.
    public func coveredEnd(_ start: UInt64, _ end: UInt64) -> UInt64 {
        var covered = start
        var position = first(endingAbove: start)
        while covered < end, let area = self[position], area.start <= covered {
            covered = area.end
            position = next(position)
        }
        return covered
    }

    /// The highest free gap of `length` below `top` and at or above `bottom`, or nil.
    ///
    /// - Parameter guardLength: what stays free below an area that grows down.
    func highestGap(_ length: UInt64, below top: UInt64, above bottom: UInt64, guardLength: UInt64 = 0) -> UInt64? {
        func ceiling(_ area: MemoryArea) -> UInt64 {
            area.growsDown ? (area.start > guardLength ? area.start - guardLength : 0) : area.start
        }
        var position = first(endingAbove: top)
        var end = top
        if let area = self[position] { end = min(end, ceiling(area)) }
        while end >= bottom, end - bottom >= length {
            guard let below = previous(position), let area = self[below] else { return end - length }
            let floor = max(area.end, bottom)
            if end > floor, end - floor >= length { return end - length }
            let chunk = chunks[below.chunk]
            if below.offset == chunk.areas.count - 1, chunk.widestGap < length {
                position = Position(chunk: below.chunk, offset: 0)
                end = ceiling(chunk.areas[0])
            } else {
                position = below
                end = ceiling(area)
            }
        }
        return nil
    }

    // MARK: Changing

    /// Takes a range out; what was there, cut to it.
    @discardableResult
    public mutating func remove(_ start: UInt64, _ end: UInt64) -> [MemoryArea] {
        let from = first(endingAbove: start)
        var to = from
        var removed: [MemoryArea] = []
        var rest: [MemoryArea] = []
        while let area = self[to], area.start < end {
            removed.append(area.cut(max(area.start, start), min(area.end, end)))
            if area.start < start { rest.append(area.cut(area.start, start)) }
            if area.end > end { rest.append(area.cut(end, area.end)) }
            to = next(to)
        }
        if !removed.isEmpty { replace(from, to, with: rest) }
        return removed
    }

    /// Puts an area where nothing is, merging it with its neighbours.
    public mutating func insert(_ area: MemoryArea) {
        var area = area
        var from = first(endingAbove: area.start)
        var to = from
        if let above = self[from] {
            precondition(above.start >= area.end, "areas overlap")
            if area.continues(with: above) {
                area.end = above.end
                to = next(from)
            }
        }
        if let place = previous(from), let below = self[place], below.continues(with: area) {
            area.start = below.start
            area.offset = below.offset
            from = place
        }
        replace(from, to, with: [area])
    }

    /// How many areas there would be if a range were taken out and `added` put in its place, not merged.
    func count(replacing start: UInt64, _ end: UInt64, added: Int) -> Int {
        var result = count + added
        var position = first(endingAbove: start)
        while let area = self[position], area.start < end {
            result -= 1
            if area.start < start { result += 1 }
            if area.end > end { result += 1 }
            position = next(position)
        }
        return result
    }

    /// Changes every area of a range, splitting those that reach beyond it.
    mutating func update(_ start: UInt64, _ end: UInt64, _ change: (inout MemoryArea) -> Void) {
        for var area in remove(start, end) {
            change(&area)
            insert(area)
        }
    }

    // MARK: Positions

    subscript(position: Position) -> MemoryArea? {
        position.chunk < chunks.count ? chunks[position.chunk].areas[position.offset] : nil
    }

    /// The first area that ends above `address`.
    func first(endingAbove address: UInt64) -> Position {
        var low = 0
        var high = chunks.count
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].end > address { high = middle } else { low = middle + 1 }
        }
        if low == chunks.count { return Position(chunk: low, offset: 0) }
        let areas = chunks[low].areas
        var first = 0
        var last = areas.count
        while first < last {
            let middle = (first + last) / 2
            if areas[middle].end > address { last = middle } else { first = middle + 1 }
        }
        return Position(chunk: low, offset: first)
    }

    private func next(_ position: Position) -> Position {
        position.offset + 1 < chunks[position.chunk].areas.count
            ? Position(chunk: position.chunk, offset: position.offset + 1) : Position(chunk: position.chunk + 1, offset: 0)
    }

    private func previous(_ position: Position) -> Position? {
        if position.offset > 0 { return Position(chunk: position.chunk, offset: position.offset - 1) }
        if position.chunk > 0 { return Position(chunk: position.chunk - 1, offset: chunks[position.chunk - 1].areas.count - 1) }
        return nil
    }

    /// The one place that changes the chunks: puts `new` in place of the areas from `from` up to `to`.
    private mutating func replace(_ from: Position, _ to: Position, with new: [MemoryArea]) {
        var position = from
        while position != to, let area = self[position] {
            account(area, isAdded: false)
            position = next(position)
        }
        for area in new { account(area, isAdded: true) }

        // The chunks touched, [from.chunk, last], become one list, which is then cut again.
        if chunks.isEmpty {
            if !new.isEmpty { chunks.append(Chunk(new)) }
            return
        }
        var from = from
        if from.chunk == chunks.count { from = Position(chunk: chunks.count - 1, offset: chunks[chunks.count - 1].areas.count) }
        var to = to
        if to.offset == 0 && to.chunk > from.chunk { to = Position(chunk: to.chunk - 1, offset: chunks[to.chunk - 1].areas.count) }
        if from.chunk == to.chunk, chunks[from.chunk].areas.count + new.count <= Chunk.limit {
            chunks[from.chunk].areas.replaceSubrange(from.offset..<to.offset, with: new)
            if chunks[from.chunk].areas.isEmpty { chunks.remove(at: from.chunk) } else { joinIfSmall(from.chunk) }
            return
        }
        let merged = chunks[from.chunk].areas[..<from.offset] + new + chunks[to.chunk].areas[to.offset...]
        var pieces: [Chunk] = []
        let pieceCount = (merged.count + Chunk.limit - 1) / Chunk.limit
        for index in 0..<pieceCount {
            let low = merged.count * index / pieceCount
            let high = merged.count * (index + 1) / pieceCount
            pieces.append(Chunk(Array(merged[(merged.startIndex + low)..<(merged.startIndex + high)])))
        }
        chunks.replaceSubrange(from.chunk...to.chunk, with: pieces)
        if pieces.count == 1 { joinIfSmall(from.chunk) }
    }

    /// Joins a chunk that has become small with the one behind it, so that there are never many small ones.
    private mutating func joinIfSmall(_ index: Int) {
        guard index + 1 < chunks.count, chunks[index].areas.count + chunks[index + 1].areas.count <= Chunk.limit / 2 else { return }
        chunks[index].areas += chunks[index + 1].areas
        chunks.remove(at: index + 1)
    }

    private mutating func account(_ area: MemoryArea, isAdded: Bool) {
        let data = area.isData ? area.length : 0
        let locked = area.advice.isLocked ? area.length : 0
        if isAdded {
            count += 1
            totalLength += area.length
            dataLength += data
            lockedLength += locked
        } else {
            count -= 1
            totalLength -= area.length
            dataLength -= data
            lockedLength -= locked
        }
    }
}
