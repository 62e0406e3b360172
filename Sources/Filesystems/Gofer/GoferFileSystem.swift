// A host directory as a file system: what a gofer serves, seen from the sentry.
import GoferProtocol
import HostSyscalls
import LinuxABI
import VFS

/// A mount of a host directory through a gofer.
public final class GoferFileSystem: FileSystem {
    let tree: GoferTree
    private var rootInode: GoferInode?
    private var statisticsCache: FileSystemStatistics?

    private init(tree: GoferTree, device: UInt64) {
        self.tree = tree
        super.init(typeName: "gofer", device: device)
    }

    deinit {
        rootInode = nil
        tree.dropAllCaches()
    }

    /// Connects to the gofer at the other end of `socketFD` (owned from now on) and attaches its directory `id`: the one-call way.
    ///
    /// Blocks for one request: call it while the sandbox is being set up, not with the kernel lock held.
    /// - Throws: `ENOENT` for an id that the gofer does not serve; `EIO` if it is gone.
    public static func connect(
        socketFD: Int32, attach id: UInt32, mode: GoferMode, device: UInt64, budget: GoferBudget = GoferBudget()
    ) throws(Errno) -> GoferFileSystem {
        try attach(GoferClient(socketFD: socketFD), id: id, mode: mode, device: device, budget: budget)
    }

    /// Attaches a further directory of a gofer that is connected.
    public static func attach(
        _ client: GoferClient, id: UInt32, mode: GoferMode, device: UInt64, budget: GoferBudget = GoferBudget()
    ) throws(Errno) -> GoferFileSystem {
        let answer = try client.call(.attach(version: GoferLimits.version, id: id))
        guard case .root(let entry, let isReadOnly) = answer.reply, entry.node != 0 else { throw .EIO }
        let tree = GoferTree(
            client: client, mode: mode, isReadOnly: isReadOnly || mode == .exclusive, budget: budget,
            rootDevice: entry.attributes.device)
        let fileSystem = GoferFileSystem(tree: tree, device: device)
        fileSystem.rootInode = GoferInode.make(fileSystem: fileSystem, tree: tree, parent: nil, name: [], entry.attributes)
        fileSystem.rootInode?.adopt(entry)
        return fileSystem
    }

    /// The attached directory, or the attached file.
    public var root: Inode {
        guard let rootInode else { preconditionFailure("the root lives as long as the file system") }
        return rootInode
    }

    /// Whether changes are refused.
    public var isReadOnly: Bool { tree.isReadOnly }
    public var client: GoferClient { tree.client }

    override public var revalidates: Bool { !tree.isExclusive }

    override public func statistics(_ context: VFSContext) throws(Errno) -> FileSystemStatistics {
        if let statisticsCache { return statisticsCache }
        guard let rootInode else { throw .EIO }
        guard case .fileSystem(let status) = try rootInode.ask(context, { .statfs(node: $0) }).reply else { throw .EIO }
        var statistics = FileSystemStatistics(magic: status.magic)
        statistics.blockSize = status.blockSize
        statistics.blocks = status.blocks
        statistics.freeBlocks = status.freeBlocks
        statistics.availableBlocks = status.availableBlocks
        statistics.files = status.files
        statistics.freeFiles = status.freeFiles
        statistics.nameLength = status.nameLength
        if tree.isExclusive { statisticsCache = statistics }
        return statistics
    }
}
