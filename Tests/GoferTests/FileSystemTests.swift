import Glibc
import GoferProtocol
import HostSyscalls
import LinuxABI
import Testing
import VFS

@testable import Filesystems
@testable import Gofer

@Suite struct ExclusiveMountTests {
    let directory = TemporaryDirectory()
    let context = TestContext()

    @Test func whatIsCachedAnswersWithTheGoferFrozen() throws {
        directory.run("mkdir -p a/b; echo hello > a/b/file; ln -s b a/link")
        let fileSystem = try ServedDirectory(directory).mount(.exclusive, context)
        let root = fileSystem.root
        let file = try root.find("a/b/file", context)
        #expect(try file.content(context) == "hello\n")
        #expect(try root.find("a", context).names(context) == ["b", "link"])
        #expect(try root.find("a/link", context).readlink(context) == bytes("b"))
        #expect(errno { () throws(Errno) in _ = try root.find("a/missing", context) } == .ENOENT)
        #expect(errno { () throws(Errno) in _ = try root.find("nothing", context) } == .ENOENT)
        _ = try fileSystem.statistics(context)
        let sent = fileSystem.client.requestsSent

        // Any request would throw `needsSlowPath` from here on.
        let frozen = TestContext(mayBlock: false)
        #expect(try root.find("a/b/file", frozen) === file)
        #expect(try file.attributes(frozen).size == 6)
        #expect(try file.content(frozen) == "hello\n")
        #expect(try file.open([], frozen).mappable(writable: false, frozen).rawValue >= 0)
        #expect(try root.find("a", frozen).names(frozen) == ["b", "link"])
        #expect(try root.find("a/link", frozen).readlink(frozen) == bytes("b"))
        #expect(errno { () throws(Errno) in _ = try root.find("a/missing", frozen) } == .ENOENT)
        #expect(errno { () throws(Errno) in _ = try root.find("a/neverAsked", frozen) } == .ENOENT)
        #expect(errno { () throws(Errno) in _ = try root.find("neverAsked", frozen) } == .needsSlowPath)
        _ = try fileSystem.statistics(frozen)
        #expect(fileSystem.client.requestsSent == sent)
    }

    @Test func aListingBringsTheAttributesOfAll() throws {
        directory.run("mkdir d; for i in $(seq 1000); do echo $i > d/file$i; done")
        let fileSystem = try ServedDirectory(directory).mount(.exclusive, context)
        let d = try fileSystem.root.find("d", context)
        #expect(try d.names(context).count == 1000)
        let sent = fileSystem.client.requestsSent
        let frozen = TestContext(mayBlock: false)
        for index in 1...1000 { #expect(try d.find("file\(index)", frozen).attributes(frozen).size > 1) }
        #expect(fileSystem.client.requestsSent == sent)
        // Their nodes are found when they are needed.
        #expect(try d.find("file77", context).content(context) == "77\n")
    }

    @Test func prefetchAsksOnceForAWholePath() throws {
        directory.run("mkdir -p a/b/c/d; echo x > a/b/c/d/file")
        let fileSystem = try ServedDirectory(directory).mount(.exclusive, context)
        let names = ["a", "b", "c", "d", "file"].map(bytes)
        let sent = fileSystem.client.requestsSent
        try fileSystem.root.prefetch(names[...], context)
        #expect(fileSystem.client.requestsSent == sent + 1)
        _ = try fileSystem.root.find("a/b/c/d/file", TestContext(mayBlock: false))
        #expect(
            errno { () throws(Errno) in try fileSystem.root.prefetch(["x", "y"].map(bytes)[...], TestContext(mayBlock: false)) }
                == .needsSlowPath)
    }

