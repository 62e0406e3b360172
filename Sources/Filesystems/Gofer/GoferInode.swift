// A host file as an inode: its attributes, its node at the gofer, its descriptor.
import GoferProtocol
import HostSyscalls
import LinuxABI
import VFS

/// A file of a ``GoferFileSystem``. Guarded by the kernel lock; whatever is read before a request may have changed after it.
public class GoferInode: Inode {
    let tree: GoferTree
    /// Where it was last found: how its node is found again. nil for the root.
    private(set) final var parent: GoferDirectory?
    private(set) var name: FileName
    private let depth: Int
    /// Deeper host directories than this are ENAMETOOLONG: bounds every chain of parents.
    static let maximumDepth = 1024

    private(set) final var identity: GoferIdentity
    private(set) var hostAttributes: GoferAttributes
    private var freshness = GoferTree.Freshness()
    private var linkText: [UInt8]?
    /// The user extended attributes' names, once asked for; on exclusive mounts only.
    private var xattrNames: [[UInt8]]?

    /// The gofer's node, 0 while there is none, and how many references to it are ours.
    private var node: GoferNodeID = 0
    private var nodeReferences: UInt32 = 0

    /// A donated read-only descriptor, kept for the next open; on exclusive mounts only.
    private var readDescriptor: SharedHostFD?
    /// What opening gave last, if it failed; on exclusive mounts only.
    private var openError: Errno?
    /// The descriptor that came with the file's creation, for the open that follows.
    private var createdDescriptor: SharedHostFD?
    private var creation = GoferTree.Freshness()
    /// A descriptor of an open description: attributes are asked of the host directly.
    private weak var liveDescriptor: SharedHostFD?
    var lastUse: UInt64 = 0

    init(fileSystem: FileSystem, tree: GoferTree, parent: GoferDirectory?, name: FileName, _ attributes: GoferAttributes) {
        self.tree = tree
        self.parent = parent
        self.name = name
        depth = (parent?.depth ?? 0) + 1
        identity = GoferIdentity(device: attributes.device, inode: attributes.inode)
        hostAttributes = attributes
        super.init(
            fileSystem: fileSystem, number: tree.number(identity), type: FileType(rawValue: attributes.format) ?? .regular)
        tree.register(self)
    }

    deinit {
        if node != 0 { tree.client.forget(node, count: nodeReferences) }
        tree.unregister(self)
    }

    /// The inode for a file that was found as `name` in `parent`: the one that stands for it already, or a new one.
    ///
    /// - Throws: `ENAMETOOLONG` too deep below the root.
    static func make(_ attributes: GoferAttributes, parent: GoferDirectory, name: FileName) throws(Errno) -> GoferInode {
        let identity = GoferIdentity(device: attributes.device, inode: attributes.inode)
        if let known = parent.tree.inode(identity), known.hostAttributes.format == attributes.format {
            known.hostAttributes = attributes
            if known.parent != nil, !parent.isBelow(known) {
                known.parent = parent
                known.name = name
            }
            return known
        }
        guard parent.depth < maximumDepth else { throw .ENAMETOOLONG }
        return make(fileSystem: parent.fileSystem, tree: parent.tree, parent: parent, name: name, attributes)
    }

    /// A new inode of the class that suits its type.
    static func make(
        fileSystem: FileSystem, tree: GoferTree, parent: GoferDirectory?, name: FileName, _ attributes: GoferAttributes
    ) -> GoferInode {
        attributes.isDirectory
            ? GoferDirectory(fileSystem: fileSystem, tree: tree, parent: parent, name: name, attributes)
            : GoferInode(fileSystem: fileSystem, tree: tree, parent: parent, name: name, attributes)
    }

    /// Whether `other` is this inode or one of its parents.
    final func isBelow(_ other: GoferInode) -> Bool {
        guard other.type == .directory else { return false }
        var current: GoferInode? = self
        var steps = 0
        while let inode = current {
            // A parent that moved may make the chain longer than any depth; it is never followed without a bound.
            if inode === other || steps > 2 * Self.maximumDepth { return true }
            steps += 1
            current = inode.parent
        }
        return false
    }

    func update(_ attributes: GoferAttributes) {
        guard attributes.format == hostAttributes.format else { return }
        hostAttributes = attributes
    }

    func markFresh(_ context: VFSContext) {
        if !tree.isExclusive { freshness = GoferTree.Freshness(context) }
    }

