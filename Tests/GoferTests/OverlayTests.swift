import Glibc
import HostSyscalls
import LinuxABI
import Testing
import VFS

@testable import Filesystems
@testable import Gofer

/// The overlay between two host directories: the lower one exclusive, the upper one shared, so that the test can look into both.
@Suite struct OverlayTests {
    let lower = TemporaryDirectory()
    let upper = TemporaryDirectory()
    let context = TestContext()

    private func mount(maximumNames: Int = 1000) throws -> Inode {
        let lowerFileSystem = try ServedDirectory(lower).mount(.exclusive, context)
        let upperFileSystem = try ServedDirectory(upper, isReadOnly: false).mount(.shared, context)
        let overlay = OverlayFileSystem(
            lower: lowerFileSystem.root, upper: upperFileSystem.root, device: 42, maximumNames: maximumNames)
        context.fileSystems.append(overlay)
        return overlay.root
    }

    private func write(_ inode: Inode, _ text: String, flags: OpenFlags = [.O_WRONLY, .O_TRUNC]) throws(Errno) {
        let description = try inode.open(flags, context)
        description.retain()
        let count = try description.write(from: ArraySource(bytes(text)), at: nil, context)
        #expect(count == text.utf8.count)
        description.release(context)
    }

    private func create(_ directory: Inode, _ name: String, _ text: String = "") throws(Errno) -> Inode {
        let inode = try directory.create(bytes(name), type: .regular, permissions: 0o644, specialDevice: 0, context)
        if !text.isEmpty { try write(inode, text) }
        return inode
    }

    private func expectMissing(_ root: Inode, _ path: String) {
        #expect(errno { () throws(Errno) in _ = try root.find(path, context) } == .ENOENT)
    }

    @Test func theLowerLayerShowsThrough() throws {
        lower.run("mkdir d; echo hello > d/file; ln -s d link; chmod 751 d")
        let root = try mount()
        #expect(try root.find("d/file", context).content(context) == "hello\n")
        #expect(try root.find("link", context).readlink(context) == bytes("d"))
        #expect(try root.names(context) == ["d", "link"])
        #expect(try root.find("d", context).attributes(context).permissions == 0o751)
        #expect(try root.find("d", context).attributes(context).device == 42)
        #expect(upper.run("test -z \"$(ls)\"") == 0)
    }

    @Test func aWriteCopiesUpAndLeavesTheLowerFileAlone() throws {
        lower.run("mkdir d; echo hello > d/file; chmod 640 d/file; touch -d '2001-02-03' d/file")
        lower.setXattr("d/file", "user.k", "v")
        let root = try mount()
        let file = try root.find("d/file", context)
        let before = try file.attributes(context)
        let reader = try file.open([], context)
        try write(file, "J", flags: .O_WRONLY)
        #expect(try file.content(context) == "Jello\n")
        #expect(lower.read("d/file") == "hello\n")
        let after = try file.attributes(context)
        #expect(after.inode == before.inode)
        #expect(after.permissions == 0o640)
        #expect(after.uid == before.uid)
        #expect(after.modificationTime != before.modificationTime)
        #expect(try file.getXattr(bytes("user.k"), context) == bytes("v"))
        #expect(try root.find("d/file", context) === file)
        // Open for reading before: stays with the lower file.
        let sink = ArraySink(capacity: 10)
        _ = try reader.read(into: sink, at: 0, context)
        #expect(String(decoding: sink.bytes, as: UTF8.self) == "hello\n")
    }

    @Test func aChangeOfAttributesKeepsContentAndTimes() throws {
        lower.run("echo hello > file; touch -d '2001-02-03' file")
        let file = try mount().find("file", context)
        let before = try file.attributes(context)
        var change = AttributeChange()
        change.permissions = 0o600
        try file.setAttributes(change, context)
        let after = try file.attributes(context)
        #expect(after.permissions == 0o600)
        #expect(after.modificationTime == before.modificationTime)
        #expect(try file.content(context) == "hello\n")
        change = AttributeChange()
        change.size = 2
        try file.setAttributes(change, context)
        #expect(try file.content(context) == "he")
        #expect(lower.read("file") == "hello\n")
    }

    @Test func aLargeFileIsCopiedWhole() throws {
        lower.run("head -c 5000000 /dev/urandom > file; sha1sum < file > sum")
        let file = try mount().find("file", context)
        try write(file, "x", flags: [.O_WRONLY, .O_APPEND])
        #expect(try file.attributes(context).size == 5_000_001)
        #expect(upper.run("test \"$(head -c 5000000 '#'* | sha1sum)\" = \"$(cat \(lower.path)/sum)\"") == 0)
    }