    @Test func aNameThatIsLookedUpIsOpenedWithoutAskingAgain() throws {
        directory.run("echo hello > file; echo secret > closed; chmod 0 closed")
        let fileSystem = try ServedDirectory(directory).mount(.exclusive, context)
        let sent = fileSystem.client.requestsSent
        #expect(try fileSystem.root.find("file", context).content(TestContext(mayBlock: false)) == "hello\n")
        #expect(fileSystem.client.requestsSent == sent + 1)
        if getuid() != 0 {
            #expect(errno { () throws(Errno) in _ = try fileSystem.root.find("closed", context).open([], context) } == .EACCES)
        }
    }

    @Test func nothingCanBeChanged() throws {
        directory.run("echo x > file")
        let root = try ServedDirectory(directory, isReadOnly: false).mount(.exclusive, context).root
        let file = try root.find("file", context)
        #expect(errno { () throws(Errno) in _ = try file.open(.O_WRONLY, context) } == .EROFS)
        #expect(errno { () throws(Errno) in _ = try file.open(.O_TRUNC, context) } == .EROFS)
        #expect(errno { () throws(Errno) in try root.unlink(bytes("file"), file, context) } == .EROFS)
        #expect(errno { () throws(Errno) in _ = try file.open([], context).mappable(writable: true, context) } == .EACCES)
        var change = AttributeChange()
        change.permissions = 0
        #expect(errno { () throws(Errno) in try file.setAttributes(change, context) } == .EROFS)
    }

    @Test func twoNamesOfOneFileAreOneInode() throws {
        directory.run("mkdir d; echo x > a; ln a d/b")
        let root = try ServedDirectory(directory).mount(.exclusive, context).root
        #expect(try root.find("a", context) === root.find("d/b", context))
    }

