import GoferProtocol
import LinuxABI
import Testing

@Suite struct ProtocolTests {
    static let requests: [GoferRequest] = {
        let creation = GoferCreation(mode: 0o644, uid: 1, gid: 2)
        var change = GoferAttributeChange()
        change.mode = 0o600
        change.size = 9
        change.modificationTime = Timespec(seconds: -5, nanoseconds: 7)
        let name = bytes("name")
        return [
            .attach(version: 1, id: 3), .walk(node: 1, names: [bytes("usr"), bytes("bin")], donates: false),
            .forget([GoferForget(node: 4, count: 2)]), .open(node: 1, access: .readWrite, truncates: true),
            .readDirectory(node: 1, cookie: -3), .readlink(node: 1), .stat(node: 1), .statfs(node: 1),
            .getXattr(node: 1, name: bytes("user.a")), .listXattrs(node: 1),
            .setXattr(node: 1, name: bytes("user.a"), value: [0, 1], flags: 1), .removeXattr(node: 1, name: bytes("user.a")),
            .create(directory: 1, name: name, creation), .makeDirectory(directory: 1, name: name, creation),
            .makeFIFO(directory: 1, name: name, creation), .symlink(directory: 1, name: name, target: bytes("../x"), creation),
            .link(node: 1, directory: 2, name: name), .unlink(directory: 1, name: name), .removeDirectory(directory: 1, name: name),
            .rename(directory: 1, name: name, newDirectory: 2, newName: name), .setAttributes(node: 1, change), .sync(node: 1),
        ]
    }()

    @Test func everyRequestSurvivesTheWire() throws {
        for request in Self.requests {
            let decoded = try GoferRequest.decode(request.encoded(id: 77)[...])
            #expect(decoded.id == 77)
            #expect(decoded.request == request)
        }
    }

    @Test func aCutOrPaddedRequestIsRefused() {
        for request in Self.requests {
            let message = request.encoded(id: 1)
            for count in 0..<message.count { #expect(throws: GoferBadRequest.self) { try GoferRequest.decode(message[..<count]) } }
            #expect(throws: GoferBadRequest.self) { try GoferRequest.decode((message + [0])[...]) }
        }
    }

    @Test(arguments: ["", ".", "..", "a/b", "/", "a\0b", String(repeating: "x", count: 256)])
    func aNameThatIsNoPlainNameIsRefused(_ name: String) {
        let creation = GoferCreation(mode: 0o644, uid: 0, gid: 0)
        for request: GoferRequest in [
            .walk(node: 1, names: [bytes("ok"), bytes(name)], donates: false), .create(directory: 1, name: bytes(name), creation),
            .unlink(directory: 1, name: bytes(name)),
            .rename(directory: 1, name: bytes("ok"), newDirectory: 1, newName: bytes(name)),
        ] {
            #expect(throws: GoferBadRequest.self) { try GoferRequest.decode(request.encoded(id: 1)[...]) }
        }
    }

    @Test func randomBytesAreRefusedOrDecodedButNeverCrash() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var message = (0..<Int.random(in: 0..<64)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // Plausible operation numbers and small counts reach further.
            if message.count > 20 {
                message[8] = UInt8.random(in: 1...22)
                for index in 17..<message.count where Bool.random() { message[index] = UInt8.random(in: 0...3) }
            }
            _ = try? GoferRequest.decode(message[...])
            _ = try? GoferReply.decode(message[...])
        }
    }

    @Test func everyReplySurvivesTheWireAndACutOneIsEIO() throws {
        var attributes = GoferAttributes()
        attributes.mode = 0o100644
        attributes.size = 5
        let entry = GoferEntry(node: 3, attributes: attributes, linkText: bytes("x"))
        let line = GoferDirectoryEntry(name: bytes("n"), next: 5, inode: 6, direntType: 8, attributes: attributes, linkText: nil)
        let replies: [GoferReply] = [
            .done, .root(entry, isReadOnly: true), .entry(entry), .walk(GoferWalk(entries: [entry, entry], error: .ENOENT)),
            .attributes(attributes), .directory(GoferDirectoryPage(entries: [line], isLast: true)), .bytes([1, 2]),
            .names([bytes("user.a")]), .fileSystem(GoferFileSystemStatus()),
        ]
        for reply in replies {
            let message = reply.encoded(id: 9)
            #expect(try GoferReply.decode(message[...]) == reply)
            for count in 0..<message.count { #expect(throws: Errno.EIO) { try GoferReply.decode(message[..<count]) } }
        }
        #expect(throws: Errno.ENOENT) { try GoferReply.decode(GoferReply.encoded(error: .ENOENT, id: 1)[...]) }
        #expect(throws: Errno.EIO) { try GoferReply.decode(GoferReply.encoded(error: .needsSlowPath, id: 1)[...]) }
    }
}