    @Test func removedNamesStayAway() throws {
        lower.run("mkdir -p d/sub; echo 1 > d/a; echo 2 > d/b; echo 3 > d/sub/c")
        let root = try mount()
        let d = try root.find("d", context)
        try d.unlink(bytes("a"), try d.lookup(bytes("a"), context), context)
        expectMissing(root, "d/a")
        #expect(try d.names(context) == ["b", "sub"])
        let sub = try d.lookup(bytes("sub"), context)
        #expect(errno { () throws(Errno) in try d.removeDirectory(bytes("sub"), sub, context) } == .ENOTEMPTY)
        try sub.unlink(bytes("c"), try sub.lookup(bytes("c"), context), context)
        #expect(try sub.names(context).isEmpty)
        try d.removeDirectory(bytes("sub"), sub, context)
        expectMissing(root, "d/sub")
        #expect(errno { () throws(Errno) in _ = try create(sub, "x") } == .ENOENT)
        // Made again: nothing of the old one shows.
        let again = try d.makeDirectory(bytes("sub"), permissions: 0o755, context)
        #expect(try again.names(context).isEmpty)
        _ = try create(again, "new")
        #expect(try d.names(context) == ["b", "sub"])
        #expect(lower.run("test -f d/a -a -f d/sub/c") == 0)
    }

    @Test func filesOfItsOwnComeAndGo() throws {
        lower.run("mkdir d")
        let root = try mount()
        let d = try root.find("d", context)
        let file = try create(d, "file", "content")
        #expect(try root.find("d/file", context) === file)
        #expect(try file.attributes(context).linkCount == 1)
        let description = try file.open([], context)
        try d.link(bytes("second"), to: file, context)
        #expect(try file.attributes(context).linkCount == 2)
        try d.unlink(bytes("file"), file, context)
        #expect(try root.find("d/second", context).content(context) == "content")
        try d.unlink(bytes("second"), file, context)
        #expect(try file.attributes(context).linkCount == 0)
        let sink = ArraySink(capacity: 10)
        _ = try description.read(into: sink, at: nil, context)
        #expect(String(decoding: sink.bytes, as: UTF8.self) == "content")
        #expect(try d.names(context).isEmpty)
        #expect(upper.run("test $(ls | wc -l) = 1") == 0, "only the copied-up directory is left")
        let link = try d.symlink(bytes("sym"), target: bytes("target"), context)
        #expect(try link.readlink(context) == bytes("target"))
        let fifo = try d.create(bytes("fifo"), type: .fifo, permissions: 0o600, specialDevice: 0, context)
        #expect(try fifo.attributes(context).type == .fifo)
    }

    @Test func directoriesOfTheLowerLayerAreRenamed() throws {
        lower.run("mkdir -p a/deep; echo x > a/deep/file; mkdir b")
        let root = try mount()
        let a = try root.find("a", context)
        let number = a.number
        try root.rename(bytes("a"), a, to: try root.find("b", context), bytes("moved"), replacing: nil, context)
        expectMissing(root, "a")
        #expect(try root.find("b/moved/deep/file", context).content(context) == "x\n")
        #expect(try root.find("b/moved", context).number == number)
        #expect(try root.names(context) == ["b"])
        // The freed name is empty.
        let again = try root.makeDirectory(bytes("a"), permissions: 0o755, context)
        #expect(try again.names(context).isEmpty)
    }

