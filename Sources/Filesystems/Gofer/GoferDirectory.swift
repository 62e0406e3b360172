// Names in host directories: looking up, listing, prefetching.
import GoferProtocol
import HostSyscalls
import LinuxABI
import VFS

/// A directory of a ``GoferFileSystem``.
final class GoferDirectory: GoferInode {
    /// What is known of names. Exclusive mounts.
    private var children: [FileName: GoferChild] = [:]
    private var listing: [ListingEntry]?
    /// Whether every entry of the listing is among ``children``: other names do not exist.
    private var isListingComplete = false
    private var isTooLargeToList = false

    deinit {
        if !children.isEmpty || listing != nil { tree.noteUncached(children.count + (listing?.count ?? 0), in: self) }
    }

    /// Larger directories are not cached whole: they are read page by page, and their names are asked for one by one.
    static let maximumListing = 65_536

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        if let known = known(name, context) { return try known.get() }
        return try walk([name], context).get()
    }

    override func prefetch(_ names: ArraySlice<FileName>, _ context: VFSContext) throws(Errno) {
        guard names.count > 1 else { return }
        var directory = self
        var rest = names
        if tree.isExclusive {
            while let name = rest.first, let known = directory.known(name, context) {
                guard case .present(let child) = known, let below = child as? GoferDirectory else { return }
                directory = below
                rest = rest.dropFirst()
            }
        } else if tree.hasLearned(of: directory, context) {
            // The walk that filled it is still being used up.
            return
        }
        guard !rest.isEmpty else { return }
        do throws(Errno) {
            _ = try directory.walk(Array(rest.prefix(GoferLimits.walkNames)), context)
        } catch .needsSlowPath {
            throw .needsSlowPath
        } catch {
            // The lookup meets the same error, and reports it.
        }
    }

    /// What is known of `name` without asking.
    private func known(_ name: FileName, _ context: VFSContext) -> GoferChild? {
        guard tree.isExclusive else { return tree.takeLearned(self, name, context) }
        lastUse = tree.nextTick()
        if let child = children[name] { return child }
        return isListingComplete ? .missing : nil
    }

    /// Asks for `names`, one below the other from here on, and notes all that the answer tells; what it says of the first.
    private func walk(_ names: [FileName], _ context: VFSContext) throws(Errno) -> GoferChild {
        let (walk, descriptor) = try askWalk(names, context)
        if !tree.isExclusive { tree.startLearning(context) }
        var first: GoferChild?
        var current: GoferDirectory? = self
        var failure: Errno?
        for (entry, name) in zip(walk.entries, names) {
            guard failure == nil, let directory = current else {
                tree.client.forget(entry.node, count: 1)
                continue
            }
            do throws(Errno) {
                let child = try GoferInode.make(entry.attributes, parent: directory, name: name)
                child.adopt(entry)
                child.markFresh(context)
                if let descriptor, entry == walk.entries.last { child.keepDescriptor(descriptor) }
                // The first is the answer itself; the others wait for the lookups to come.
                directory.note(name, .present(child), isAnswer: first == nil)
                if first == nil { first = .present(child) }
                current = child as? GoferDirectory
            } catch {
                tree.client.forget(entry.node, count: 1)
                failure = error
            }
        }
        if failure == nil, let error = walk.error, walk.entries.count < names.count, let directory = current {
            let name = names[walk.entries.count]
            switch error {
            case .ENOENT:
                directory.note(name, .missing, isAnswer: first == nil)
                first = first ?? .missing
            case .EACCES:
                directory.note(name, .failed(.EACCES), isAnswer: first == nil)
                first = first ?? .failed(.EACCES)
            default: failure = error
            }
        }
        if let first { return first }
        throw failure ?? .EIO
    }

    private func askWalk(
        _ names: [FileName], _ context: VFSContext
    ) throws(Errno) -> (walk: GoferWalk, descriptor: SharedHostFD?) {
        let donates = tree.isExclusive
        for _ in 0..<3 {
            let answer = try ask(context) { .walk(node: $0, names: names, donates: donates) }
            guard case .walk(let walk) = answer.reply, walk.entries.count <= names.count else { throw .EIO }
            guard walk.entries.isEmpty, walk.error == .ENFILE else { return (walk, answer.descriptor) }
            tree.dropNodes()
        }
        throw .ENFILE
    }

    private func note(_ name: FileName, _ child: GoferChild, isAnswer: Bool) {
        if tree.isExclusive {
            lastUse = tree.nextTick()
            if children.updateValue(child, forKey: name) == nil { tree.noteCached(1, in: self) }
        } else if !isAnswer {
            tree.learn(self, name, child)
        }
    }

    /// Lets go of all cached names.
    func dropCache() {
        let count = children.count + (listing?.count ?? 0)
        // Released only after this inode's state is whole again.
        let dropped = children
        children = [:]
        listing = nil
        isListingComplete = false
        tree.noteUncached(count, in: self)
        _ = dropped
    }

    // Listings.

    /// All entries but `.` and `..`; nil if there are too many to keep. Exclusive mounts.
    func cachedListing(_ context: VFSContext) throws(Errno) -> [ListingEntry]? {
        lastUse = tree.nextTick()
        if let listing { return listing }
        if isTooLargeToList { return nil }
        var entries: [GoferDirectoryEntry] = []
        var cookie: Int64 = 0
        while true {
            let page = try readPage(cookie, context)
            for entry in page.entries where entry.name != [0x2e] && entry.name != [0x2e, 0x2e] { entries.append(entry) }
            if page.isLast { break }
            guard let next = page.entries.last?.next else { throw .EIO }
            cookie = next
            if entries.count > Self.maximumListing {
                isTooLargeToList = true
                return nil
            }
        }
        if let listing { return listing }
        return try install(entries)
    }

    private func install(_ entries: [GoferDirectoryEntry]) throws(Errno) -> [ListingEntry] {
        var lines: [ListingEntry] = []
        lines.reserveCapacity(entries.count)
        var isComplete = true
        var added = entries.count
        for entry in entries {
            guard let attributes = entry.attributes else {
                isComplete = false
                let type = FileType(rawValue: UInt32(entry.direntType) << 12) ?? .regular
                lines.append(ListingEntry(name: entry.name, number: entry.inode, type: type))
                continue
            }
            var child: GoferInode
            if case .present(let known)? = children[entry.name] {
                child = known
            } else {
                child = try GoferInode.make(attributes, parent: self, name: entry.name)
                if children.updateValue(.present(child), forKey: entry.name) == nil { added += 1 }
            }
            if let text = entry.linkText { child.setLinkText(text) }
            lines.append(ListingEntry(name: entry.name, number: child.number, type: child.type))
        }
        listing = lines
        isListingComplete = isComplete
        lastUse = tree.nextTick()
        tree.noteCached(added, in: self)
        return lines
    }

    func readPage(_ cookie: Int64, _ context: VFSContext) throws(Errno) -> GoferDirectoryPage {
        guard case .directory(let page) = try ask(context, { .readDirectory(node: $0, cookie: cookie) }).reply else { throw .EIO }
        // A page that neither ends nor advances would be asked for over and over.
        if page.entries.isEmpty && !page.isLast { throw .EIO }
        return page
    }

    override func openDirectory(_ path: VFSPath, _ flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        // The gofer may lack the right to read it: open(2) tells, not the first getdents64.
        if tree.isExclusive, let listing = try cachedListing(context) {
            _ = listing
            return CachedGoferDirectoryDescription(inode: self, flags: flags, path: path)
        }
        let page = try readPage(0, context)
        return GoferDirectoryDescription(inode: self, firstPage: page, flags: flags, path: path)
    }

    /// The number and type that a listing shows for an entry.
    func line(for entry: GoferDirectoryEntry) -> ListingEntry {
        if let attributes = entry.attributes {
            let number = tree.number(GoferIdentity(device: attributes.device, inode: attributes.inode))
            return ListingEntry(name: entry.name, number: number, type: FileType(rawValue: attributes.format) ?? .regular)
        }
        if entry.name == [0x2e] { return ListingEntry(name: entry.name, number: number, type: .directory) }
        if entry.name == [0x2e, 0x2e] {
            return ListingEntry(name: entry.name, number: parent?.number ?? number, type: .directory)
        }
        let type = FileType(rawValue: UInt32(entry.direntType) << 12) ?? .regular
        return ListingEntry(name: entry.name, number: entry.inode, type: type)
    }

    // Changes: GoferDirectory+Changing.swift.

    override func create(
        _ name: FileName, type newType: FileType, permissions: UInt32, specialDevice: UInt64, _ context: VFSContext
    ) throws(Errno) -> Inode { try createOnHost(name, type: newType, permissions: permissions, context) }

    override func makeDirectory(_ name: FileName, permissions: UInt32, _ context: VFSContext) throws(Errno) -> Inode {
        try makeDirectoryOnHost(name, permissions: permissions, context)
    }

    override func symlink(_ name: FileName, target: [UInt8], _ context: VFSContext) throws(Errno) -> Inode {
        try symlinkOnHost(name, target: target, context)
    }

    override func link(_ name: FileName, to inode: Inode, _ context: VFSContext) throws(Errno) {
        try linkOnHost(name, to: inode, context)
    }

    override func unlink(_ name: FileName, _ inode: Inode, _ context: VFSContext) throws(Errno) {
        try removeOnHost(name, inode, isDirectory: false, context)
    }

    override func removeDirectory(_ name: FileName, _ inode: Inode, _ context: VFSContext) throws(Errno) {
        try removeOnHost(name, inode, isDirectory: true, context)
    }

    override func rename(
        _ name: FileName, _ inode: Inode, to newParent: Inode, _ newName: FileName, replacing replaced: Inode?, _ context: VFSContext
    ) throws(Errno) { try renameOnHost(name, inode, to: newParent, newName, replacing: replaced, context) }
}

extension GoferDirectory: ListingDirectory {}