    /// The attributes have changed: by a write, a truncation.
    func markStale() { freshness = GoferTree.Freshness() }

    func setLinkText(_ text: [UInt8]?) { linkText = text }

    func moved(to parent: GoferDirectory, _ name: FileName) {
        guard self.parent != nil, !parent.isBelow(self) else { return }
        self.parent = parent
        self.name = name
    }

    // The node at the gofer.

    /// Takes over the reference that a reply's entry carries.
    func adopt(_ entry: GoferEntry) {
        if node == entry.node, nodeReferences < .max {
            nodeReferences += 1
        } else if node == 0 {
            node = entry.node
            nodeReferences = 1
        } else {
            tree.client.forget(entry.node, count: 1)
        }
        if let text = entry.linkText { linkText = text }
    }

    /// Whether the file that was found under this inode's name again is its file.
    ///
    /// Nobody should change an exclusive mount. If somebody did (an editor that writes a new file in the place of the old one), the inode
    /// goes on with the new file, rather than to be useless for ever.
    private func accepts(_ attributes: GoferAttributes) -> Bool {
        let found = GoferIdentity(device: attributes.device, inode: attributes.inode)
        if identity == found { return true }
        guard tree.isExclusive, attributes.format == hostAttributes.format, tree.inode(found) == nil else { return false }
        tree.unregister(self)
        identity = found
        tree.register(self)
        hostAttributes = attributes
        linkText = nil
        xattrNames = nil
        readDescriptor = nil
        return true
    }

    func dropNode() {
        guard node != 0, parent != nil else { return }
        tree.client.forget(node, count: nodeReferences)
        node = 0
        nodeReferences = 0
    }

    /// The node's id, found again by names if it was given back.
    ///
    /// - Throws: `ENOENT` if the names lead nowhere now, `ESTALE` if to a file of another type; `needsSlowPath`.
    private func nodeID(_ context: VFSContext) throws(Errno) -> GoferNodeID {
        if node != 0 { return node }
        // From the nearest parent that has a node; the root always has.
        var chain: [GoferInode] = []
        var current: GoferInode = self
        while current.node == 0 {
            chain.append(current)
            guard let next = current.parent, chain.count <= 2 * Self.maximumDepth else { throw .ESTALE }
            current = next
        }
        while let step = chain.last {
            let batch = chain.suffix(GoferLimits.walkNames)
            let names = batch.reversed().map { $0.name }
            guard current.node != 0 else { throw .ESTALE }
            let answer = try tree.call(.walk(node: current.node, names: names, donates: false), context)
            guard case .walk(let walk) = answer.reply else { throw .EIO }
            if walk.entries.isEmpty { throw walk.error ?? .ESTALE }
            for entry in walk.entries {
                guard let inode = chain.popLast() else { throw .EIO }
                guard inode.accepts(entry.attributes) else {
                    tree.client.forget(entry.node, count: 1)
                    throw .ESTALE
                }
                inode.adopt(entry)
                current = inode
            }
            _ = step
        }
        guard node != 0 else { throw .ESTALE }
        return node
    }

    /// Asks the gofer about this file, once more if its node got lost.
    ///
    /// - Throws: `needsSlowPath`; the gofer's error.
    func ask(
        _ context: VFSContext, _ request: (GoferNodeID) throws(Errno) -> GoferRequest
    ) throws(Errno) -> GoferClient.Answer {
        try context.requireSlowPath()
        do throws(Errno) {
            return try tree.call(request(try nodeID(context)), context)
        } catch .ESTALE {
            dropNode()
        } catch .ENFILE {
            tree.dropNodes()
        } catch {
            throw error
        }
        return try tree.call(request(try nodeID(context)), context)
    }

    /// Asks about two files, for rename and link.
    func ask(
        _ context: VFSContext, with other: GoferInode, _ request: (GoferNodeID, GoferNodeID) -> GoferRequest
    ) throws(Errno) -> GoferClient.Answer {
        try context.requireSlowPath()
        return try ask(context) { (id: GoferNodeID) throws(Errno) -> GoferRequest in request(id, try other.nodeID(context)) }
    }

    // Attributes.

