// tmpfs: what it holds, what it charges for, and how its directories are listed while they change.
import Auth
import LinuxABI
import Testing
import VFS

@testable import Filesystems

@Suite struct TmpfsAccountingTests {
    private final class Caller: VFSContext {
        override var now: Timespec { Timespec(seconds: 1000, nanoseconds: 0) }
    }

    private let context: VFSContext = Caller(credentials: Credentials(user: 0, group: 0, capabilities: .all))
    /// 1 MiB and 100 inodes.
    private let tmpfs = TmpfsFileSystem(
        device: 1, sizeLimit: 1 << 20, inodeLimit: 100, now: Timespec(seconds: 1, nanoseconds: 0))

    private func root() throws -> TmpfsDirectory { try #require(tmpfs.root) }

    private func file(_ text: String) throws -> TmpfsFile {
        let inode = try root().create(Array(text.utf8), type: .regular, permissions: 0o644, specialDevice: 0, context)
        return try #require(inode as? TmpfsFile)
    }

    private func remove(_ text: String) throws {
        let name = Array(text.utf8)
        try root().unlink(name, try root().lookup(name, context), context)
    }

    @discardableResult
    private func write(_ file: TmpfsFile, _ count: Int, at offset: Int64) throws -> Int {
        try file.write(from: ArraySource(Array(repeating: 7, count: count)), at: offset, context)
    }

    private func bytes(_ file: TmpfsFile, _ count: Int, at offset: Int64) throws -> [UInt8] {
        let sink = ArraySink(capacity: count)
        _ = try file.read(into: sink, at: offset)
        return sink.bytes
    }

    // MARK: Contents

    @Test func contentsSurviveTheMoveIntoAMemoryFile() throws {
        let file = try file("f")
        try write(file, 10, at: 0)
        try write(file, 10, at: 70_000)
        #expect(file.size == 70_010)
        #expect(try bytes(file, 12, at: 0) == Array(repeating: 7, count: 10) + [0, 0])
        #expect(try bytes(file, 100, at: 69_999) == [0] + Array(repeating: 7, count: 10))
        #expect(try file.seekContent(10, whence: 4) == 4096)
    }

    @Test func truncationZeroesWhatComesBack() throws {
        for size in [Int64(100), 100_000] {
            let file = try file("f\(size)")
            try write(file, Int(size), at: 0)
            try file.resize(50, context)
            try file.resize(size, context)
            #expect(try bytes(file, 3, at: 49) == [7, 0, 0])
        }
    }

    // MARK: Limits

    @Test func holesAreFreeAndWritesArePaidFor() throws {
        let file = try file("f")
        try file.resize(1 << 36, context)
        #expect(tmpfs.usedBytes == 0)
        try write(file, 1, at: 1 << 35)
        #expect(tmpfs.usedBytes == 4096)
        try write(file, 1, at: 1 << 35)
        #expect(tmpfs.usedBytes == 4096)
        try file.resize(0, context)
        #expect(tmpfs.usedBytes == 0)
    }

    @Test func aFullFileSystemTakesNoMoreButItsOwnPages() throws {
        let file = try file("f")
        #expect(try write(file, 2 << 20, at: 0) == 1 << 20)
        #expect(throws: Errno.ENOSPC) { try write(file, 1, at: 1 << 20) }
        try file.resize(1 << 30, context)
        #expect(throws: Errno.ENOSPC) { try write(file, 1, at: 1 << 29) }
        #expect(try write(file, 5000, at: 100) == 5000)
        let other = try self.file("g")
        #expect(throws: Errno.ENOSPC) { try write(other, 1, at: 0) }
        try file.allocate(mode: 3, offset: 0, length: 8192, context)
        #expect(tmpfs.usedBytes == (1 << 20) - 8192)
        #expect(try write(other, 1, at: 0) == 1)
    }

    @Test func whatFallocateReservedBeyondTheEndStaysCounted() throws {
        let file = try file("f")
        try file.allocate(mode: 1, offset: 0, length: 512 << 10, context)
        #expect(file.size == 0)
        #expect(tmpfs.usedBytes == 512 << 10)
        // Neither a smaller reservation nor a short write makes it forget.
        try file.allocate(mode: 1, offset: 0, length: 4096, context)
        try write(file, 1, at: 0)
        try file.resize(4096, context)
        #expect(tmpfs.usedBytes <= 512 << 10)
        let held = try file.attributes(context).blocks * 512
        #expect(tmpfs.usedBytes == UInt64(held))
        #expect(throws: Errno.ENOSPC) { try file.allocate(mode: 1, offset: 4 << 20, length: 2 << 20, context) }
    }

    @Test func reservedPagesCanBeWrittenWhenTheRestIsFull() throws {
        let reserved = try file("f")
        try reserved.allocate(mode: 0, offset: 0, length: 128 << 10, context)
        let other = try file("g")
        #expect(try write(other, 2 << 20, at: 0) == 896 << 10)
        #expect(try write(reserved, 128 << 10, at: 0) == 128 << 10)
    }

    @Test func aMappedFileIsPaidForWhole() throws {
        let file = try file("f")
        try file.resize(256 << 10, context)
        _ = try file.mappable(writable: true)
        #expect(tmpfs.usedBytes == 256 << 10)
        #expect(throws: Errno.ENOSPC) { try file.resize(2 << 20, context) }
        #expect(file.size == 256 << 10)
        try file.resize(4096, context)
        #expect(tmpfs.usedBytes == 4096)
        let sparse = try self.file("g")
        try sparse.resize(1 << 30, context)
        #expect(throws: Errno.ENOMEM) { try sparse.mappable(writable: false) }
    }

    @Test func removedFilesGiveEverythingBack() throws {
        do {
            let file = try file("f")
            try write(file, 100_000, at: 0)
            try file.setXattr(Array("user.a".utf8), Array(repeating: 1, count: 1000), flags: 0, context)
            try root().link(Array("second".utf8), to: file, context)
            #expect(tmpfs.usedBytes == 102_400 + 1006)
            #expect(tmpfs.usedInodes == 3)
            try remove("f")
            #expect(tmpfs.usedInodes == 2)
            try remove("second")
        }
        #expect(tmpfs.usedBytes == 0)
        #expect(tmpfs.usedInodes == 1)
    }

    @Test func namesAndAttributesAreBoundedToo() throws {
        let file = try file("f")
        #expect(throws: Errno.ENOSPC) {
            for index in 0..<200 { try root().link(Array("l\(index)".utf8), to: file, context) }
        }
        #expect(tmpfs.usedInodes == 100)
        #expect(file.stored.linkCount == 99)
        #expect(throws: Errno.ENOSPC) { try self.file("g") }
        #expect(throws: Errno.ENOSPC) {
            try file.setXattr(Array("user.a".utf8), Array(repeating: 1, count: 65_536), flags: 0, context)
        }
    }

    // MARK: Directories

    private func list(_ directory: TmpfsDirectory, from position: Int64, atMost count: Int = .max) -> (names: [String], next: Int64) {
        var names: [String] = []
        let next = directory.list(from: position) { name, _, _, _ in
            guard names.count < count else { return false }
            names.append(String(decoding: name, as: UTF8.self))
            return true
        }
        return (names, next)
    }

    @Test func aListingGoesOnWhileNamesComeAndGo() throws {
        for index in 0..<60 { _ = try file("f\(index)") }
        let first = list(try root(), from: 0, atMost: 10)
        #expect(first.names == [".", ".."] + (0..<8).map { "f\($0)" })
        // Enough go that the list is rewritten; what was passed stays passed, what is left is listed once.
        for index in 0..<50 { try remove("f\(index)") }
        _ = try file("new")
        let rest = list(try root(), from: first.next)
        #expect(rest.names == (50..<60).map { "f\($0)" } + ["new"])
        #expect(list(try root(), from: rest.next).names.isEmpty)
        #expect(list(try root(), from: .max).names.isEmpty)
    }

    @Test func anOpenDirectoryOutlivesThoseAboveIt() throws {
        var inner: TmpfsDirectory?
        do {
            let outer = try root().makeDirectory(Array("a".utf8), permissions: 0o755, context)
            let made = try outer.makeDirectory(Array("b".utf8), permissions: 0o755, context)
            inner = made as? TmpfsDirectory
            try outer.removeDirectory(Array("b".utf8), made, context)
            try root().removeDirectory(Array("a".utf8), outer, context)
        }
        let directory = try #require(inner)
        #expect(list(directory, from: 0).names == [".", ".."])
        #expect(throws: Errno.ENOENT) { try directory.makeDirectory(Array("c".utf8), permissions: 0o755, context) }
    }
}
