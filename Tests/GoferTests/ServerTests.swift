import Glibc
import GoferProtocol
import HostSyscalls
import LinuxABI
import Testing

@testable import Gofer

@Suite struct ServerTests {
    let directory = TemporaryDirectory()

    private func walk(_ served: ServedDirectory, _ names: String...) throws -> GoferWalk {
        guard case .success(.walk(let walk)) = try served.ask(.walk(node: try served.attach(), names: names.map(bytes), donates: false))
        else {
            throw Errno.EIO
        }
        return walk
    }

    @Test func aWalkAnswersUpToTheFirstLinkOrMissingName() throws {
        directory.run("mkdir -p a/b/c; ln -s b a/link; echo hi > a/b/file")
        let served = try ServedDirectory(directory)
        #expect(try walk(served, "a", "b", "c").entries.count == 3)
        let missing = try walk(served, "a", "nothing", "c")
        #expect(missing.entries.count == 1)
        #expect(missing.error == .ENOENT)
        let link = try walk(served, "a", "link", "c")
        #expect(link.entries.count == 2)
        #expect(link.error == nil)
        #expect(link.entries.last?.linkText == bytes("b"))
        #expect(try walk(served, "a", "b", "file", "x").entries.count == 3)
    }

    @Test func nothingLeadsOutOfTheRoot() throws {
        directory.run("mkdir inside; ln -s / inside/root; ln -s .. inside/up; ln -s /etc/passwd inside/passwd")
        let served = try ServedDirectory(directory)
        let root = try served.attach()
        for names in [["..", "etc"], ["inside", "..", ".."], ["inside/../.."], ["/etc"], ["inside/root/etc"]] {
            #expect(try served.ask(.walk(node: root, names: names.map(bytes), donates: false)) == .failure(.EPROTO))
        }
        for name in ["root", "up", "passwd"] {
            let found = try walk(served, "inside", name, "etc")
            #expect(found.entries.count == 2)
            guard let node = found.entries.last?.node else { continue }
            #expect(try served.ask(.walk(node: node, names: [bytes("etc")], donates: false)) == .failure(.ENOTDIR))
            #expect(try served.ask(.open(node: node, access: .read, truncates: false)) == .failure(.ELOOP))
            #expect(try served.ask(.readDirectory(node: node, cookie: 0)) == .failure(.ENOTDIR))
        }
    }

    @Test func aFileSwappedForALinkIsNotOpened() throws {
        directory.run("echo hi > file")
        let served = try ServedDirectory(directory)
        guard let node = try walk(served, "file").entries.first?.node else { throw Errno.EIO }
        directory.run("rm file; ln -s /etc/passwd file")
        #expect(try served.ask(.open(node: node, access: .read, truncates: false)) == .failure(.ESTALE))
        directory.run("rm file; echo other > file")
        #expect(try served.ask(.open(node: node, access: .read, truncates: false)) == .failure(.ESTALE))
        directory.run("rm file; mkfifo file")
        #expect(try served.ask(.open(node: node, access: .read, truncates: false)) == .failure(.ESTALE))
    }

    @Test func specialFilesAreDescribedButNeverOpened() throws {
        directory.run("mkfifo fifo; ln -s x link")
        let served = try ServedDirectory(directory)
        guard let fifo = try walk(served, "fifo").entries.first else { throw Errno.EIO }
        #expect(fifo.attributes.format == 0o010000)
        #expect(try served.ask(.open(node: fifo.node, access: .read, truncates: false)) == .failure(.ENXIO))
        #expect(try served.ask(.open(node: try served.attach(), access: .read, truncates: false)) == .failure(.EISDIR))
    }

    @Test func aReadOnlyRootRefusesEveryChange() throws {
        directory.run("mkdir dir; echo hi > file")
        let served = try ServedDirectory(directory)
        let root = try served.attach()
        guard let file = try walk(served, "file").entries.first?.node else { throw Errno.EIO }
        for request in ProtocolTests.requests {
            let aimed: GoferRequest
            switch request {
            case .create(_, let name, let creation): aimed = .create(directory: root, name: name, creation)
            case .makeDirectory(_, let name, let creation): aimed = .makeDirectory(directory: root, name: name, creation)
            case .makeFIFO(_, let name, let creation): aimed = .makeFIFO(directory: root, name: name, creation)
            case .symlink(_, let name, let target, let creation):
                aimed = .symlink(directory: root, name: name, target: target, creation)
            case .link(_, _, let name): aimed = .link(node: file, directory: root, name: name)
            case .unlink: aimed = .unlink(directory: root, name: bytes("file"))
            case .removeDirectory: aimed = .removeDirectory(directory: root, name: bytes("dir"))
            case .rename: aimed = .rename(directory: root, name: bytes("file"), newDirectory: root, newName: bytes("new"))
            case .setAttributes(_, let change): aimed = .setAttributes(node: file, change)
            case .setXattr(_, let name, let value, let flags): aimed = .setXattr(node: file, name: name, value: value, flags: flags)
            case .removeXattr(_, let name): aimed = .removeXattr(node: file, name: name)
            case .open: aimed = .open(node: file, access: .write, truncates: false)
            default: continue
            }
            #expect(try served.ask(aimed) == .failure(.EROFS), "\(aimed)")
        }
        #expect(directory.read("file") == "hi\n")
    }