    @Test func cachesKeepToTheirBudgets() throws {
        directory.run("for d in $(seq 20); do mkdir d$d; for i in $(seq 20); do echo $i > d$d/f$i; done; done")
        var budget = GoferBudget()
        budget.cachedNames = 60
        budget.cachedDescriptors = 8
        let before = openDescriptors()
        let fileSystem = try ServedDirectory(directory, maximumNodes: 30).mount(.exclusive, budget: budget, context)
        for _ in 0..<2 {
            for d in 1...20 {
                for i in 1...20 { #expect(try fileSystem.root.find("d\(d)/f\(i)", context).content(context) == "\(i)\n") }
            }
        }
        // The server's nodes, the client's descriptors, the sockets; other tests run beside this one.
        #expect(openDescriptors() - before < 200)
    }

    @Test func anOpenFileSurvivesTheLossOfItsDescriptor() throws {
        directory.run("for i in $(seq 20); do echo $i > f$i; done")
        var budget = GoferBudget()
        budget.cachedDescriptors = 4
        let root = try ServedDirectory(directory).mount(.exclusive, budget: budget, context).root
        let descriptions = try (1...20).map { try root.find("f\($0)", context).open([], context) }
        for (index, description) in descriptions.enumerated() {
            let sink = ArraySink(capacity: 10)
            _ = try description.read(into: sink, at: nil, context)
            #expect(String(decoding: sink.bytes, as: UTF8.self) == "\(index + 1)\n")
        }
    }

    @Test func aFileReplacedOnTheHostAllTheSameCanStillBeOpened() throws {
        directory.run("echo old > file; echo x > gone")
        let root = try ServedDirectory(directory).mount(.exclusive, context).root
        let file = try root.find("file", context)
        let gone = try root.find("gone", context)
        // Its descriptor has made room for others'.
        for inode in [file, gone] { (inode as? GoferInode)?.dropDescriptor() }
        directory.run("echo new > tmp; mv tmp file; rm gone")
        #expect(try file.content(context) == "new\n")
        #expect(errno { () throws(Errno) in _ = try gone.content(context) } == .ENOENT)
    }

    @Test func whatIsNotInThePageCacheIsReadOnTheSlowPool() throws {
        directory.run("head -c 300000 /dev/urandom > file; sync file")
        let file = try ServedDirectory(directory).mount(.exclusive, context).root.find("file", context)
        let description = try file.open([], context)
        let descriptor = try description.mappable(writable: false, context).rawValue
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        var probe = [UInt8](repeating: 0, count: 100)
        let cached = probe.withUnsafeMutableBytes { raw in
            errno { () throws(Errno) in _ = try HostFile.readCached(descriptor, into: raw, at: 200_000) }
        }
        // A file system without a disk behind, or one that cannot tell: nothing to show here.
        guard cached == .EAGAIN else { return }
        let fast = TestContext(mayBlock: false)
        #expect(errno { () throws(Errno) in _ = try description.read(into: ArraySink(capacity: 300_000), at: nil, fast) } == .needsSlowPath)
        #expect(description.offset == 0)
        #expect(try description.read(into: ArraySink(capacity: 300_000), at: nil, context) == 300_000)
        #expect(try description.read(into: ArraySink(capacity: 300_000), at: 0, fast) == 300_000)
    }

    @Test func aDeadGoferIsEIO() throws {
        directory.run("echo x > file")
        let (client, gofer) = try HostSocket.makePair()
        let server = GoferServer(
            GoferConfiguration(attaches: [GoferAttach(id: 7, directory: directory.descriptor, isReadOnly: true)]))
        HostThread.start("dying gofer") {
            // Answers the attach, then dies on the next request.
            var buffer = [UInt8](repeating: 0, count: 1000)
            let count = recv(gofer, &buffer, 1000, 0)
            if let answer = server.respond(to: Array(buffer[..<count]), isTruncated: false) { try? HostSocket.send(gofer, answer.message) }
            _ = recv(gofer, &buffer, 1000, 0)
            close(gofer)
        }
        let fileSystem = try GoferFileSystem.connect(socketFD: client, attach: 7, mode: .exclusive, device: 1)
        #expect(errno { () throws(Errno) in _ = try fileSystem.root.find("file", context) } == .EIO)
        #expect(errno { () throws(Errno) in _ = try fileSystem.root.find("other", context) } == .EIO)
    }

    @Test func threadsShareOneSocket() throws {
        directory.run("for i in $(seq 50); do echo $i > f$i; done")
        let client = GoferClient(socketFD: try ServedDirectory(directory, threads: 3).clientSocket)
        guard case .root(let root, _) = try client.call(.attach(version: GoferLimits.version, id: 7)).reply else { throw Errno.EIO }
        let done = HostSemaphore()
        let failures = Atomic(0)
        for thread in 0..<8 {
            HostThread.start("caller") {
                for round in 0..<500 {
                    let name = "f\((round &* 7 &+ thread) % 50 + 1)"
                    do throws(Errno) {
                        guard case .walk(let walk) = try client.call(.walk(node: root.node, names: [bytes(name)], donates: false)).reply,
                            let entry = walk.entries.first
                        else { throw .EIO }
                        let answer = try client.call(.open(node: entry.node, access: .read, truncates: false))
                        if answer.descriptor == nil { throw .EIO }
                        client.forget(entry.node, count: 1)
                    } catch .ESTALE {
                        // Another thread's forget was for the last reference at that moment: only with shared counts.
                        _ = failures.decrement()
                    } catch {
                        _ = failures.decrement()
                    }
                }
                done.post()
            }
        }
        for _ in 0..<8 { done.wait() }
        #expect(failures.decrement() == -1)
    }

    private func openDescriptors() -> Int {
        guard let listing = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(listing) }
        var count = 0
        while readdir(listing) != nil { count += 1 }
        return count
    }
}

@Suite struct SharedMountTests {
    let directory = TemporaryDirectory()
    let context = TestContext()

    private func mount(isReadOnly: Bool = false) throws -> GoferFileSystem {
        try ServedDirectory(directory, isReadOnly: isReadOnly).mount(.shared, context)
    }