    @Test func renamesReplace() throws {
        lower.run("echo 1 > one; echo 2 > two; mkdir full empty; echo > full/x; mkdir new")
        let root = try mount()
        let one = try root.find("one", context)
        try root.rename(bytes("one"), one, to: root, bytes("two"), replacing: try root.find("two", context), context)
        #expect(try root.find("two", context).content(context) == "1\n")
        let new = try root.find("new", context)
        let full = try root.find("full", context)
        #expect(
            errno { () throws(Errno) in try root.rename(bytes("new"), new, to: root, bytes("full"), replacing: full, context) }
                == .ENOTEMPTY)
        try root.rename(bytes("new"), new, to: root, bytes("empty"), replacing: try root.find("empty", context), context)
        #expect(try root.find("empty", context) === new)
        #expect(try root.names(context) == ["empty", "full", "two"])
        // The way that editors and package managers replace a file.
        let temporary = try create(root, "two.tmp", "new content")
        try root.rename(bytes("two.tmp"), temporary, to: root, bytes("two"), replacing: one, context)
        #expect(try root.find("two", context).content(context) == "new content")
        #expect(lower.read("two") == "2\n")
        try root.unlink(bytes("two"), temporary, context)
        expectMissing(root, "two")
    }

    @Test func hardLinksStayTogetherWhenOneIsCopiedUp() throws {
        lower.run("echo x > a; ln a b; mkdir d")
        let root = try mount()
        try write(try root.find("a", context), "changed")
        #expect(try root.find("b", context).content(context) == "changed")
        try root.unlink(bytes("a"), try root.find("a", context), context)
        let b = try root.find("b", context)
        #expect(try b.content(context) == "changed")
        #expect(try b.attributes(context).linkCount == 1)
    }

    @Test func aListingIsStableUnderChange() throws {
        lower.run("for i in $(seq 100); do : > lower$i; done")
        let root = try mount()
        for index in 1...50 { _ = try create(root, "upper\(index)") }
        let description = try root.open(.O_DIRECTORY, context)
        var seen: [String] = []
        var taken = 0
        // After every entry something before and behind it changes.
        while true {
            var name: String?
            try description.readDirectory(context) { entry, _, _, _ in
                if name != nil { return false }
                name = String(decoding: entry, as: UTF8.self)
                return true
            }
            guard let name else { break }
            seen.append(name)
            taken += 1
            if taken == 20 {
                try write(try root.find("lower40", context), "copied up")
                let gone = seen[10]
                try root.unlink(bytes(gone), try root.find(gone, context), context)
            }
            if taken == 120 { try root.unlink(bytes("upper50"), try root.find("upper50", context), context) }
        }
        #expect(Set(seen).count == seen.count, "nothing twice")
        #expect(seen.count == 151)
        // And from a position that was given out.
        var position: Int64 = 0
        var all: [String] = []
        _ = try description.seek(0, whence: 0, context)
        try description.readDirectory(context) { name, _, _, next in
            all.append(String(decoding: name, as: UTF8.self))
            if all.count == 60 { position = next }
            return true
        }
        _ = try description.seek(position, whence: 0, context)
        #expect(try description.names(context) == Array(all[60...]))
    }

    @Test func aDirectoryCountsItsSubdirectories() throws {
        lower.run("mkdir -p d/s1 d/s2")
        let root = try mount()
        let d = try root.find("d", context)
        #expect(try d.attributes(context).linkCount == 4)
        let new = try d.makeDirectory(bytes("s3"), permissions: 0o755, context)
        #expect(try d.attributes(context).linkCount == 5)
        #expect(try new.attributes(context).linkCount == 2)
        try d.rename(bytes("s1"), try d.lookup(bytes("s1"), context), to: new, bytes("in"), replacing: nil, context)
        #expect(try d.attributes(context).linkCount == 4)
        #expect(try new.attributes(context).linkCount == 3)
    }

    @Test func theUpperLayerIsBounded() throws {
        lower.run("mkdir d")
        let root = try mount(maximumNames: 10)
        for index in 1...10 { _ = try create(root, "f\(index)") }
        #expect(errno { () throws(Errno) in _ = try root.makeDirectory(bytes("more"), permissions: 0o755, context) } == .ENOSPC)
        try root.unlink(bytes("f1"), try root.find("f1", context), context)
        _ = try create(root, "f11")
        // A name that comes and goes leaves nothing behind.
        try root.unlink(bytes("f11"), try root.find("f11", context), context)
        for _ in 0..<100 { try root.unlink(bytes("again"), try create(root, "again"), context) }
    }

    @Test func aSetGroupIDDirectoryGivesItsGroup() throws {
        guard getuid() == 0 else { return }
        lower.run("mkdir d; chgrp 1234 d; chmod 2775 d")
        let d = try mount().find("d", context)
        #expect(try create(d, "file").attributes(context).gid == 1234)
        let sub = try d.makeDirectory(bytes("sub"), permissions: 0o755, context).attributes(context)
        #expect(sub.gid == 1234)
        #expect(sub.permissions == 0o2755)
    }

    @Test func whatIsCachedNeedsNoGofer() throws {
        lower.run("mkdir -p a/b; echo hello > a/b/file")
        let root = try mount()
        _ = try root.find("a/b/file", context).content(context)
        _ = try root.find("a", context).names(context)
        let frozen = TestContext(mayBlock: false)
        #expect(try root.find("a/b/file", frozen).content(frozen) == "hello\n")
        #expect(try root.find("a", frozen).names(frozen) == ["b"])
        #expect(errno { () throws(Errno) in _ = try root.find("a/none", frozen) } == .ENOENT)
        #expect(try root.find("a/b/file", frozen).open([], frozen).mappable(writable: false, frozen).rawValue >= 0)
    }
}
