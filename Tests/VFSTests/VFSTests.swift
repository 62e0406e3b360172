// The path walk, permissions, names and descriptors, on a tmpfs.
import Auth
import Filesystems
import LinuxABI
import Testing

@testable import VFS

/// A caller on a fresh tmpfs.
private final class Fixture: VFSContext {
    let namespace = MountNamespace()

    init(user: UInt32 = 0, capabilities: Capabilities = .all) {
        super.init(credentials: Credentials(user: user, group: user, capabilities: capabilities))
        umask = 0o022
        let tmpfs = TmpfsFileSystem(device: 99, now: Timespec(seconds: 1, nanoseconds: 0))
        guard let root = tmpfs.root else { return }
        namespace.mount(tmpfs, root: Dentry(name: [], parent: nil, inode: root), at: nil, isReadOnly: false, source: "tmpfs")
        self.root = namespace.root
        workingDirectory = namespace.root
    }

    override var now: Timespec { Timespec(seconds: 1000, nanoseconds: 0) }

    func become(_ user: UInt32) { credentials = Credentials(user: user, group: user, capabilities: []) }
    func find(_ path: String, _ options: WalkOptions = .followLast) throws(Errno) -> VFSPath { try resolve(Array(path.utf8), options) }
    func mkdir(_ path: String, _ mode: UInt32 = 0o755) throws(Errno) { try makeDirectory(Array(path.utf8), permissions: mode) }
    func symlink(_ target: String, _ path: String) throws(Errno) { try makeSymlink(Array(target.utf8), Array(path.utf8)) }
    func text(_ path: String) throws(Errno) -> String {
        String(decoding: pathString(of: try find(path), root: root), as: UTF8.self)
    }

    @discardableResult
    func file(_ path: String, _ flags: OpenFlags = [.O_CREAT, .O_RDWR], _ mode: UInt32 = 0o644) throws(Errno) -> FileDescription {
        try open(Array(path.utf8), flags: flags, permissions: mode)
    }

    func rename(_ old: String, _ new: String, _ flags: RenameFlags = []) throws(Errno) {
        try rename(Array(old.utf8), to: Array(new.utf8), flags: flags)
    }
}

@Suite struct PathWalkTests {
    @Test func dotsSlashesAndLinks() throws {
        let context = Fixture()
        try context.mkdir("/a")
        try context.mkdir("/a/b")
        try context.file("/a/b/f")
        try context.symlink("b", "/a/l")
        try context.symlink("/a/l/f", "/abs")
        #expect(try context.text("/a/./b//../l/f") == "/a/b/f")
        #expect(try context.text("/../abs") == "/a/b/f")
        #expect(try context.find("/a/l", []).inode?.type == .symlink)
        #expect(try context.find("/a/l/", []).inode?.type == .directory)
        #expect(throws: Errno.ENOTDIR) { try context.find("/a/b/f/") }
        #expect(throws: Errno.ENOTDIR) { try context.find("/a/b/f/x") }
        #expect(throws: Errno.ENOENT) { try context.find("/nowhere/x") }
        #expect(throws: Errno.ENOENT) { try context.find("") }
    }

    @Test func limits() throws {
        let context = Fixture()
        try context.symlink("loop", "/loop")
        #expect(throws: Errno.ELOOP) { try context.find("/loop") }
        #expect(throws: Errno.ENAMETOOLONG) { try context.find("/" + String(repeating: "n", count: 256)) }
        #expect(throws: Errno.ENAMETOOLONG) { try context.find(String(repeating: "/", count: 4096)) }
        for index in 0..<40 { try context.symlink(index == 0 ? "/" : "l\(index - 1)", "l\(index)") }
        #expect(try context.text("/l39") == "/")
        try context.symlink("l39", "l40")
        #expect(throws: Errno.ELOOP) { try context.find("/l40") }
    }

    @Test func negativeNamesAreRememberedUntilMade() throws {
        let context = Fixture()
        #expect(throws: Errno.ENOENT) { try context.find("/f") }
        #expect(context.root?.dentry.children[Array("f".utf8)] != nil)
        try context.file("/f")
        _ = try context.find("/f")
    }