    @Test func aViewShowsOnlyWhatItsListNames() throws {
        directory.run("mkdir -p usr/bin etc home/me var/lib/dpkg var/log; echo x > usr/bin/tool; echo s > secret")
        let served = try ServedDirectory(directory, isReadOnly: false, visiblePaths: ["/usr", "etc/", "var/lib/dpkg", "nothing", "../x"])
        let root = try served.attach()
        #expect(try walk(served, "usr", "bin", "tool").entries.count == 3)
        #expect(try walk(served, "var", "lib", "dpkg").entries.count == 3)
        for hidden in [["home"], ["secret"], ["var", "log"], ["nothing"]] {
            guard case .success(.walk(let walk)) = try served.ask(.walk(node: root, names: hidden.map(bytes), donates: false)) else {
                throw Errno.EIO
            }
            #expect(walk.error == .ENOENT)
        }
        guard case .success(.directory(let page)) = try served.ask(.readDirectory(node: root, cookie: 0)) else { throw Errno.EIO }
        #expect(page.isLast)
        #expect(Set(page.entries.map { String(decoding: $0.name, as: UTF8.self) }) == [".", "..", "usr", "etc", "var"])
        // A view is read-only whatever was asked for.
        #expect(try served.ask(.unlink(directory: root, name: bytes("secret"))) == .failure(.EROFS))
    }

    @Test func oneFileCanBeServedWithoutItsDirectory() throws {
        directory.run("echo hi > file; echo s > secret")
        let served = try ServedDirectory(directory, fileName: "file")
        let root = try served.attach()
        guard case .success(.attributes(let attributes)) = try served.ask(.open(node: root, access: .read, truncates: false)) else {
            throw Errno.EIO
        }
        #expect(attributes.size == 3)
        for node in 0..<20 as Range<UInt64> {
            let answer = try served.ask(.walk(node: node, names: [bytes("secret")], donates: false))
            #expect(answer == .failure(.ESTALE) || answer == .failure(.ENOTDIR))
        }
    }