    @Test func changesOnTheHostShow() throws {
        directory.run("mkdir d; echo one > d/file")
        let root = try mount().root
        let file = try root.find("d/file", context)
        #expect(try file.content(context) == "one\n")
        directory.run("echo longer > d/file; chmod 600 d/file; echo new > d/new")
        #expect(try root.find("d/file", context) === file)
        #expect(try file.attributes(context).size == 7)
        #expect(try file.attributes(context).permissions == 0o600)
        #expect(try root.find("d", context).names(context) == ["file", "new"])
        directory.run("rm d/file")
        #expect(errno { () throws(Errno) in _ = try root.find("d/file", context) } == .ENOENT)
        directory.run("echo again > d/file")
        #expect(try root.find("d/file", context).content(context) == "again\n")
    }

    @Test func filesAreMadeWrittenAndRemovedOnTheHost() throws {
        let root = try mount().root
        let d = try root.makeDirectory(bytes("d"), permissions: 0o755, context)
        let file = try d.create(bytes("file"), type: .regular, permissions: 0o444, specialDevice: 0, context)
        // The open that creates may write a file made read-only.
        let description = try file.open(.O_RDWR, context)
        #expect(try description.write(from: ArraySource(bytes("hello world")), at: nil, context) == 11)
        #expect(description.offset == 11)
        #expect(try description.write(from: ArraySource(bytes("J")), at: 0, context) == 1)
        #expect(directory.read("d/file") == "Jello world")
        #expect(try description.attributes(context).size == 11)
        description.flags.insert(.O_APPEND)
        #expect(try description.write(from: ArraySource(bytes("!")), at: 0, context) == 1)
        #expect(directory.read("d/file") == "Jello world!")
        var change = AttributeChange()
        change.size = 5
        try description.setAttributes(change, context)
        #expect(directory.read("d/file") == "Jello")
        #expect(try description.seek(0, whence: 2, context) == 5)

        try root.rename(bytes("d"), d, to: root, bytes("e"), replacing: nil, context)
        try d.link(bytes("second"), to: file, context)
        #expect(directory.read("e/second") == "Jello")
        _ = try d.symlink(bytes("sym"), target: bytes("../anywhere"), context)
        #expect(try root.find("e/sym", context).readlink(context) == bytes("../anywhere"))
        try d.rename(bytes("file"), file, to: root, bytes("moved"), replacing: nil, context)
        #expect(try root.find("moved", context).content(context) == "Jello")
        try root.unlink(bytes("moved"), file, context)
        try d.unlink(bytes("second"), file, context)
        // Still open.
        let sink = ArraySink(capacity: 10)
        #expect(try description.read(into: sink, at: 0, context) == 5)
        #expect(try description.attributes(context).linkCount == 0)
        change.size = 1
        try description.setAttributes(change, context)
        #expect(try description.attributes(context).size == 1)
        #expect(errno { () throws(Errno) in try root.removeDirectory(bytes("e"), d, context) } == .ENOTEMPTY)
        try d.unlink(bytes("sym"), try d.lookup(bytes("sym"), context), context)
        try root.removeDirectory(bytes("e"), d, context)
        #expect(directory.run("test -e e") != 0)
    }

    @Test func openFilesKeepToTheirBudget() throws {
        directory.run("for i in $(seq 10); do echo $i > f$i; done")
        var budget = GoferBudget()
        budget.pinnedDescriptors = 5
        let root = try ServedDirectory(directory, isReadOnly: false).mount(.shared, budget: budget, context).root
        var descriptions: [FileDescription] = []
        for index in 1...5 { descriptions.append(try root.find("f\(index)", context).open(.O_RDWR, context)) }
        #expect(errno { () throws(Errno) in _ = try root.find("f6", context).open([], context) } == .ENFILE)
        #expect(errno { () throws(Errno) in _ = try descriptions[0].mappable(writable: false, context) } == .ENFILE)
        #expect(errno { () throws(Errno) in _ = try root.find("f1", context).open(.O_CREAT, context) } == .ENFILE)
        descriptions.removeLast(2)
        #expect(try descriptions[0].mappable(writable: false, context).rawValue >= 0)
        #expect(try root.find("f6", context).content(context) == "6\n")
    }

