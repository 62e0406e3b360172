// Requests that change nothing: attach, walk, open, directories, attributes.
import GoferProtocol
import HostSyscalls
import LinuxABI

/// Host open flags (x86-64), as openat2 takes them.
private enum HostOpen {
    static let path: UInt64 = 0o10000000
    static let noFollow: UInt64 = 0o400000
    static let directory: UInt64 = 0o200000
    static let nonBlocking: UInt64 = 0o4000
    static let noTerminal: UInt64 = 0o400
}

extension GoferServer {
    func attach(version: UInt32, id: UInt32) throws(Errno) -> Outcome {
        guard version == GoferLimits.version else { throw .EPROTO }
        guard let root = roots[id] else { throw .ENOENT }
        let entry: GoferEntry
        if let name = root.fileName {
            guard GoferLimits.isPlainName(name) else { throw .EINVAL }
            let place = Place.only(directory: root.directory, name: name)
            entry = try makeEntry(in: root.directory.rawValue, name, root: root, view: nil, place: place)
        } else {
            entry = try makeEntry(in: root.directory.rawValue, [0x2e], root: root, view: root.view, place: .root)
        }
        return Outcome(.root(entry, isReadOnly: root.isReadOnly))
    }

    func walk(from start: Node, _ names: [[UInt8]]) throws(Errno) -> GoferWalk {
        var walk = GoferWalk(entries: [], error: nil)
        var directory = start
        var size = 0
        for name in names {
            do throws(Errno) {
                let entry = try makeEntry(below: directory, name)
                size += 200 + (entry.linkText?.count ?? 0)
                walk.entries.append(entry)
                guard entry.attributes.isDirectory, size < GoferLimits.message - 8192 else { return walk }
                directory = try nodes.node(entry.node)
            } catch {
                walk.error = error
                return walk
            }
        }
        return walk
    }

    /// A descriptor of a regular file to send along; nil for others, and if it cannot be opened: an open will tell why.
    func readable(_ entry: GoferEntry?) -> SharedHostFD? {
        guard let entry, entry.attributes.isRegular else { return nil }
        do throws(Errno) { return try openRegular(try nodes.node(entry.node), .read) } catch { return nil }
    }

    /// The entry of `name` in `parent`, with one more reference to its node.
    func makeEntry(below parent: Node, _ name: [UInt8]) throws(Errno) -> GoferEntry {
        var view: VisibleTree?
        if let parentView = parent.view {
            guard let child = parentView.children[name] else { throw .ENOENT }
            view = child
        }
        return try makeEntry(
            in: parent.descriptor.rawValue, name, root: parent.root, view: view, place: .child(of: parent.id, name: name))
    }

    private func makeEntry(
        in directory: Int32, _ name: [UInt8], root: ServedRoot, view: VisibleTree?, place: Place
    ) throws(Errno) -> GoferEntry {
        let descriptor = SharedHostFD(try HostDirectory.open(directory, name, flags: HostOpen.path | HostOpen.noFollow))
        let status = try HostDirectory.status(descriptor.rawValue)
        var linkText: [UInt8]?
        if status.format == 0o120000 {
            do throws(Errno) { linkText = try HostDirectory.readlink(descriptor.rawValue) } catch { linkText = nil }
        }
        // A view that expects a directory shows nothing of another file: there is nothing below it.
        let view = status.format == 0o040000 ? view : nil
        let node = try nodes.reference(descriptor, status, root: root, view: view, place: place)
        return GoferEntry(node: node, attributes: GoferAttributes(status), linkText: usableLinkText(linkText))
    }

    private func usableLinkText(_ text: [UInt8]?) -> [UInt8]? {
        guard let text, !text.isEmpty, text.count <= GoferLimits.linkText else { return nil }
        return text
    }

    func attributes(of node: Node) throws(Errno) -> GoferAttributes {
        GoferAttributes(try HostDirectory.status(node.descriptor.rawValue))
    }

    func open(_ node: Node, _ access: GoferAccess, truncates: Bool) throws(Errno) -> Outcome {
        if access.writes || truncates {
            guard !node.root.isReadOnly else { throw .EROFS }
            guard access.writes else { throw .EINVAL }
        }
        let file = try openRegular(node, access)
        if truncates { try HostFile.truncate(file.rawValue, size: 0) }
        return Outcome(.attributes(GoferAttributes(try HostDirectory.status(file.rawValue))), file)
    }