    override public func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        if !tree.isExclusive {
            if freshness.holds(for: context) {
                // A directory's are looked at again and again by one path walk; our own changes make them stale.
                if type != .directory { markStale() }
            } else if let liveDescriptor {
                update(GoferAttributes(try HostDirectory.status(liveDescriptor.rawValue)))
            } else {
                guard case .attributes(let current) = try ask(context, { .stat(node: $0) }).reply else { throw .EIO }
                update(current)
            }
        }
        return guestAttributes
    }

    /// The attributes as last seen, in the guest's terms.
    var guestAttributes: FileAttributes {
        var attributes = FileAttributes(type: type, permissions: hostAttributes.mode & 0o7777)
        attributes.device = fileSystem.device
        attributes.inode = number
        attributes.linkCount = hostAttributes.linkCount
        attributes.uid = hostAttributes.uid
        attributes.gid = hostAttributes.gid
        attributes.specialDevice = hostAttributes.specialDevice
        attributes.size = hostAttributes.size
        attributes.blockSize = hostAttributes.blockSize
        attributes.blocks = hostAttributes.blocks
        attributes.accessTime = hostAttributes.accessTime
        attributes.modificationTime = hostAttributes.modificationTime
        attributes.changeTime = hostAttributes.changeTime
        attributes.birthTime = hostAttributes.birthTime
        return attributes
    }

    /// - Throws: `EROFS` on a mount that takes no changes.
    func requireWritable() throws(Errno) {
        if tree.isReadOnly { throw .EROFS }
    }

    override public func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        try requireWritable()
        if let size = change.size, size < 0 { throw .EINVAL }
        var message = GoferAttributeChange()
        message.mode = change.permissions.map { $0 & 0o7777 }
        message.uid = change.uid
        message.gid = change.gid
        message.size = change.size
        message.accessTime = change.accessTime
        message.modificationTime = change.modificationTime
        guard case .attributes(let current) = try ask(context, { .setAttributes(node: $0, message) }).reply else { throw .EIO }
        update(current)
        markStale()
    }

    override public func readlink(_ context: VFSContext) throws(Errno) -> [UInt8] {
        guard type == .symlink else { throw .EINVAL }
        // A symbolic link's text never changes: another text is another file.
        if let linkText { return linkText }
        guard case .bytes(let text) = try ask(context, { .readlink(node: $0) }).reply, !text.isEmpty,
            text.count <= GoferLimits.linkText
        else { throw .EIO }
        linkText = text
        return text
    }

    // Opening.

    override public func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        switch type {
        case .regular: return try openRegular(path, flags, context)
        case .directory:
            if flags.writes { throw .EISDIR }
            return try openDirectory(path, flags, context)
        case .fifo: return try PipeDescription.openFIFO(self, path: path, flags: flags, context)
        case .symlink: throw .ELOOP
        case .socket: throw .ENXIO
        // The host's device is never opened: a node means the sentry's device of that number.
        case .characterDevice:
            return try CharacterDevices.open(hostAttributes.specialDevice, inode: self, path: path, flags: flags, context)
        case .blockDevice: throw .ENXIO
        }
    }

    /// Directories override it.
    func openDirectory(_ path: VFSPath, _ flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription { throw .ENOTDIR }

    private func openRegular(_ path: VFSPath, _ flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        let truncates = flags.contains(.O_TRUNC)
        if flags.writes || truncates { try requireWritable() }
        if tree.isExclusive {
            _ = try readDescriptor(context)
            return CachedGoferFileDescription(inode: self, flags: flags, path: path)
        }
        if let created = takeCreated(context) {
            if truncates { try HostFile.truncate(created.rawValue, size: 0) }
            try tree.pinDescriptor()
            return adopt(created, .readWrite, path, flags)
        }
        try tree.pinDescriptor()
        do throws(Errno) {
            // O_TRUNC with O_RDONLY truncates on Linux too: it takes a descriptor that writes.
            let access: GoferAccess = !flags.writes && !truncates ? .read : flags.reads ? .readWrite : .write
            let descriptor = try askOpen(access, truncates: truncates, context)
            return adopt(descriptor, access, path, flags)
        } catch {
            tree.unpinDescriptor()
            throw error
        }
    }

    /// A description that pins `descriptor`, already counted.
    private func adopt(
        _ descriptor: SharedHostFD, _ access: GoferAccess, _ path: VFSPath, _ flags: OpenFlags
    ) -> FileDescription {
        liveDescriptor = descriptor
        return PinnedGoferFileDescription(inode: self, descriptor, access, flags: flags, path: path)
    }

    /// Keeps a new file's descriptor for the open that follows in the same call: open for both reading and writing whatever the mode,
    /// because an open that creates may write a file that it makes read-only.
    func keepCreated(_ descriptor: SharedHostFD, _ context: VFSContext) {
        createdDescriptor = descriptor
        creation = GoferTree.Freshness(context)
    }

    private func takeCreated(_ context: VFSContext) -> SharedHostFD? {
        defer { createdDescriptor = nil }
        return creation.holds(for: context) ? createdDescriptor : nil
    }

    func askOpen(_ access: GoferAccess, truncates: Bool, _ context: VFSContext) throws(Errno) -> SharedHostFD {
        let answer = try ask(context) { .open(node: $0, access: access, truncates: truncates) }
        guard case .attributes(let current) = answer.reply else { throw .EIO }
        // Without a descriptor: the sentry is out of them.
        guard let descriptor = answer.descriptor else { throw .ENFILE }
        update(current)
        return descriptor
    }

    /// A read-only descriptor, from the cache or asked for. Exclusive mounts.
    ///
    /// - Throws: what opening the file gives; `needsSlowPath`.
    func readDescriptor(_ context: VFSContext) throws(Errno) -> SharedHostFD {
        lastUse = tree.nextTick()
        if let readDescriptor { return readDescriptor }
        if let openError { throw openError }
        do throws(Errno) {
            let descriptor = try askOpen(.read, truncates: false, context)
            if let readDescriptor { return readDescriptor }
            readDescriptor = descriptor
            tree.noteDescriptor(of: self)
            return descriptor
        } catch .EACCES {
            openError = .EACCES
            throw .EACCES
        } catch {
            throw error
        }
    }

    /// Takes a descriptor that came with the name. Exclusive mounts.
    func keepDescriptor(_ descriptor: SharedHostFD) {
        guard tree.isExclusive, type == .regular, readDescriptor == nil else { return }
        lastUse = tree.nextTick()
        readDescriptor = descriptor
        tree.noteDescriptor(of: self)
    }

    func dropDescriptor() {
        readDescriptor = nil
        tree.noteDescriptorDropped(of: self)
    }

    // Extended attributes: the `user.` class only.

    private static let userPrefix = Array("user.".utf8)

    override public func getXattr(_ name: [UInt8], _ context: VFSContext) throws(Errno) -> [UInt8] {
        guard name.starts(with: Self.userPrefix), type == .regular || type == .directory else { throw .ENODATA }
        if tree.isExclusive, try !listXattrs(context).contains(name) { throw .ENODATA }
        guard case .bytes(let value) = try ask(context, { .getXattr(node: $0, name: name) }).reply else { throw .EIO }
        return value
    }

    override public func listXattrs(_ context: VFSContext) throws(Errno) -> [[UInt8]] {
        guard type == .regular || type == .directory else { return [] }
        if let xattrNames { return xattrNames }
        let names: [[UInt8]]
        do throws(Errno) {
            guard case .names(let list) = try ask(context, { .listXattrs(node: $0) }).reply else { throw .EIO }
            names = list
        } catch .EACCES {
            // Listing needs no right to read on Linux; the gofer's way does. What cannot be read has no value to show either.
            names = []
        } catch .EOPNOTSUPP {
            names = []
        } catch {
            throw error
        }
        if tree.isExclusive { xattrNames = names }
        return names
    }

    override public func setXattr(_ name: [UInt8], _ value: [UInt8], flags: Int32, _ context: VFSContext) throws(Errno) {
        try requireWritable()
        guard name.starts(with: Self.userPrefix) else { throw .EOPNOTSUPP }
        guard value.count <= GoferLimits.xattrValue else { throw .E2BIG }
        _ = try ask(context) { .setXattr(node: $0, name: name, value: value, flags: flags) }
    }

    override public func removeXattr(_ name: [UInt8], _ context: VFSContext) throws(Errno) {
        try requireWritable()
        guard name.starts(with: Self.userPrefix) else { throw .ENODATA }
        _ = try ask(context) { .removeXattr(node: $0, name: name) }
    }
}

extension GoferAttributes {
    init(_ status: HostFileStatus) {
        self.init()
        mode = status.mode
        linkCount = status.linkCount
        uid = status.uid
        gid = status.gid
        device = status.device
        inode = status.inode
        specialDevice = status.specialDevice
        size = status.size
        blockSize = status.blockSize
        blocks = status.blocks
        accessTime = status.accessTime
        modificationTime = status.modificationTime
        changeTime = status.changeTime
        birthTime = status.birthTime
    }
}
