// A directory of the overlay: the lower one's names, less whiteouts, plus its own.
import LinuxABI
import VFS

/// A merged, lower or upper directory. Guarded by the kernel lock.
///
/// Positions of its listing are stable under change: 0 and 1 are `.` and `..`, then the lower directory's lines by their index, then,
/// from ``upperStart`` on, the names of the upper layer by the order in which they came.
final class OverlayDirectory: OverlayInode {
    private enum Entry {
        /// The lower directory has the name, the overlay does not.
        case whiteout
        /// `coversLower`: the lower directory has the name too, so that a whiteout must follow.
        case present(OverlayInode, coversLower: Bool, position: Int64)
    }

    static let upperStart: Int64 = 1 << 40

    private var entries: [FileName: Entry] = [:]
    /// Names of the upper layer by position, ascending; a name that was removed leaves a hole until half of them are holes.
    private var order: [(position: Int64, name: FileName)] = []
    private var nextPosition = OverlayDirectory.upperStart
    private var presentCount = 0
    private var isRemoved = false
    /// Of a lower directory that does not keep its listing.
    private var lowerLines: [ListingEntry]?

    override func prefetch(_ names: ArraySlice<FileName>, _ context: VFSContext) throws(Errno) {
        var directory = self
        var rest = names
        while let name = rest.first, let entry = directory.entries[name] {
            guard case .present(let child, _, _) = entry, let below = child as? OverlayDirectory else { return }
            directory = below
            rest = rest.dropFirst()
        }
        guard !rest.isEmpty, let lower = directory.lower else { return }
        try lower.prefetch(rest, context)
    }

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        switch entries[name] {
        case .present(let inode, _, _): return inode
        case .whiteout: throw .ENOENT
        case nil:
            guard let lower else { throw .ENOENT }
            return store.inode(for: try lower.lookup(name, context), in: fileSystem)
        }
    }

    override func linkCount(_ context: VFSContext) throws(Errno) -> UInt32 {
        if isRemoved { return 0 }
        let base = try lower?.attributes(context).linkCount ?? 2
        // File systems that do not count subdirectories say 1.
        if base == 1 { return 1 }
        return UInt32(clamping: max(2, Int(base) + linkDelta))
    }

    override func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        if flags.writes { throw .EISDIR }
        // The lower layer may refuse: open(2) tells, not the first getdents64.
        _ = try lines(context)
        return OverlayDirectoryDescription(directory: self, flags: flags, path: path)
    }

    // Changing.

    override func create(
        _ name: FileName, type newType: FileType, permissions: UInt32, specialDevice: UInt64, _ context: VFSContext
    ) throws(Errno) -> Inode {
        try add(name, permissions, context) { (work, privateName, permissions) throws(Errno) -> Inode in
            try work.create(privateName, type: newType, permissions: permissions, specialDevice: specialDevice, context)
        }
    }

    override func makeDirectory(_ name: FileName, permissions: UInt32, _ context: VFSContext) throws(Errno) -> Inode {
        // A set-group-ID directory's subdirectories are so too.
        let inherited = try attributes(context).permissions & 0o2000
        let directory = try add(name, permissions | inherited, context) { (work, privateName, permissions) throws(Errno) -> Inode in
            try work.makeDirectory(privateName, permissions: permissions, context)
        }
        linkDelta += 1
        return directory
    }

    override func symlink(_ name: FileName, target: [UInt8], _ context: VFSContext) throws(Errno) -> Inode {
        try add(name, nil, context) { (work, privateName, _) throws(Errno) -> Inode in
            try work.symlink(privateName, target: target, context)
        }
    }

    /// A new file, made by `body` in the upper layer's directory. Its group is this directory's where that is set-group-ID.
    private func add(
        _ name: FileName, _ permissions: UInt32?, _ context: VFSContext,
        _ body: (_ work: Inode, _ privateName: FileName, _ permissions: UInt32) throws(Errno) -> Inode
    ) throws(Errno) -> Inode {
        try prepareChange(context)
        // Another call may have made the name while this one copied the directory up.
        if case .present = entries[name] { throw .EEXIST }
        let own = try attributes(context)
        try store.reserveName()
        let file: UpperFile
        do throws(Errno) {
            file = try store.make { (work, privateName) throws(Errno) -> Inode in try body(work, privateName, permissions ?? 0o777) }
        } catch {
            store.returnName()
            throw error
        }
        do throws(Errno) {
            if own.permissions & 0o2000 != 0 {
                var change = AttributeChange()
                change.gid = own.gid
                try file.inode.setAttributes(change, context)
                if let permissions, file.inode.type != .symlink {
                    // chown has cleared the set-id bits.
                    change = AttributeChange()
                    change.permissions = permissions
                    try file.inode.setAttributes(change, context)
                }
            }
        } catch {
            store.discard(file, context)
            store.returnName()
            throw error
        }
        let inode =
            file.inode.type == .directory
            ? OverlayDirectory(fileSystem: fileSystem, store: store, upper: file)
            : OverlayInode(fileSystem: fileSystem, store: store, upper: file)
        if file.inode.type != .directory { inode.linkDelta = 1 }
        insert(name, inode, coversLower: isWhiteout(name))
        try touch(context)
        return inode
    }

    override func link(_ name: FileName, to inode: Inode, _ context: VFSContext) throws(Errno) {
        guard let file = inode as? OverlayInode, file.store === store else { throw .EXDEV }
        guard file.type != .directory else { throw .EPERM }
        guard try file.linkCount(context) < 65_000 else { throw .EMLINK }
        try prepareChange(context)
        if case .present = entries[name] { throw .EEXIST }
        try store.reserveName()
        insert(name, file, coversLower: isWhiteout(name))
        file.linkDelta += 1
        file.noteLinksChanged(context)
        try touch(context)
    }

    override func unlink(_ name: FileName, _ inode: Inode, _ context: VFSContext) throws(Errno) {
        guard let file = inode as? OverlayInode else { throw .EIO }
        // May fail; from here on nothing does.
        _ = try file.linkCount(context)
        try prepareChange(context)
        guard leads(name, to: file) else { throw .ENOENT }
        remove(name)
        try file.dropName(context)
        try touch(context)
    }

    override func removeDirectory(_ name: FileName, _ inode: Inode, _ context: VFSContext) throws(Errno) {
        guard let directory = inode as? OverlayDirectory else { throw .ENOTDIR }
        // Once to fetch what it takes, once to be sure: the other steps may have waited.
        _ = try directory.isEmpty(context)
        try prepareChange(context)
        guard try directory.isEmpty(context) else { throw .ENOTEMPTY }
        guard leads(name, to: directory) else { throw .ENOENT }
        remove(name)
        directory.wasRemoved(context)
        linkDelta -= 1
        try touch(context)
    }

    override func rename(
        _ name: FileName, _ inode: Inode, to newParent: Inode, _ newName: FileName, replacing replaced: Inode?, _ context: VFSContext
    ) throws(Errno) {
        guard let newParent = newParent as? OverlayDirectory, newParent.store === store, let file = inode as? OverlayInode
        else { throw .EXDEV }
        // Two names of one file: nothing happens (rename(2)).
        if let replaced, replaced === inode { return }
        let victim = replaced as? OverlayInode
        _ = try (victim as? OverlayDirectory)?.isEmpty(context)
        _ = try victim?.linkCount(context)
        try prepareChange(context)
        try newParent.prepareChange(context)
        if let directory = victim as? OverlayDirectory {
            guard try directory.isEmpty(context) else { throw .ENOTEMPTY }
        }
        // What was found before may have changed while this call waited.
        guard leads(name, to: file) else { throw .ENOENT }
        guard newParent.leads(newName, to: victim) else { throw .EBUSY }
        try store.reserveName()

        remove(name)
        let covers = newParent.coversLower(newName, isVisible: replaced != nil)
        newParent.remove(newName)
        newParent.insert(newName, file, coversLower: covers)
        if let directory = victim as? OverlayDirectory {
            directory.wasRemoved(context)
            newParent.linkDelta -= 1
        } else {
            try victim?.dropName(context)
        }
        if file.type == .directory {
            linkDelta -= 1
            newParent.linkDelta += 1
        }
        file.noteLinksChanged(context)
        try touch(context)
        if newParent !== self { try newParent.touch(context) }
    }

    override func exchange(
        _ name: FileName, _ inode: Inode, with otherParent: Inode, _ otherName: FileName, _ other: Inode, _ context: VFSContext
    ) throws(Errno) {
        guard let otherParent = otherParent as? OverlayDirectory, otherParent.store === store, let first = inode as? OverlayInode,
            let second = other as? OverlayInode
        else { throw .EXDEV }
        try prepareChange(context)
        try otherParent.prepareChange(context)
        // What was found before may have changed while this call waited.
        guard leads(name, to: first), otherParent.leads(otherName, to: second) else { throw .ENOENT }
        try store.reserveName()
        do throws(Errno) { try store.reserveName() } catch {
            store.returnName()
            throw error
        }
        let covers = coversLower(name, isVisible: true)
        let otherCovers = otherParent.coversLower(otherName, isVisible: true)
        remove(name)
        otherParent.remove(otherName)
        insert(name, second, coversLower: covers)
        otherParent.insert(otherName, first, coversLower: otherCovers)
        let change = (second.type == .directory ? 1 : 0) - (first.type == .directory ? 1 : 0)
        linkDelta += change
        otherParent.linkDelta -= change
        first.noteLinksChanged(context)
        second.noteLinksChanged(context)
        try touch(context)
        if otherParent !== self { try otherParent.touch(context) }
    }

    // Entries.

    /// Before any change of names: the directory needs attributes of its own, and must not be forgotten.
    ///
    /// - Throws: `ENOENT` in a removed directory; what copying up throws.
    private func prepareChange(_ context: VFSContext) throws(Errno) {
        if isRemoved { throw .ENOENT }
        try copyUp(context)
    }

    private func touch(_ context: VFSContext) throws(Errno) {
        var change = AttributeChange()
        change.modificationTime = context.now
        try current().setAttributes(change, context)
    }

    /// Whether `name` still stands for `inode`, or for nothing if that is nil; a name of the lower directory always does.
    private func leads(_ name: FileName, to inode: OverlayInode?) -> Bool {
        switch entries[name] {
        case .present(let current, _, _): return current === inode
        case .whiteout: return inode == nil
        case nil: return true
        }
    }

    private func isWhiteout(_ name: FileName) -> Bool {
        if case .whiteout = entries[name] { return true }
        return false
    }

    /// Whether the lower directory has `name`, which `isVisible` in the overlay or not.
    private func coversLower(_ name: FileName, isVisible: Bool) -> Bool {
        switch entries[name] {
        case .whiteout: return true
        case .present(_, let coversLower, _): return coversLower
        case nil: return isVisible
        }
    }

    /// The caller has reserved the name.
    private func insert(_ name: FileName, _ inode: OverlayInode, coversLower: Bool) {
        entries[name] = .present(inode, coversLower: coversLower, position: nextPosition)
        order.append((nextPosition, name))
        nextPosition += 1
        presentCount += 1
    }

    /// Takes a name away; one that the lower directory has leaves a whiteout.
    private func remove(_ name: FileName) {
        switch entries[name] {
        case .whiteout: return
        case nil: if lower != nil { entries[name] = .whiteout }
        case .present(_, let coversLower, _):
            entries[name] = coversLower ? .whiteout : nil
            presentCount -= 1
            store.returnName()
            if order.count > 32 && order.count > 2 * presentCount {
                order.removeAll { position, name in
                    guard case .present(_, _, position) = entries[name] else { return true }
                    return false
                }
            }
        }
    }

    private func wasRemoved(_ context: VFSContext) {
        isRemoved = true
        entries.removeAll()
        order.removeAll()
        discardUpper(context)
    }

    private func isEmpty(_ context: VFSContext) throws(Errno) -> Bool {
        if presentCount > 0 { return false }
        for line in try lines(context) where entries[line.name] == nil { return false }
        return true
    }

    /// For the end of the file system: gives up all entries.
    func takeAllEntries() -> [OverlayInode] {
        var inodes: [OverlayInode] = []
        for case .present(let inode, _, _) in entries.values { inodes.append(inode) }
        entries.removeAll()
        return inodes
    }

    // Listing.

    /// The lower directory's lines; empty without one.
    private func lines(_ context: VFSContext) throws(Errno) -> [ListingEntry] {
        guard let lower, !isRemoved else { return [] }
        if let lowerLines { return lowerLines }
        if let listing = try (lower as? any ListingDirectory)?.cachedListing(context) { return listing }
        var lines: [ListingEntry] = []
        let description = try lower.open(lower.layerPath, flags: .O_DIRECTORY, context)
        description.retain()
        defer { description.release(context) }
        try description.readDirectory(context) { name, number, type, _ in
            if name != [0x2e] && name != [0x2e, 0x2e] { lines.append(ListingEntry(name: name, number: number, type: type)) }
            return true
        }
        lowerLines = lines
        return lines
    }

    /// Passes the entries from `position` on to `emit`, until it returns false; where reading goes on.
    func list(
        from position: Int64, parentNumber: UInt64, _ context: VFSContext,
        _ emit: (_ name: [UInt8], _ inode: UInt64, _ type: FileType, _ next: Int64) -> Bool
    ) throws(Errno) -> Int64 {
        var position = position
        if isRemoved || position < 0 { return position }
        if position == 0 {
            guard emit([0x2e], number, .directory, 1) else { return position }
            position = 1
        }
        if position == 1 {
            guard emit([0x2e, 0x2e], parentNumber, .directory, 2) else { return position }
            position = 2
        }
        if position < Self.upperStart {
            let lines = try lines(context)
            while position - 2 < Int64(lines.count) {
                let line = lines[Int(position) - 2]
                // Names that the overlay has taken over come with the upper ones.
                if entries[line.name] == nil {
                    guard emit(line.name, line.number, line.type, position + 1) else { return position }
                }
                position += 1
            }
            position = Self.upperStart
        }
        var index = firstIndex(from: position)
        while index < order.count {
            let (at, name) = order[index]
            if case .present(let inode, _, at) = entries[name] {
                guard emit(name, inode.number, inode.type, at + 1) else { return position }
            }
            position = at + 1
            index += 1
        }
        return position
    }

    private func firstIndex(from position: Int64) -> Int {
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if order[middle].position < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
