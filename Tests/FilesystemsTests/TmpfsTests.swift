// tmpfs: contents small, large and sparse; limits; listings that stay stable.
import Auth
import LinuxABI
import Testing
import VFS

@testable import Filesystems

/// A caller on a tmpfs of its own.
private final class Caller: VFSContext {
    let tmpfs: TmpfsFileSystem
    let namespace = MountNamespace()

    init(sizeLimit: UInt64 = 1 << 30, inodeLimit: UInt64 = 1000) {
        tmpfs = TmpfsFileSystem(device: 99, sizeLimit: sizeLimit, inodeLimit: inodeLimit, now: Timespec(seconds: 1, nanoseconds: 0))
        super.init(credentials: Credentials(user: 0, group: 0, capabilities: .all))
        guard let root = tmpfs.root else { return }
        namespace.mount(tmpfs, root: Dentry(name: [], parent: nil, inode: root), at: nil, isReadOnly: false, source: "tmpfs")
        self.root = namespace.root
        workingDirectory = namespace.root
    }

    override var now: Timespec { Timespec(seconds: 1000, nanoseconds: 0) }

    func file(_ name: String, _ flags: OpenFlags = [.O_CREAT, .O_RDWR]) throws(Errno) -> FileDescription {
        try open(Array(name.utf8), flags: flags, permissions: 0o644)
    }

    func write(_ bytes: [UInt8], _ file: FileDescription, at offset: Int64? = nil) throws(Errno) -> Int {
        try file.write(from: ArraySource(bytes), at: offset, self)
    }

    func read(_ count: Int, _ file: FileDescription, at offset: Int64? = nil) throws(Errno) -> [UInt8] {
        let sink = ArraySink(capacity: count)
        _ = try file.read(into: sink, at: offset, self)
        return sink.bytes
    }

    func list(_ directory: FileDescription, limit: Int = .max) throws(Errno) -> [String] {
        var names: [String] = []
        try directory.readDirectory(self) { name, _, _, _ in
            if names.count == limit { return false }
            names.append(String(decoding: name, as: UTF8.self))
            return true
        }
        return names
    }
}

@Suite struct TmpfsTests {
    @Test func contentsSurviveGrowingOutOfMemory() throws {
        let caller = Caller()
        let file = try caller.file("f")
        #expect(try caller.write([1, 2, 3], file) == 3)
        let large = [UInt8](repeating: 7, count: 100_000)
        #expect(try caller.write(large, file, at: 50_000) == 100_000)
        #expect(try caller.read(5, file, at: 0) == [1, 2, 3, 0, 0])
        #expect(try caller.read(5, file, at: 149_998) == [7, 7])
        #expect(try file.attributes(caller).size == 150_000)
        var change = AttributeChange()
        change.size = 2
        try file.setAttributes(change, caller)
        change.size = 4
        try file.setAttributes(change, caller)
        #expect(try caller.read(9, file, at: 0) == [1, 2, 0, 0])
    }

    @Test func appendsGoToTheEnd() throws {
        let caller = Caller()
        let file = try caller.file("f", [.O_CREAT, .O_RDWR, .O_APPEND])
        _ = try caller.write([1, 2], file)
        #expect(try file.seek(0, whence: 0, caller) == 0)
        _ = try caller.write([3], file)
        #expect(file.offset == 3)
        #expect(try caller.read(4, file, at: 0) == [1, 2, 3])
    }

    @Test func dataAndHoles() throws {
        let caller = Caller()
        let file = try caller.file("f")
        _ = try caller.write([1], file, at: 1 << 20)
        #expect(try file.seek(0, whence: 3, caller) == 1 << 20)
        #expect(try file.seek(0, whence: 4, caller) == 0)
        #expect(throws: Errno.ENXIO) { try file.seek(1 << 21, whence: 3, caller) }
    }

    @Test func limitsHoldAndAreGivenBack() throws {
        let caller = Caller(sizeLimit: 16_384, inodeLimit: 3)
        do {
            let file = try caller.file("f")
            #expect(try caller.write([UInt8](repeating: 1, count: 16_384), file) == 16_384)
            #expect(throws: Errno.ENOSPC) { try caller.write([1], file) }
            _ = try caller.file("g")
            #expect(throws: Errno.ENOSPC) { try caller.file("h") }
        }
        try caller.unlink(Array("f".utf8))
        let again = try caller.file("h")
        #expect(try caller.write([UInt8](repeating: 1, count: 16_384), again) == 16_384)
    }

    @Test func listingsStayStableUnderChange() throws {
        let caller = Caller()
        for index in 0..<20 { _ = try caller.file("f\(index)") }
        let directory = try caller.file("/", [])
        #expect(try caller.list(directory, limit: 7) == [".", "..", "f0", "f1", "f2", "f3", "f4"])
        for index in 0..<10 { try caller.unlink(Array("f\(index)".utf8)) }
        _ = try caller.file("new")
        #expect(try caller.list(directory) == (10..<20).map { "f\($0)" } + ["new"])
    }

    @Test func exchangeSwapsAlsoAcrossDirectories() throws {
        let caller = Caller()
        try caller.makeDirectory(Array("d".utf8), permissions: 0o755)
        try caller.makeDirectory(Array("d/sub".utf8), permissions: 0o755)
        let file = try caller.file("f")
        try caller.rename(Array("f".utf8), to: Array("d/sub".utf8), flags: .RENAME_EXCHANGE)
        #expect(try caller.resolve(Array("d/sub".utf8)).inode === file.inode)
        #expect(try caller.resolve(Array("f/..".utf8)).dentry === caller.root?.dentry)
        #expect(try caller.resolve(Array("d".utf8)).inode?.attributes(caller).linkCount == 2)
        #expect(throws: Errno.ENOENT) {
            try caller.rename(Array("f".utf8), to: Array("none".utf8), flags: .RENAME_EXCHANGE)
        }
    }

    @Test func unnamedFilesCanBeLinkedUnlessExclusive() throws {
        let caller = Caller()
        let file = try caller.file("/", [.O_TMPFILE, .O_RDWR])
        _ = try caller.write([5], file)
        let place = try #require(file.path)
        #expect(try file.attributes(caller).linkCount == 0)
        try caller.link(place, Array("visible".utf8))
        #expect(try caller.read(2, try caller.file("visible", [])) == [5])
        let exclusive = try caller.file("/", [.O_TMPFILE, .O_RDWR, .O_EXCL])
        let hidden = try #require(exclusive.path)
        #expect(throws: Errno.ENOENT) { try caller.link(hidden, Array("never".utf8)) }
        #expect(throws: Errno.EINVAL) { try caller.file("/", .O_TMPFILE) }
    }
}
