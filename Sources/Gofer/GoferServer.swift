// Reads requests, hands them to the file operations, sends replies. Nothing that a client sends ends the server but a closed socket.
import Glibc
import GoferProtocol
import HostSyscalls
import LinuxABI

/// The gofer's process: serves `configuration` on `socket` (a `SOCK_SEQPACKET` unix socket) until the client is gone, then exits with 0.
///
/// The process must already run as the user whose rights it lends, in a mount namespace of its own whose mounts are `nodev` (a file that
/// is swapped for a device in the middle of an open must not be opened). It needs no capability, no /proc, no environment. Symbolic links
/// are never followed; devices, sockets and fifos are described but never opened. The umask becomes 0 and the descriptor limit is raised
/// to its hard limit.
public func goferMain(socket: Int32, configuration: GoferConfiguration) -> Never {
    _ = rawHostCall(HostSyscall.umask, 0)
    // A file size limit of the caller's is an error of the request, not the gofer's end.
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    var bounded = configuration
    // Descriptors besides the nodes': attaches, those being donated, the runtime's own.
    bounded.maximumNodes = min(configuration.maximumNodes, max(64, raiseDescriptorLimit() - 128 - configuration.attaches.count))
    let server = GoferServer(bounded)
    for _ in 1..<max(1, min(8, configuration.threadCount)) {
        HostThread.start("gofer") {
            server.serve(socket: socket)
            exitGofer()
        }
    }
    server.serve(socket: socket)
    exitGofer()
}

private func exitGofer() -> Never {
    while true { _ = rawHostCall(HostSyscall.exit_group, 0) }
}

/// Raises RLIMIT_NOFILE's soft limit to the hard one; what it is now.
private func raiseDescriptorLimit() -> Int {
    var limit: (UInt64, UInt64) = (0, 0)
    return withUnsafeMutablePointer(to: &limit) { pointer in
        let address = Int(bitPattern: pointer)
        guard rawHostCall(HostSyscall.prlimit64, 0, 7, 0, address) == 0 else { return 1024 }
        pointer.pointee.0 = pointer.pointee.1
        _ = rawHostCall(HostSyscall.prlimit64, 0, 7, address, 0)
        return Int(clamping: pointer.pointee.1)
    }
}

/// The file server, for any number of threads.
public final class GoferServer: Sendable {
    let roots: [UInt32: ServedRoot]
    let nodes: NodeTable

    public init(_ configuration: GoferConfiguration) {
        var roots: [UInt32: ServedRoot] = [:]
        for attach in configuration.attaches { roots[attach.id] = ServedRoot(attach) }
        self.roots = roots
        nodes = NodeTable(maximum: max(8, configuration.maximumNodes))
    }

