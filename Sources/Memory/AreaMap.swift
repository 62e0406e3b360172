/// The areas of an address space, sorted and disjoint. Neighbours that are alike are merged, as Linux does.
public struct AreaMap {
    /// By address. A sorted array: lookups are a binary search, and 65,530 areas (the host's own limit) move in well under a millisecond.
    public private(set) var areas: [MemoryArea] = []
    /// Sum of the areas' lengths, bytes.
    public private(set) var totalLength: UInt64 = 0

    public init() {}

    /// The index of the first area that ends above `address`.
    func firstIndex(endingAbove address: UInt64) -> Int {
        var low = 0
        var high = areas.count
        while low < high {
            let middle = (low + high) / 2
            if areas[middle].end > address { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The area that holds `address`.
    public func area(at address: UInt64) -> MemoryArea? {
        let index = firstIndex(endingAbove: address)
        return index < areas.count && areas[index].start <= address ? areas[index] : nil
    }

    /// The areas that overlap a range, whole.
    public func overlapping(_ start: UInt64, _ end: UInt64) -> ArraySlice<MemoryArea> {
        let first = firstIndex(endingAbove: start)
        var last = first
        while last < areas.count && areas[last].start < end { last += 1 }
        return areas[first..<last]
    }

    /// Whether every page of the range lies in some area.
    public func covers(_ start: UInt64, _ end: UInt64) -> Bool {
        var position = start
        for area in overlapping(start, end) {
            if area.start > position { return false }
            position = area.end
        }
        return position >= end
    }

    /// Takes a range out; what was there, cut to it.
    @discardableResult
    public mutating func remove(_ start: UInt64, _ end: UInt64) -> [MemoryArea] {
        let old = overlapping(start, end)
        guard let first = old.first, let last = old.last else { return [] }
        var removed: [MemoryArea] = []
        removed.reserveCapacity(old.count)
        for area in old { removed.append(area.cut(max(area.start, start), min(area.end, end))) }
        var rest: [MemoryArea] = []
        if first.start < start { rest.append(first.cut(first.start, start)) }
        if last.end > end { rest.append(last.cut(end, last.end)) }
        areas.replaceSubrange(old.startIndex..<old.endIndex, with: rest)
        for area in removed { totalLength -= area.length }
        return removed
    }

    /// Puts an area where nothing is, merging it with its neighbours.
    public mutating func insert(_ area: MemoryArea) {
        var area = area
        totalLength += area.length
        var index = firstIndex(endingAbove: area.start)
        precondition(index == areas.count || areas[index].start >= area.end, "areas overlap")
        if index < areas.count, area.continues(with: areas[index]) {
            area.end = areas[index].end
            areas.remove(at: index)
        }
        if index > 0, areas[index - 1].continues(with: area) {
            area.start = areas[index - 1].start
            area.offset = areas[index - 1].offset
            index -= 1
            areas[index] = area
        } else {
            areas.insert(area, at: index)
        }
    }

    /// The highest free gap of `length` below `top` and at or above `bottom`, or nil.
    func highestGap(_ length: UInt64, below top: UInt64, above bottom: UInt64) -> UInt64? {
        var end = top
        var index = firstIndex(endingAbove: top)
        // An area that straddles `top` limits it.
        if index < areas.count, areas[index].start < end { end = areas[index].start }
        while true {
            let floor = index > 0 ? areas[index - 1].end : bottom
            if end > floor, end - floor >= length, end - length >= bottom { return end - length }
            if index == 0 { return nil }
            index -= 1
            end = min(end, areas[index].start)
            if end < bottom || end - bottom < length { return nil }
        }
    }
}
