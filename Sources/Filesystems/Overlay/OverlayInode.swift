// A file of the overlay: its lower one until it is changed, its upper one from then on.
import LinuxABI
import VFS

/// A file of an ``OverlayFileSystem`` that is no directory; the base of ``OverlayDirectory``. Guarded by the kernel lock.
class OverlayInode: Inode {
    final let store: OverlayStore
    final let lower: Inode?
    private(set) final var upper: UpperFile?
    /// Names added less names removed since the lower file was as it is; for directories: subdirectories.
    final var linkDelta = 0

    /// Copies of more than this go to the slow pool, and let others run after each piece.
    private static let pieceSize = 1 << 20

    /// A file that stands for `lower`.
    init(fileSystem: FileSystem, store: OverlayStore, lower: Inode) {
        self.store = store
        self.lower = lower
        super.init(fileSystem: fileSystem, number: lower.number, type: lower.type)
        store.register(self, for: lower)
    }

    /// A file that exists in the upper layer only.
    init(fileSystem: FileSystem, store: OverlayStore, upper: UpperFile) {
        self.store = store
        lower = nil
        self.upper = upper
        super.init(fileSystem: fileSystem, number: upper.number, type: upper.inode.type)
    }

    deinit {
        if let lower { store.unregister(lower) }
    }

    /// The layer's inode that has the content.
    final func current() throws(Errno) -> Inode {
        guard let inode = upper?.inode ?? lower else { throw .EIO }
        return inode
    }

    // Attributes.