    @Test func mountsAreCrossedBothWays() throws {
        let context = Fixture()
        try context.mkdir("/m")
        let other = TmpfsFileSystem(device: 100, now: context.now)
        let root = try #require(other.root)
        let place = try context.find("/m")
        let mount = context.namespace.mount(
            other, root: Dentry(name: [], parent: nil, inode: root), at: place, isReadOnly: true, source: "x")
        #expect(try context.find("/m").mount === mount)
        #expect(try context.text("/m/..") == "/")
        #expect(throws: Errno.EROFS) { try context.mkdir("/m/d") }
        #expect(throws: Errno.EBUSY) { try context.removeDirectory(Array("/m".utf8)) }
        try context.namespace.unmount(mount)
        try context.mkdir("/m/d")
    }

    @Test func beneathAndInRoot() throws {
        let context = Fixture()
        try context.mkdir("/a")
        try context.symlink("/a", "/a/abs")
        try context.mkdir("/a/a")
        let start = try context.find("/a")
        #expect(throws: Errno.EXDEV) { try context.resolve(Array("..".utf8), from: start, [.beneath, .followLast]) }
        #expect(throws: Errno.EXDEV) { try context.resolve(Array("abs".utf8), from: start, [.beneath, .followLast]) }
        let inside = try context.resolve(Array("abs".utf8), from: start, [.inRoot, .followLast])
        #expect(pathString(of: inside, root: context.root) == Array("/a/a".utf8))
    }

    @Test func deepChainsDieWithoutOverflow() throws {
        let context = Fixture()
        var place = try #require(context.root)
        for _ in 0..<50_000 {
            try context.makeDirectory([0x64], from: place, permissions: 0o755)
            place = try context.resolve([0x64], from: place)
        }
        // From the bottom up, while somebody stands at the bottom.
        var current: VFSPath? = place
        var parents: [VFSPath] = []
        while let here = current, let parent = here.dentry.parent {
            parents.append(VFSPath(mount: here.mount, dentry: parent))
            current = parents.last
        }
        for parent in parents { try context.removeDirectory([0x64], from: parent) }
        current = nil
        parents = []
        #expect(place.dentry.isDeleted)
        place = try #require(context.root)
    }
}

@Suite struct NameTests {
    @Test func renameMovesReplacesAndRefuses() throws {
        let context = Fixture()
        try context.mkdir("/a")
        try context.mkdir("/a/b")
        try context.file("/f")
        try context.file("/g")
        #expect(throws: Errno.EINVAL) { try context.rename("/a", "/a/b/c") }
        #expect(throws: Errno.ENOTEMPTY) { try context.rename("/a/b", "/a") }
        #expect(throws: Errno.EISDIR) { try context.rename("/f", "/a/b") }
        #expect(throws: Errno.ENOTDIR) { try context.rename("/a", "/f") }
        #expect(throws: Errno.EEXIST) { try context.rename("/f", "/g", .RENAME_NOREPLACE) }
        let moved = try context.find("/f").inode
        try context.rename("/f", "/a/g")
        #expect(try context.find("/a/g").inode === moved)
        #expect(throws: Errno.ENOENT) { try context.find("/f") }
        try context.rename("/a", "/z")
        #expect(try context.text("/z/g") == "/z/g")
    }

    @Test func removedFilesSaySo() throws {
        let context = Fixture()
        let file = try context.file("/f")
        try context.unlink(Array("/f".utf8))
        let path = try #require(file.path)
        #expect(pathString(of: path, root: context.root) == Array("/f (deleted)".utf8))
        #expect(try file.attributes(context).linkCount == 0)
        #expect(throws: Errno.ENOENT) { try context.find("/f") }
        try context.mkdir("/d")
        #expect(throws: Errno.EISDIR) { try context.unlink(Array("/d".utf8)) }
        #expect(throws: Errno.EINVAL) { try context.removeDirectory(Array("/d/.".utf8)) }
        #expect(throws: Errno.ENOTEMPTY) { try context.removeDirectory(Array("/d/..".utf8)) }
    }

