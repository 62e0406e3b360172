// The overlay with its upper layer in memory, over a tmpfs as over any other tree.
import Auth
import LinuxABI
import Testing
import VFS

@testable import Filesystems

@Suite struct OverlayInMemoryTests {
    private final class Caller: VFSContext {
        override var mayBlock: Bool { true }
        override var now: Timespec { Timespec(seconds: 1000, nanoseconds: 0) }
    }

    private let context: VFSContext = Caller(credentials: Credentials(user: 0, group: 0, capabilities: .all))
    private let lower = TmpfsFileSystem(device: 1, now: Timespec(seconds: 1, nanoseconds: 0))

    private func name(_ text: String) -> FileName { Array(text.utf8) }

    private func path(_ inode: Inode) -> VFSPath {
        VFSPath(
            mount: Mount(
                fileSystem: inode.fileSystem, root: Dentry(name: [], parent: nil, inode: inode), mountPoint: nil, isReadOnly: false,
                id: 1, source: ""),
            dentry: Dentry(name: [], parent: nil, inode: inode))
    }

    private func write(_ inode: Inode, _ text: String) throws {
        let description = try inode.open(path(inode), flags: [.O_WRONLY, .O_TRUNC], context)
        #expect(try description.write(from: ArraySource(Array(text.utf8)), at: nil, context) == text.utf8.count)
    }

    private func content(_ inode: Inode) throws -> String {
        let sink = ArraySink(capacity: 1 << 20)
        _ = try inode.open(path(inode), flags: [], context).read(into: sink, at: nil, context)
        return String(decoding: sink.bytes, as: UTF8.self)
    }

    private func create(_ directory: Inode, _ text: String) throws -> Inode {
        try directory.create(name(text), type: .regular, permissions: 0o644, specialDevice: 0, context)
    }

    private func overlay(sizeLimit: UInt64 = 1 << 20) throws -> OverlayFileSystem {
        let lowerRoot = try #require(lower.root)
        return OverlayFileSystem.inMemory(
            over: lowerRoot, device: 3, upperDevice: 2, sizeLimit: sizeLimit, now: Timespec(seconds: 2, nanoseconds: 0))
    }

    @Test func changesStayInMemory() throws {
        let lowerRoot = try #require(lower.root)
        let directory = try lowerRoot.makeDirectory(name("d"), permissions: 0o755, context)
        let original = try create(directory, "file")
        try write(original, "hello")
        let overlay = try overlay()
        let d = try overlay.root.lookup(name("d"), context)
        let file = try d.lookup(name("file"), context)
        #expect(try content(file) == "hello")
        try write(file, "changed")
        try write(try create(d, "new"), "new")
        #expect(try content(file) == "changed")
        #expect(try content(original) == "hello")
        #expect(try file.attributes(context).modificationTime.seconds == 1000)
        #expect(try overlay.statistics(context).magic == 0x794c_7630)
        // A mapping of the copied-up file can be written; the lower one's content stays.
        let description = try file.open(path(file), flags: .O_RDWR, context)
        #expect(try description.mappable(writable: true, context).rawValue >= 0)
    }

    @Test func theUpperLayersSpaceIsBounded() throws {
        let lowerRoot = try #require(lower.root)
        let big = try create(lowerRoot, "big")
        try write(big, String(repeating: "x", count: 200_000))
        let overlay = try overlay(sizeLimit: 100_000)
        let file = try overlay.root.lookup(name("big"), context)
        var change = AttributeChange()
        change.permissions = 0o600
        #expect(throws: Errno.ENOSPC) { try file.setAttributes(change, context) }
        // Nothing of the failed copy is left: there is room for another file.
        try write(try create(overlay.root, "small"), String(repeating: "y", count: 90_000))
        #expect(try content(file).count == 200_000)
    }

    @Test func removingGivesTheSpaceBack() throws {
        let overlay = try overlay(sizeLimit: 100_000)
        for _ in 0..<20 {
            let file = try create(overlay.root, "file")
            try write(file, String(repeating: "y", count: 90_000))
            try overlay.root.unlink(name("file"), file, context)
        }
    }

    @Test func aDeepTreeIsFreedWithoutRecursion() throws {
        var overlay: OverlayFileSystem? = try overlay()
        var directory = try #require(overlay?.root)
        for _ in 0..<100_000 { directory = try directory.makeDirectory(name("d"), permissions: 0o755, context) }
        directory = try #require(lower.root)
        overlay = nil
        #expect(overlay == nil)
    }

    @Test func aSingleFileCanBeTheRoot() throws {
        let lowerRoot = try #require(lower.root)
        let file = try create(lowerRoot, "file")
        try write(file, "hello")
        let overlay = OverlayFileSystem.inMemory(over: file, device: 3, upperDevice: 2, now: Timespec(seconds: 2, nanoseconds: 0))
        #expect(try content(overlay.root) == "hello")
        try write(overlay.root, "mine")
        #expect(try content(overlay.root) == "mine")
        #expect(try content(file) == "hello")
    }
}