    override final func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var attributes = try current().attributes(context)
        attributes.device = fileSystem.device
        attributes.inode = number
        attributes.linkCount = try linkCount(context)
        return attributes
    }

    /// `st_nlink`. Directories have their own way.
    func linkCount(_ context: VFSContext) throws(Errno) -> UInt32 {
        let base = try lower?.attributes(context).linkCount ?? 0
        return UInt32(clamping: Int(base) + linkDelta)
    }

    override final func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        if let size = change.size, size < 0 { throw .EINVAL }
        try copyUp(context, keepsContent: change.size != 0)
        try upper?.inode.setAttributes(change, context)
    }

    /// Tells that the file's names changed: its ctime, if it is in the upper layer.
    final func noteLinksChanged(_ context: VFSContext) {
        do throws(Errno) { try upper?.inode.setAttributes(AttributeChange(), context) } catch {}
    }

    /// One name less. Without any the upper file goes; what is open keeps it.
    func dropName(_ context: VFSContext) throws(Errno) {
        linkDelta -= 1
        if try linkCount(context) > 0 {
            // Other names lead to the same file: they must find this inode with its changes.
            store.keep(self)
            noteLinksChanged(context)
        } else {
            discardUpper(context)
        }
    }

    /// Takes the file out of the upper layer's directory: it has no name any more.
    final func discardUpper(_ context: VFSContext) {
        noteLinksChanged(context)
        if let upper { store.discard(upper, context) }
        store.release(self)
    }

    // Copying up.

    /// Makes sure that there is an upper file, with the lower one's attributes, extended attributes and content.
    ///
    /// Two callers may copy the same file at once, since a large copy lets others run: the first to end wins; both copies are equal.
    /// - Throws: `ENOSPC` of the upper layer; `needsSlowPath`, before anything has changed.
    final func copyUp(_ context: VFSContext, keepsContent: Bool = true) throws(Errno) {
        guard upper == nil, let lower else { return }
        let attributes = try lower.attributes(context)
        let xattrs = try readXattrs(of: lower, context)
        let copiesContent = type == .regular && keepsContent && attributes.size > 0
        if copiesContent, attributes.size > Self.pieceSize { try context.requireSlowPath() }
        let source = copiesContent ? try lower.open(lower.layerPath, flags: [], context) : nil
        let target = type == .symlink ? try lower.readlink(context) : []

        let type = type
        let file = try store.make { (work, name) throws(Errno) -> Inode in
            switch type {
            case .directory: return try work.makeDirectory(name, permissions: attributes.permissions, context)
            case .symlink: return try work.symlink(name, target: target, context)
            default:
                return try work.create(
                    name, type: type, permissions: attributes.permissions, specialDevice: attributes.specialDevice, context)
            }
        }
        do throws(Errno) {
            if let source { try copyContent(from: source, to: file.inode, context) }
            for (name, value) in xattrs { try setXattr(name, value, of: file.inode, context) }
            // Owner first: chown clears set-id bits. Times last: the rest changes them.
            var change = AttributeChange()
            change.uid = attributes.uid
            change.gid = attributes.gid
            try file.inode.setAttributes(change, context)
            change = AttributeChange()
            if type != .symlink { change.permissions = attributes.permissions }
            change.accessTime = attributes.accessTime
            change.modificationTime = attributes.modificationTime
            try file.inode.setAttributes(change, context)
        } catch {
            store.discard(file, context)
            throw error
        }
        if upper != nil {
            store.discard(file, context)
            return
        }
        upper = file
        store.keep(self)
    }

    private func copyContent(from source: FileDescription, to inode: Inode, _ context: VFSContext) throws(Errno) {
        source.retain()
        defer { source.release(context) }
        let target = try inode.open(inode.layerPath, flags: .O_WRONLY, context)
        target.retain()
        defer { target.release(context) }
        var position: Int64 = 0
        while true {
            let sink = ArraySink(capacity: Self.pieceSize)
            let count = try source.read(into: sink, at: position, context)
            if count == 0 { return }
            let piece = ArraySource(sink.bytes)
            while piece.remaining > 0 {
                let written = try target.write(from: piece, at: position, context)
                if written == 0 { throw .ENOSPC }
                position += Int64(written)
            }
            if count < Self.pieceSize { return }
            if context.mayBlock { try context.blocking { () throws(Errno) in } }
        }
    }

    private func readXattrs(of lower: Inode, _ context: VFSContext) throws(Errno) -> [([UInt8], [UInt8])] {
        guard type == .regular || type == .directory else { return [] }
        do throws(Errno) {
            var xattrs: [([UInt8], [UInt8])] = []
            for name in try lower.listXattrs(context) { xattrs.append((name, try lower.getXattr(name, context))) }
            return xattrs
        } catch .needsSlowPath {
            throw .needsSlowPath
        } catch {
            // EOPNOTSUPP, EACCES: there are none to keep.
            return []
        }
    }

    private func setXattr(_ name: [UInt8], _ value: [UInt8], of inode: Inode, _ context: VFSContext) throws(Errno) {
        do throws(Errno) {
            try inode.setXattr(name, value, flags: 0, context)
        } catch .EOPNOTSUPP {
            // An upper layer without them: lost, as on Linux.
        } catch {
            throw error
        }
    }

    // Content.

    override func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        switch type {
        case .regular: break
        case .fifo: return try PipeDescription.openFIFO(self, path: path, flags: flags, context)
        case .symlink: throw .ELOOP
        case .socket: throw .ENXIO
        case .blockDevice, .directory: throw .ENXIO
        case .characterDevice:
            let number = try current().attributes(context).specialDevice
            return try CharacterDevices.open(number, inode: self, path: path, flags: flags, context)
        }
        let truncates = flags.contains(.O_TRUNC)
        if flags.writes || truncates { try copyUp(context, keepsContent: !truncates) }
        // Appending is the overlay's: F_SETFL reaches its description only.
        let inode = try current()
        let layer = try inode.open(inode.layerPath, flags: flags.subtracting(.O_APPEND), context)
        return OverlayFileDescription(file: self, layer: layer, flags: flags, path: path)
    }

    override final func readlink(_ context: VFSContext) throws(Errno) -> [UInt8] { try current().readlink(context) }

    // Extended attributes.

    override final func getXattr(_ name: [UInt8], _ context: VFSContext) throws(Errno) -> [UInt8] {
        try current().getXattr(name, context)
    }

    override final func listXattrs(_ context: VFSContext) throws(Errno) -> [[UInt8]] { try current().listXattrs(context) }

    override final func setXattr(_ name: [UInt8], _ value: [UInt8], flags: Int32, _ context: VFSContext) throws(Errno) {
        try copyUp(context)
        try upper?.inode.setXattr(name, value, flags: flags, context)
    }

    override final func removeXattr(_ name: [UInt8], _ context: VFSContext) throws(Errno) {
        try copyUp(context)
        try upper?.inode.removeXattr(name, context)
    }
}