    @Test func openFlags() throws {
        let context = Fixture()
        try context.file("/f")
        try context.symlink("f", "/l")
        #expect(throws: Errno.EEXIST) { try context.file("/f", [.O_CREAT, .O_EXCL]) }
        #expect(throws: Errno.EEXIST) { try context.file("/l", [.O_CREAT, .O_EXCL]) }
        #expect(throws: Errno.ELOOP) { try context.file("/l", .O_NOFOLLOW) }
        #expect(throws: Errno.ENOTDIR) { try context.file("/f", .O_DIRECTORY) }
        #expect(throws: Errno.EISDIR) { try context.file("/", .O_RDWR) }
        #expect(try context.file("/l", [.O_PATH, .O_NOFOLLOW]).inode?.type == .symlink)
        try context.symlink("new", "/dangling")
        try context.file("/dangling")
        _ = try context.find("/new")
    }
}

@Suite struct PermissionTests {
    @Test func bitsAndSearch() throws {
        let context = Fixture()
        try context.mkdir("/secret", 0o700)
        try context.file("/secret/f")
        try context.file("/readable", [.O_CREAT, .O_RDWR], 0o644)
        context.become(1000)
        #expect(throws: Errno.EACCES) { try context.find("/secret/f") }
        #expect(throws: Errno.EACCES) { try context.file("/readable", .O_WRONLY) }
        _ = try context.file("/readable", [])
        #expect(throws: Errno.EPERM) {
            let place = try context.find("/readable")
            try context.changeMode(try #require(place.inode), on: place, 0o777)
        }
    }

    @Test func stickyDirectoriesKeepOthersOut() throws {
        let context = Fixture()
        context.umask = 0
        try context.mkdir("/tmp", 0o1777)
        context.become(1)
        try context.file("/tmp/mine")
        context.become(2)
        #expect(throws: Errno.EPERM) { try context.unlink(Array("/tmp/mine".utf8)) }
        #expect(throws: Errno.EPERM) { try context.rename("/tmp/mine", "/tmp/yours") }
        context.become(1)
        try context.unlink(Array("/tmp/mine".utf8))
    }
}

@Suite struct DescriptorTableTests {
    @Test func numbersAreTheLowestFree() throws {
        let context = Fixture()
        let file = try context.file("/f")
        let table = DescriptorTable()
        for expected in 0..<3 {
            #expect(try table.install(file, limit: 4, closeOnExec: expected == 1).rawValue == Int32(expected))
        }
        #expect(try table.install(file, from: 3, limit: 4, closeOnExec: false).rawValue == 3)
        #expect(throws: Errno.EMFILE) { try table.install(file, limit: 4, closeOnExec: false) }
        try table.remove(FD(1), context)
        #expect(throws: Errno.EBADF) { try table.get(FD(1)) }
        #expect(try table.install(file, limit: 4, closeOnExec: true).rawValue == 1)
        table.closeOnExec(context)
        #expect(table.all.map(\.fd.rawValue) == [0, 2, 3])
        let copy = table.copy()
        #expect(file.references == 6)
        table.releasedByTask(context)
        copy.closeRange(0, .max, onlyMark: false, context)
        #expect(file.references == 0)
    }

    @Test func posixLocksGoWithAnyDescriptor() throws {
        let context = Fixture()
        let file = try context.file("/f")
        let other = try context.file("/f")
        let table = DescriptorTable()
        let fd = try table.install(other, limit: 4, closeOnExec: false)
        let locks = FileLocks.of(try #require(file.inode))
        let record = FileLocks.Record(owner: ObjectIdentifier(table), pid: 1, isExclusive: true, start: 0, end: 9)
        try locks.set(record)
        var wanted = FileLocks.Record(owner: ObjectIdentifier(file), pid: -1, isExclusive: false, start: 5, end: 5)
        #expect(throws: Errno.EAGAIN) { try locks.set(wanted) }
        var hole = record
        (hole.start, hole.end) = (4, 6)
        try locks.unlock(hole)
        #expect(locks.conflict(with: wanted) == nil)
        (wanted.start, wanted.end) = (7, 7)
        #expect(locks.conflict(with: wanted)?.end == 9)
        try table.remove(fd, context)
        #expect(locks.conflict(with: wanted) == nil)
    }
}