    @Test func garbageIsAnsweredAndTheServerGoesOn() throws {
        directory.run("echo hi > file")
        let served = try ServedDirectory(directory)
        var generator = SystemRandomNumberGenerator()
        for round in 0..<2000 {
            var message = (0..<Int.random(in: 9..<80)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // An odd operation number has a reply; a forget has none.
            if message[8] == 3 { message[8] = 200 }
            if round % 2 == 0 {
                message[8] = [1, 2, 4, 5, 6, 7, 8, 9, 10, 17, 21].randomElement(using: &generator) ?? 1
                for index in 9..<17 where index < message.count { message[index] = index == 9 ? UInt8.random(in: 0...3) : 0 }
            }
            let reply = try served.exchange(message)
            #expect(Array(reply[..<8]) == Array(message[..<8]))
        }
        // Too long, and too short to have an id.
        let long = try served.exchange([1, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 1, count: 100_000))
        #expect(throws: Errno.EMSGSIZE) { try GoferReply.decode(long[...]) }
        try HostSocket.send(served.clientSocket, [1, 2, 3])
        #expect(try walk(served, "file").entries.count == 1)
    }

    @Test func randomRequestsOnAWritableRootStayInside() throws {
        let outside = TemporaryDirectory()
        outside.run("mkdir dir; echo secret > file; chmod 600 file; touch -d @978307200 file dir .")
        directory.run("mkdir a; ln -s \(outside.path) a/out; ln -s \(outside.path)/file a/outfile; ln -s ../.. up; echo x > f; mkfifo fifo")
        let served = try ServedDirectory(directory, isReadOnly: false, threads: 2)
        var nodes: [GoferNodeID] = [try served.attach()]
        var generator = SystemRandomNumberGenerator()
        let names = ["a", "f", "out", "outfile", "up", "fifo", "b", "c", "file", "dir"].map(bytes)
        for _ in 0..<5000 {
            func node() -> GoferNodeID { nodes.randomElement(using: &generator) ?? 1 }
            func name() -> [UInt8] { names.randomElement(using: &generator) ?? [] }
            let creation = GoferCreation(mode: UInt32.random(in: 0...0o7777), uid: getuid(), gid: getgid())
            var change = GoferAttributeChange()
            if Bool.random() { change.mode = UInt32.random(in: 0...0o7777) }
            if Bool.random() { change.size = Int64.random(in: 0...10000) }
            if Bool.random() { change.modificationTime = Timespec(seconds: 1, nanoseconds: 0) }
            let request: GoferRequest
            switch Int.random(in: 0..<16) {
            case 0: request = .create(directory: node(), name: name(), creation)
            case 1: request = .makeDirectory(directory: node(), name: name(), creation)
            case 2: request = .makeFIFO(directory: node(), name: name(), creation)
            case 3: request = .symlink(directory: node(), name: name(), target: bytes("\(outside.path)/file"), creation)
            case 4: request = .link(node: node(), directory: node(), name: name())
            case 5: request = .unlink(directory: node(), name: name())
            case 6: request = .removeDirectory(directory: node(), name: name())
            case 7, 8: request = .rename(directory: node(), name: name(), newDirectory: node(), newName: name())
            case 9: request = .setAttributes(node: node(), change)
            case 10: request = .open(node: node(), access: .readWrite, truncates: true)
            case 11: request = .readDirectory(node: node(), cookie: Int64.random(in: -3...50))
            case 12: request = .setXattr(node: node(), name: bytes("user.x"), value: [1], flags: 0)
            case 13: request = .sync(node: node())
            default: request = .walk(node: node(), names: [name(), name(), name()], donates: false)
            }
            switch try served.ask(request) {
            case .success(.walk(let walk)): nodes.append(contentsOf: walk.entries.map { $0.node })
            case .success(.entry(let entry)): nodes.append(entry.node)
            default: break
            }
        }
        #expect(outside.read("file") == "secret\n")
        #expect(
            outside.run("test $(stat -c %a:%Y file) = 600:978307200 -a $(stat -c %Y .) = 978307200 -a $(stat -c %Y dir) = 978307200")
                == 0)
        #expect(outside.run("test $(ls -A | wc -l) = 2 -a -z \"$(ls -A dir)\"") == 0)
    }

    @Test func nodesAreCountedAndBounded() throws {
        directory.run("for i in $(seq 20); do echo > f$i; done")
        let served = try ServedDirectory(directory, maximumNodes: 10)
        let root = try served.attach()
        var nodes: [GoferNodeID] = []
        for index in 1...9 {
            guard let node = try walk(served, "f\(index)").entries.first?.node else { throw Errno.EIO }
            nodes.append(node)
        }
        #expect(try walk(served, "f10").error == .ENFILE)
        // The same file again is the same node, with one more reference.
        #expect(try walk(served, "f1").entries.first?.node == nodes[0])
        try HostSocket.send(served.clientSocket, GoferRequest.forget([GoferForget(node: nodes[0], count: 1)]).encoded(id: 0))
        #expect(try walk(served, "f10").error == .ENFILE)
        try HostSocket.send(
            served.clientSocket,
            GoferRequest.forget([GoferForget(node: nodes[0], count: 100), GoferForget(node: 4711, count: 1)]).encoded(id: 0))
        #expect(try walk(served, "f10").error == nil)
        #expect(try served.ask(.stat(node: nodes[0])) == .failure(.ESTALE))
        _ = root
    }

    @Test func noSetUserIDFileComesOut() throws {
        let served = try ServedDirectory(directory, isReadOnly: false)
        let root = try served.attach()
        let creation = GoferCreation(mode: 0o6755, uid: getuid(), gid: getgid())
        guard case .success(.entry(let entry)) = try served.ask(.create(directory: root, name: bytes("tool"), creation)) else {
            throw Errno.EIO
        }
        #expect(entry.attributes.mode & 0o7000 == 0)
        var change = GoferAttributeChange()
        change.mode = 0o4711
        guard case .success(.attributes(let changed)) = try served.ask(.setAttributes(node: entry.node, change)) else {
            throw Errno.EIO
        }
        #expect(changed.mode == 0o100711)
    }
}
