// A temporary host directory, a gofer that serves it from a thread, and a file system on top.
import Auth
import Glibc
import GoferProtocol
import HostSyscalls
import LinuxABI
import VFS

@testable import Filesystems
@testable import Gofer

/// A caller that may wait (the slow pool), or not (`mayBlock: false`: any request would throw `needsSlowPath`).
final class TestContext: VFSContext {
    private let blocks: Bool
    /// File systems that inodes of the test belong to: an inode does not keep its file system.
    var fileSystems: [FileSystem] = []
    var keptAlive: [AnyObject] = []

    init(mayBlock: Bool = true) {
        blocks = mayBlock
        super.init(credentials: Credentials(user: getuid(), group: getgid(), capabilities: .all))
    }

    override var mayBlock: Bool { blocks }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A directory below /tmp that goes away with the value.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/palisade-test-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            guard let made = buffer.baseAddress.flatMap({ mkdtemp($0) }) else { fatalError("mkdtemp") }
            return String(cString: made)
        }
    }

    deinit { run("chmod -R u+rwx '\(path)'; rm -rf '\(path)'") }

    /// Runs a shell command in the directory.
    @discardableResult
    func run(_ command: String) -> Int32 { system("cd '\(path)' && { \(command); }") }

    func write(_ name: String, _ text: String) {
        let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        _ = text.utf8CString.withUnsafeBufferPointer { Glibc.write(file, $0.baseAddress, text.utf8.count) }
        close(file)
    }

    func read(_ name: String) -> String? {
        let file = open("\(path)/\(name)", O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(file, &buffer, buffer.count)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }

    func setXattr(_ name: String, _ attribute: String, _ value: String) {
        let file = open("\(path)/\(name)", O_RDONLY)
        try? HostFile.setXattr(file, bytes(attribute), bytes(value), flags: 0)
        close(file)
    }

    var descriptor: Int32 { open(path, 0o10000000 | O_DIRECTORY | O_CLOEXEC) }
}

/// A server on threads of this process.
final class ServedDirectory {
    let server: GoferServer
    let directory: TemporaryDirectory
    let clientSocket: Int32

    init(
        _ directory: TemporaryDirectory, isReadOnly: Bool = true, visiblePaths: [String]? = nil, fileName: String? = nil,
        maximumNodes: Int = 10_000, threads: Int = 1
    ) throws {
        self.directory = directory
        let attach = GoferAttach(
            id: 7, directory: directory.descriptor, fileName: fileName.map(bytes), isReadOnly: isReadOnly,
            visiblePaths: visiblePaths?.map(bytes))
        let server = GoferServer(GoferConfiguration(attaches: [attach], maximumNodes: maximumNodes))
        self.server = server
        let (client, gofer) = try HostSocket.makePair()
        clientSocket = client
        let running = Atomic(threads)
        for _ in 0..<threads {
            HostThread.start("test gofer") {
                server.serve(socket: gofer)
                if running.decrement() == 0 { close(gofer) }
            }
        }
    }

    func mount(_ mode: GoferMode, budget: GoferBudget = GoferBudget(), _ context: TestContext) throws -> GoferFileSystem {
        let fileSystem = try GoferFileSystem.connect(socketFD: clientSocket, attach: 7, mode: mode, device: 99, budget: budget)
        context.fileSystems.append(fileSystem)
        return fileSystem
    }

    /// Sends a raw message and returns the raw reply.
    func exchange(_ message: [UInt8]) throws -> [UInt8] {
        try HostSocket.send(clientSocket, message)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = try buffer.withUnsafeMutableBytes { raw -> Int in
            let received = try HostSocket.receive(clientSocket, into: raw, acceptsDescriptor: true)
            if received.descriptor >= 0 { close(received.descriptor) }
            return received.count
        }
        return Array(buffer[..<count])
    }

    /// Sends a request; its reply, or its error.
    func ask(_ request: GoferRequest) throws -> Result<GoferReply, Errno> {
        let message = try exchange(request.encoded(id: 5))
        do throws(Errno) { return .success(try GoferReply.decode(message[...])) } catch { return .failure(error) }
    }

    /// Attaches; the root's node.
    func attach() throws -> GoferNodeID {
        guard case .success(.root(let entry, _)) = try ask(.attach(version: GoferLimits.version, id: 7)) else {
            throw Errno.EIO
        }
        return entry.node
    }
}

/// A counter shared by threads.
final class Atomic: @unchecked Sendable {
    private let lock = FutexLock()
    private var value: Int

    init(_ value: Int) { self.value = value }

    func decrement() -> Int {
        lock.lock()
        defer { lock.unlock() }
        value -= 1
        return value
    }
}

extension FileSystem {
    /// A path on a mount of its own.
    func path(_ inode: Inode) -> VFSPath {
        let dentry = Dentry(name: [], parent: nil, inode: inode)
        return VFSPath(
            mount: Mount(fileSystem: self, root: dentry, mountPoint: nil, isReadOnly: false, id: 1, source: "test"), dentry: dentry)
    }
}

extension Inode {
    /// Looks a path up below this directory.
    func find(_ path: String, _ context: VFSContext) throws(Errno) -> Inode {
        var inode: Inode = self
        for name in path.split(separator: "/") { inode = try inode.lookup(bytes(String(name)), context) }
        return inode
    }

    func open(_ flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        try open(fileSystem.path(self), flags: flags, context)
    }

    /// The whole content.
    func content(_ context: VFSContext) throws(Errno) -> String {
        let sink = ArraySink(capacity: 1 << 20)
        _ = try open([], context).read(into: sink, at: nil, context)
        return String(decoding: sink.bytes, as: UTF8.self)
    }

    /// The listing's names without `.` and `..`, sorted.
    func names(_ context: VFSContext) throws(Errno) -> [String] {
        try open(.O_DIRECTORY, context).names(context).filter { $0 != "." && $0 != ".." }.sorted()
    }
}

extension FileDescription {
    /// All names from the position on, a few at a time.
    func names(_ context: VFSContext, limit: Int = 7) throws(Errno) -> [String] {
        var names: [String] = []
        while true {
            var taken = 0
            try readDirectory(context) { name, _, _, _ in
                if taken == limit { return false }
                taken += 1
                names.append(String(decoding: name, as: UTF8.self))
                return true
            }
            if taken == 0 { return names }
        }
    }
}

/// The error that `body` throws; nil if none.
func errno(_ body: () throws(Errno) -> Void) -> Errno? {
    do throws(Errno) {
        try body()
        return nil
    } catch {
        return error
    }
}