    /// Serves until the client closes its end or the socket fails. The caller owns `socket`.
    public func serve(socket: Int32) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: GoferLimits.message, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            do throws(HostErrno) {
                let received = try HostSocket.receive(socket, into: buffer, acceptsDescriptor: false)
                // SOCK_SEQPACKET tells an empty message and a closed peer apart by nothing: a client never sends an empty one.
                if received.count == 0 { return }
                let answer = respond(to: Array(buffer[..<received.count]), isTruncated: received.isTruncated)
                guard let answer else { continue }
                try send(answer, to: socket)
            } catch {
                return
            }
        }
    }

    private func send(_ answer: Answer, to socket: Int32) throws(HostErrno) {
        do throws(HostErrno) {
            try HostSocket.send(socket, answer.message, descriptor: answer.descriptor?.rawValue ?? -1)
        } catch {
            // The descriptor could not go (ETOOMANYREFS, ENOBUFS …): the client learns of it as an error of this request only.
            guard answer.descriptor != nil, let id = GoferReply.requestID(of: answer.message[...]) else { throw error }
            try HostSocket.send(socket, GoferReply.encoded(error: .ENFILE, id: id))
        }
    }

    struct Answer {
        var message: [UInt8]
        var descriptor: SharedHostFD?
    }

    /// The reply to one message; nil if there is none (a forget, or a message without even an id).
    func respond(to message: [UInt8], isTruncated: Bool) -> Answer? {
        let id: UInt64
        let request: GoferRequest
        do throws(GoferBadRequest) {
            (id, request) = try GoferRequest.decode(message[...])
        } catch {
            guard let id = error.id else { return nil }
            return Answer(message: GoferReply.encoded(error: isTruncated ? .EMSGSIZE : .EPROTO, id: id))
        }
        if case .forget(let forgotten) = request {
            for node in forgotten { nodes.forget(node) }
            return nil
        }
        do throws(Errno) {
            let outcome = try perform(request)
            let bytes = outcome.reply.encoded(id: id)
            // Replies are built within the limit; one that is not would be cut, and the client could not tell.
            if bytes.count > GoferLimits.message { return Answer(message: GoferReply.encoded(error: .EMSGSIZE, id: id)) }
            return Answer(message: bytes, descriptor: outcome.descriptor)
        } catch {
            return Answer(message: GoferReply.encoded(error: error, id: id))
        }
    }

    struct Outcome {
        var reply: GoferReply
        var descriptor: SharedHostFD?

        init(_ reply: GoferReply, _ descriptor: SharedHostFD? = nil) {
            self.reply = reply
            self.descriptor = descriptor
        }
    }

    private func perform(_ request: GoferRequest) throws(Errno) -> Outcome {
        switch request {
        case .attach(let version, let id): return try attach(version: version, id: id)
        case .walk(let node, let names, let donates):
            let walk = try walk(from: try directory(node), names)
            return Outcome(.walk(walk), donates ? readable(walk.entries.last) : nil)
        case .forget: return Outcome(.done)
        case .open(let node, let access, let truncates):
            return try open(try nodes.node(node), access, truncates: truncates)
        case .readDirectory(let node, let cookie): return Outcome(.directory(try readDirectory(try directory(node), cookie)))
        case .readlink(let node):
            let node = try nodes.node(node)
            guard node.format == 0o120000 else { throw .EINVAL }
            return Outcome(.bytes(try HostDirectory.readlink(node.descriptor.rawValue)))
        case .stat(let node): return Outcome(.attributes(try attributes(of: try nodes.node(node))))
        case .statfs(let node): return Outcome(.fileSystem(try fileSystemStatus(try nodes.node(node))))
        case .getXattr(let node, let name): return Outcome(.bytes(try getXattr(try nodes.node(node), name)))
        case .listXattrs(let node): return Outcome(.names(try listXattrs(try nodes.node(node))))
        case .setXattr(let node, let name, let value, let flags):
            try setXattr(try changeable(node), name, value, flags: flags)
        case .removeXattr(let node, let name): try removeXattr(try changeable(node), name)
        case .create(let parent, let name, let creation): return try create(in: try changeableDirectory(parent), name, creation)
        case .makeDirectory(let parent, let name, let creation):
            return try makeDirectory(in: try changeableDirectory(parent), name, creation)
        case .makeFIFO(let parent, let name, let creation): return try makeFIFO(in: try changeableDirectory(parent), name, creation)
        case .symlink(let parent, let name, let target, let creation):
            return try symlink(in: try changeableDirectory(parent), name, target, creation)
        case .link(let node, let parent, let name):
            return try link(try changeable(node), in: try changeableDirectory(parent), name)
        case .unlink(let parent, let name):
            try remove(in: try changeableDirectory(parent), name, isDirectory: false)
        case .removeDirectory(let parent, let name):
            try remove(in: try changeableDirectory(parent), name, isDirectory: true)
        case .rename(let parent, let name, let newParent, let newName):
            try rename(in: try changeableDirectory(parent), name, to: try changeableDirectory(newParent), newName)
        case .setAttributes(let node, let change): return try setAttributes(try changeable(node), change)
        case .sync(let node): try sync(try changeable(node))
        }
        return Outcome(.done)
    }

    private func directory(_ id: GoferNodeID) throws(Errno) -> Node {
        let node = try nodes.node(id)
        guard node.isDirectory else { throw .ENOTDIR }
        return node
    }

    private func changeable(_ id: GoferNodeID) throws(Errno) -> Node {
        let node = try nodes.node(id)
        guard !node.root.isReadOnly else { throw .EROFS }
        return node
    }

    private func changeableDirectory(_ id: GoferNodeID) throws(Errno) -> Node {
        let node = try changeable(id)
        guard node.isDirectory else { throw .ENOTDIR }
        return node
    }
}