    @Test func attributesAreChangedOnTheHost() throws {
        directory.run("echo hello > file")
        let file = try mount().root.find("file", context)
        var change = AttributeChange()
        change.permissions = 0o640
        change.modificationTime = Timespec(seconds: 1_000_000_000, nanoseconds: 5)
        change.size = 2
        try file.setAttributes(change, context)
        let attributes = try file.attributes(context)
        #expect(attributes.permissions == 0o640)
        #expect(attributes.modificationTime == Timespec(seconds: 1_000_000_000, nanoseconds: 5))
        #expect(directory.read("file") == "he")
        _ = try file.open([.O_WRONLY, .O_TRUNC], context)
        #expect(directory.read("file") == "")
    }

    @Test func extendedAttributesOfUsersOnly() throws {
        directory.run("echo hello > file")
        let file = try mount().root.find("file", context)
        try file.setXattr(bytes("user.key"), bytes("value"), flags: 0, context)
        #expect(try file.getXattr(bytes("user.key"), context) == bytes("value"))
        #expect(try file.listXattrs(context) == [bytes("user.key")])
        #expect(errno { () throws(Errno) in _ = try file.getXattr(bytes("user.no"), context) } == .ENODATA)
        #expect(errno { () throws(Errno) in _ = try file.getXattr(bytes("security.capability"), context) } == .ENODATA)
        #expect(errno { () throws(Errno) in try file.setXattr(bytes("trusted.x"), [], flags: 0, context) } == .EOPNOTSUPP)
        try file.removeXattr(bytes("user.key"), context)
        #expect(try file.listXattrs(context).isEmpty)
    }

    @Test func aReadOnlySharedMountRefusesChanges() throws {
        directory.run("echo hello > file")
        let root = try mount(isReadOnly: true).root
        #expect(errno { () throws(Errno) in _ = try root.find("file", context).open(.O_RDWR, context) } == .EROFS)
        #expect(errno { () throws(Errno) in _ = try root.makeDirectory(bytes("d"), permissions: 0o755, context) } == .EROFS)
    }

    @Test func aMappingOfAFileOpenForBothIsReadOnlyUnlessAsked() throws {
        directory.run("echo hello > file")
        let description = try mount().root.find("file", context).open(.O_RDWR, context)
        let readOnly = try description.mappable(writable: false, context)
        #expect(fcntl(readOnly.rawValue, F_GETFL) & O_ACCMODE == O_RDONLY)
        let writable = try description.mappable(writable: true, context)
        #expect(fcntl(writable.rawValue, F_GETFL) & O_ACCMODE == O_RDWR)
    }

    @Test func aLargeDirectoryIsReadPageByPageAndFromAnyPosition() throws {
        directory.run("for i in $(seq 2000); do : > file$i; done")
        let description = try mount().root.open(.O_DIRECTORY, context)
        var names: [String] = []
        var positions: [Int64] = []
        try description.readDirectory(context) { name, _, _, next in
            names.append(String(decoding: name, as: UTF8.self))
            positions.append(next)
            return true
        }
        #expect(Set(names).count == 2002)
        #expect(names.count == 2002)
        // A worker that may not wait passes on what it has, and loses nothing.
        _ = try description.seek(0, whence: 0, context)
        var again: [String] = []
        let fast = TestContext(mayBlock: false)
        while again.count < names.count {
            let before = again.count
            for caller in [fast, context] where again.count == before {
                do throws(Errno) {
                    try description.readDirectory(caller) { name, _, _, _ in
                        again.append(String(decoding: name, as: UTF8.self))
                        return true
                    }
                } catch {
                    #expect(error == .needsSlowPath)
                }
            }
            if again.count == before { break }
        }
        #expect(again == names)
        _ = try description.seek(positions[999], whence: 0, context)
        #expect(try description.names(context) == Array(names[1000...]))
    }
}
