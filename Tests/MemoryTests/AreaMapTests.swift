import LinuxABI
import Testing

@testable import Memory

/// A small fixed generator, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

/// The same map, page by page.
private struct NaiveMap {
    /// What lies at each page: 0 is a hole, else 1 + the protection.
    var pages = [UInt64](repeating: 0, count: 4096)

    var runs: Int {
        var count = 0
        var previous: UInt64 = 0
        for page in pages {
            if page != 0 && page != previous { count += 1 }
            previous = page
        }
        return count
    }

    func highestGap(_ length: Int, below top: Int) -> Int? {
        var free = 0
        for page in stride(from: top - 1, through: 0, by: -1) {
            free = pages[page] == 0 ? free + 1 : 0
            if free == length { return page }
        }
        return nil
    }
}

@Suite struct AreaMapTests {
    private func area(_ first: Int, _ last: Int, _ protection: UInt64) -> MemoryArea {
        MemoryArea(
            start: UInt64(first) * pageSize, end: UInt64(last) * pageSize, protection: Protection(rawValue: protection), isShared: false)
    }

    private func expectEqual(_ map: AreaMap, _ naive: NaiveMap) {
        let areas = map.areas
        #expect(areas.count == map.count)
        #expect(map.count == naive.runs)
        var mapped: UInt64 = 0
        var previous: UInt64 = 0
        for area in areas {
            #expect(area.start < area.end && area.start >= previous)
            previous = area.end
            mapped += area.length
            for page in area.start / pageSize..<area.end / pageSize {
                if naive.pages[Int(page)] != 1 + area.protection.rawValue { Issue.record("page \(page) differs") }
            }
        }
        #expect(mapped == map.totalLength)
        #expect(map.totalLength == UInt64(naive.pages.count { $0 != 0 }) * pageSize)
        #expect(map.dataLength == UInt64(naive.pages.count { $0 != 0 && ($0 - 1) & 2 != 0 }) * pageSize)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func agreesWithAPageByPageModel(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var map = AreaMap()
        var naive = NaiveMap()
        var widest = 0
        for step in 0..<12_000 {
            let first = Int.random(in: 0..<4095, using: &random)
            // Mostly single pages, so that there are many chunks; now and then a long range that swallows many.
            let longest = Int.random(in: 0..<400, using: &random) == 0 ? 1500 : 3
            let last = min(4096, first + Int.random(in: 1...longest, using: &random))
            let start = UInt64(first) * pageSize, end = UInt64(last) * pageSize
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<5:
                let protection = UInt64.random(in: 0..<8, using: &random)
                let removed = map.remove(start, end)
                #expect(removed.reduce(0) { $0 + Int($1.length / pageSize) } == naive.pages[first..<last].count { $0 != 0 })
                map.insert(area(first, last, protection))
                for page in first..<last { naive.pages[page] = 1 + protection }
            case 5:
                map.remove(start, end)
                for page in first..<last { naive.pages[page] = 0 }
            case 6:
                #expect(map.isFree(start, end) == naive.pages[first..<last].allSatisfy { $0 == 0 })
                #expect(map.covers(start, end) == naive.pages[first..<last].allSatisfy { $0 != 0 })
                #expect((map.area(at: start) != nil) == (naive.pages[first] != 0))
                let hole = naive.pages[first..<last].firstIndex(of: 0) ?? last
                #expect(min(end, map.coveredEnd(start, end)) == UInt64(hole) * pageSize)
            default:
                let length = last - first
                let top = Int.random(in: length...4096, using: &random)
                let found = map.highestGap(UInt64(length) * pageSize, below: UInt64(top) * pageSize, above: 0)
                #expect(found == naive.highestGap(length, below: top).map { UInt64($0) * pageSize })
            }
            widest = max(widest, map.chunks.count)
            if step % 500 == 0 { expectEqual(map, naive) }
        }
        expectEqual(map, naive)
        #expect(widest > 4)
    }

    @Test func mergesNeighboursOfOneFileOnlyWhenOffsetsContinue() {
        let file = MappedFile(name: [], device: 1, inode: 2, isWritable: false)
        var map = AreaMap()
        map.insert(MemoryArea(start: 0x1000, end: 0x3000, protection: [], isShared: false, file: file, offset: 0x4000))
        map.insert(MemoryArea(start: 0x3000, end: 0x4000, protection: [], isShared: false, file: file, offset: 0x6000))
        #expect(map.count == 1)
        map.insert(MemoryArea(start: 0x4000, end: 0x5000, protection: [], isShared: false, file: file, offset: 0))
        #expect(map.count == 2)
        let cut = map.remove(0x2000, 0x3000)
        #expect(cut.count == 1 && cut[0].offset == 0x5000)
        map.insert(cut[0])
        #expect(map.count == 2)
    }

    @Test func staysFastWithAsManyAreasAsTheHostTakes() {
        var map = AreaMap()
        for index in 0..<65_000 { map.insert(area(index * 2 + 16, index * 2 + 17, 3)) }
        #expect(map.count == 65_000)
        // Two pages fit nowhere between them: each search must pass over the whole map.
        let clock = ContinuousClock()
        let time = clock.measure {
            for _ in 0..<1000 { _ = map.highestGap(2 * pageSize, below: 130_015 * pageSize, above: 15 * pageSize) }
        }
        #expect(time < .seconds(2))
        #expect(map.highestGap(2 * pageSize, below: 130_015 * pageSize, above: 15 * pageSize) == nil)
        #expect(map.highestGap(2 * pageSize, below: 130_015 * pageSize, above: 0) == 14 * pageSize)
    }
}
