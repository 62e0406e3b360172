// The files that the gofer holds for its client: O_PATH descriptors under ids, counted and bounded.
// Lock order: the table's lock is a leaf; no host call is made under it, but the close of a forgotten node's descriptor is not either.
import GoferProtocol
import HostSyscalls
import LinuxABI

/// One attached directory, as served.
final class ServedRoot: Sendable {
    let id: UInt32
    let isReadOnly: Bool
    let view: VisibleTree?
    let directory: SharedHostFD
    let fileName: [UInt8]?

    init(_ attach: GoferAttach) {
        id = attach.id
        isReadOnly = attach.isReadOnly
        view = attach.visiblePaths.map { VisibleTree.make($0) }
        directory = SharedHostFD(HostFD(owning: attach.directory))
        fileName = attach.fileName
    }
}

/// A host file that is held open by O_PATH: its identity cannot be taken over by another file while the node lives.
final class Node: Sendable {
    let id: GoferNodeID
    let root: ServedRoot
    let view: VisibleTree?
    let descriptor: SharedHostFD
    let device: UInt64
    let inode: UInt64
    /// `S_IFMT` part of the mode; never changes.
    let format: UInt32

    init(id: GoferNodeID, root: ServedRoot, view: VisibleTree?, descriptor: SharedHostFD, status: HostFileStatus) {
        self.id = id
        self.root = root
        self.view = view
        self.descriptor = descriptor
        device = status.device
        inode = status.inode
        format = status.format
    }

    var isDirectory: Bool { format == 0o040000 }
    var isRegular: Bool { format == 0o100000 }
}

/// Where a node was last seen: regular files are opened by name, below their directory's descriptor, and compared with the node.
enum Place: Sendable {
    case root
    /// The only file of an attach; its directory is no node, so that the client cannot name it.
    case only(directory: SharedHostFD, name: [UInt8])
    case child(of: GoferNodeID, name: [UInt8])
}

/// All nodes of one gofer. Thread-safe.
final class NodeTable: @unchecked Sendable {
    private struct Key: Hashable {
        var root: UInt32
        var view: Int
        var device: UInt64
        var inode: UInt64
    }

    private struct Record {
        let node: Node
        var place: Place
        var references: UInt64
    }

    private let lock = FutexLock()
    private let maximum: Int
    private var records: [GoferNodeID: Record] = [:]
    private var identities: [Key: GoferNodeID] = [:]
    private var nextID: GoferNodeID = 1

    init(maximum: Int) { self.maximum = maximum }

    /// - Throws: `ESTALE` for an id that is not the client's.
    func node(_ id: GoferNodeID) throws(Errno) -> Node {
        lock.lock()
        defer { lock.unlock() }
        guard let record = records[id] else { throw .ESTALE }
        return record.node
    }

    /// Where `node` was last seen: a directory's descriptor and a name.
    ///
    /// - Throws: `ESTALE` if the directory has been forgotten; `EISDIR` for a root.
    func place(of node: Node) throws(Errno) -> (directory: SharedHostFD, name: [UInt8]) {
        lock.lock()
        defer { lock.unlock() }
        switch records[node.id]?.place {
        case .only(let directory, let name): return (directory, name)
        case .child(let parent, let name):
            guard let parent = records[parent]?.node else { throw .ESTALE }
            return (parent.descriptor, name)
        case .root: throw .EISDIR
        case nil: throw .ESTALE
        }
    }

    /// One more reference for the client to the file's node, which is made if there is none.
    ///
    /// - Throws: `ENFILE` at the bound.
    func reference(
        _ descriptor: SharedHostFD, _ status: HostFileStatus, root: ServedRoot, view: VisibleTree?, place: Place
    ) throws(Errno) -> GoferNodeID {
        lock.lock()
        defer { lock.unlock() }
        let key = Key(root: root.id, view: view?.number ?? 0, device: status.device, inode: status.inode)
        if let id = identities[key], records[id]?.node.format == status.format {
            records[id]?.references += 1
            if case .child = place { records[id]?.place = place }
            return id
        }
        guard records.count < maximum else { throw .ENFILE }
        let id = nextID
        nextID += 1
        let node = Node(id: id, root: root, view: view, descriptor: descriptor, status: status)
        records[id] = Record(node: node, place: place, references: 1)
        identities[key] = id
        return id
    }

    /// Notes a renamed file's new place.
    func moved(_ status: HostFileStatus, root: ServedRoot, to parent: GoferNodeID, name: [UInt8]) {
        lock.lock()
        defer { lock.unlock() }
        let key = Key(root: root.id, view: 0, device: status.device, inode: status.inode)
        if let id = identities[key], case .child = records[id]?.place { records[id]?.place = .child(of: parent, name: name) }
    }

    /// Takes references back; a node without any is closed. More than there are, or an unknown id, is ignored.
    func forget(_ forgotten: GoferForget) {
        var closed: Node?  // Its descriptor is closed after the lock is released.
        lock.lock()
        if var record = records[forgotten.node] {
            record.references -= min(record.references, UInt64(forgotten.count))
            if record.references > 0 {
                records[forgotten.node] = record
            } else {
                closed = record.node
                records[forgotten.node] = nil
                let key = Key(
                    root: record.node.root.id, view: record.node.view?.number ?? 0, device: record.node.device,
                    inode: record.node.inode)
                if identities[key] == forgotten.node { identities[key] = nil }
            }
        }
        lock.unlock()
        _ = closed
    }

    /// How many nodes are held: for tests.
    var count: Int {
        lock.lock()
        defer { lock.unlock() }
        return records.count
    }
}