    /// Opens `node`'s file by the name it was last seen under, and makes sure that it is the same file.
    ///
    /// - Throws: `EISDIR`, `ELOOP`, `ENXIO` for what is no regular file; `ESTALE` if the name leads elsewhere now.
    func openRegular(_ node: Node, _ access: GoferAccess) throws(Errno) -> SharedHostFD {
        switch node.format {
        case 0o100000: break
        case 0o040000: throw .EISDIR
        case 0o120000: throw .ELOOP
        default: throw .ENXIO
        }
        let place = try nodes.place(of: node)
        let file: SharedHostFD
        do throws(Errno) {
            // O_NONBLOCK: should the name have become a fifo since, the open must not wait for a writer.
            file = SharedHostFD(
                try HostDirectory.open(
                    place.directory.rawValue, place.name,
                    flags: UInt64(access.rawValue) | HostOpen.noFollow | HostOpen.nonBlocking | HostOpen.noTerminal))
        } catch .ENOENT {
            throw .ESTALE
        } catch .ELOOP {
            throw .ESTALE
        } catch .EAGAIN {
            // A lease of another process on the file; to a guest EAGAIN would mean to wait for the descriptor.
            throw .EBUSY
        } catch {
            throw error
        }
        let status = try HostDirectory.status(file.rawValue)
        guard status.inode == node.inode, status.device == node.device, status.format == node.format else { throw .ESTALE }
        return file
    }

    func readDirectory(_ node: Node, _ cookie: Int64) throws(Errno) -> GoferDirectoryPage {
        let directory = try HostDirectory.open(node.descriptor.rawValue, [0x2e], flags: HostOpen.directory)
        if cookie != 0 { _ = try HostFile.seek(directory.rawValue, cookie, whence: 0) }
        var page = GoferDirectoryPage(entries: [], isLast: false)
        var size = 64
        while true {
            let entries = try HostDirectory.entries(directory.rawValue, byteCount: 8192)
            if entries.isEmpty {
                page.isLast = true
                return page
            }
            for entry in entries {
                let isDot = entry.name == [0x2e] || entry.name == [0x2e, 0x2e]
                if !isDot, let view = node.view, view.children[entry.name] == nil { continue }
                let described = describe(entry, in: node, isDot: isDot)
                size += described.encodedSize
                if size > GoferLimits.message { return page }
                page.entries.append(described)
            }
        }
    }

    private func describe(_ entry: HostDirectory.Entry, in node: Node, isDot: Bool) -> GoferDirectoryEntry {
        var described = GoferDirectoryEntry(
            name: entry.name, next: entry.next, inode: entry.inode, direntType: entry.type, attributes: nil, linkText: nil)
        if isDot { return described }
        do throws(Errno) {
            let status = try HostDirectory.status(node.descriptor.rawValue, entry.name)
            described.attributes = GoferAttributes(status)
            if status.format == 0o120000 {
                described.linkText = usableLinkText(try HostDirectory.readlink(node.descriptor.rawValue, entry.name))
            }
        } catch {
            // Gone meanwhile, or not to be searched: the entry is told without.
        }
        return described
    }

    func fileSystemStatus(_ node: Node) throws(Errno) -> GoferFileSystemStatus {
        let host = try HostDirectory.fileSystemStatus(node.descriptor.rawValue)
        var status = GoferFileSystemStatus()
        status.magic = host.magic
        status.blockSize = host.blockSize
        status.blocks = host.blocks
        status.freeBlocks = host.freeBlocks
        status.availableBlocks = host.availableBlocks
        status.files = host.files
        status.freeFiles = host.freeFiles
        status.nameLength = host.nameLength
        return status
    }

    func getXattr(_ node: Node, _ name: [UInt8]) throws(Errno) -> [UInt8] {
        guard isUserXattr(name) else { throw .ENODATA }
        return try openForXattrs(node, .read).use { fd throws(Errno) in
            try HostFile.getXattr(fd, name, limit: GoferLimits.xattrValue)
        }
    }

    /// Names of the `user.` class, as many as a message holds.
    func listXattrs(_ node: Node) throws(Errno) -> [[UInt8]] {
        let all = try openForXattrs(node, .read).use { fd throws(Errno) in
            try HostFile.listXattrs(fd, limit: GoferLimits.message)
        }
        var names: [[UInt8]] = []
        var size = 64
        for name in all where isUserXattr(name) {
            size += name.count + 4
            guard size <= GoferLimits.message else { throw .ERANGE }
            names.append(name)
        }
        return names
    }

    func isUserXattr(_ name: [UInt8]) -> Bool { name.starts(with: Array("user.".utf8)) && name.count > 5 }

    /// A descriptor that takes xattr calls. Only regular files and directories have `user.` attributes (xattr(7)).
    func openForXattrs(_ node: Node, _ access: GoferAccess) throws(Errno) -> SharedHostFD {
        if node.isDirectory {
            return SharedHostFD(try HostDirectory.open(node.descriptor.rawValue, [0x2e], flags: HostOpen.directory))
        }
        guard node.isRegular else { throw .ENODATA }
        return try openRegular(node, access)
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
