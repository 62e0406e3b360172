import LinuxABI
import VFS

/// A directory of a tmpfs: names by hash, listed in the order of their making, so that a position stays valid while others come and go.
public final class TmpfsDirectory: TmpfsInode {
    private struct Entry {
        let inode: TmpfsInode
        /// Its place in the listing; never reused.
        let position: Int64
    }

    private var entries: [FileName: Entry] = [:]
    /// Names by position; removed ones stay until half are gone.
    private var order: [(position: Int64, name: FileName)] = []
    /// 0 and 1 are `.` and `..`
    private var nextPosition: Int64 = 2
    /// For `..`; weak, because an open directory may outlive those above it.
    private(set) weak var parent: TmpfsDirectory?
    private var isRemoved = false

    init(_ fileSystem: TmpfsFileSystem, number: UInt64, _ attributes: FileAttributes, now: Timespec, parent: TmpfsDirectory?) {
        self.parent = parent
        super.init(fileSystem, number: number, attributes, now: now)
        stored.linkCount = 2
    }

    /// A deep tree is torn down level by level: nested deinits would overflow the stack.
    deinit {
        var pending = entries.values.map(\.inode)
        entries = [:]
        while let inode = pending.popLast() {
            if let directory = inode as? TmpfsDirectory, directory.entries.count > 0 {
                pending.append(contentsOf: directory.entries.values.map(\.inode))
                directory.entries = [:]
            }
        }
    }

    override public func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var result = stored
        result.size = Int64(entries.count + 2) * 20
        return result
    }

    public var isEmpty: Bool { entries.isEmpty }

    override public func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        guard let entry = entries[name] else { throw .ENOENT }
        return entry.inode
    }

    private func enter(_ name: FileName, _ inode: TmpfsInode, _ context: VFSContext) {
        entries[name] = Entry(inode: inode, position: nextPosition)
        order.append((nextPosition, name))
        nextPosition += 1
        touch(context)
    }

    private func leave(_ name: FileName, _ context: VFSContext) {
        entries[name] = nil
        if order.count > 32 && order.count > 2 * entries.count {
            order.removeAll { entries[$0.name]?.position != $0.position }
        }
        touch(context)
    }

    private func touch(_ context: VFSContext) {
        stored.modificationTime = context.now
        stored.changeTime = stored.modificationTime
    }

    private func checkNew(_ name: FileName) throws(Errno) {
        if isRemoved { throw .ENOENT }
        if entries[name] != nil { throw .EEXIST }
    }

    override public func create(
        _ name: FileName, type: FileType, permissions: UInt32, specialDevice: UInt64, _ context: VFSContext
    ) throws(Errno) -> Inode {
        try checkNew(name)
        let inode = try tmpfs.make(type, permissions: permissions, in: self, specialDevice: specialDevice, context)
        enter(name, inode, context)
        return inode
    }

    override public func makeDirectory(_ name: FileName, permissions: UInt32, _ context: VFSContext) throws(Errno) -> Inode {
        try checkNew(name)
        let inode = try tmpfs.make(.directory, permissions: permissions, in: self, context)
        enter(name, inode, context)
        stored.linkCount += 1
        return inode
    }

    override public func symlink(_ name: FileName, target: [UInt8], _ context: VFSContext) throws(Errno) -> Inode {
        try checkNew(name)
        let inode = try tmpfs.make(.symlink, permissions: 0o777, in: self, target: target, context)
        enter(name, inode, context)
        return inode
    }

    override public func link(_ name: FileName, to inode: Inode, _ context: VFSContext) throws(Errno) {
        try checkNew(name)
        guard let inode = inode as? TmpfsInode, inode.fileSystem === fileSystem else { throw .EXDEV }
        if inode.stored.linkCount >= 32_000 { throw .EMLINK }
        // The first name of a file without one is paid for with its inode.
        if inode.stored.linkCount > 0 { try tmpfs.takeLink() }
        inode.stored.linkCount += 1
        inode.stored.changeTime = context.now
        enter(name, inode, context)
    }

    override public func unlink(_ name: FileName, _ inode: Inode, _ context: VFSContext) throws(Errno) {
        guard let entry = entries[name], entry.inode === inode else { throw .ENOENT }
        leave(name, context)
        if entry.inode.stored.linkCount > 1 { tmpfs.giveInode() }
        entry.inode.stored.linkCount -= 1
        entry.inode.stored.changeTime = context.now
    }

    override public func removeDirectory(_ name: FileName, _ inode: Inode, _ context: VFSContext) throws(Errno) {
        guard let entry = entries[name], entry.inode === inode, let directory = entry.inode as? TmpfsDirectory else { throw .ENOENT }
        if !directory.isEmpty { throw .ENOTEMPTY }
        leave(name, context)
        stored.linkCount -= 1
        directory.isRemoved = true
        directory.stored.linkCount = 0
    }

    override public func rename(
        _ name: FileName, _ inode: Inode, to newParent: Inode, _ newName: FileName, replacing replaced: Inode?, _ context: VFSContext
    ) throws(Errno) {
        guard let target = newParent as? TmpfsDirectory, target.fileSystem === fileSystem else { throw .EXDEV }
        guard let entry = entries[name], entry.inode === inode else { throw .ENOENT }
        if target.isRemoved { throw .ENOENT }
        if let replaced {
            guard let old = target.entries[newName], old.inode === replaced else { throw .ENOENT }
            if replaced.type == .directory {
                try target.removeDirectory(newName, replaced, context)
            } else {
                try target.unlink(newName, replaced, context)
            }
        }
        leave(name, context)
        target.enter(newName, entry.inode, context)
        if target !== self { move(entry.inode, from: self, to: target) }
        entry.inode.stored.changeTime = context.now
    }

    override public func exchange(
        _ name: FileName, _ inode: Inode, with otherParent: Inode, _ otherName: FileName, _ other: Inode, _ context: VFSContext
    ) throws(Errno) {
        guard let target = otherParent as? TmpfsDirectory, target.fileSystem === fileSystem else { throw .EXDEV }
        guard let first = entries[name]?.inode, first === inode, let second = target.entries[otherName]?.inode, second === other
        else { throw .ENOENT }
        leave(name, context)
        target.leave(otherName, context)
        enter(name, second, context)
        target.enter(otherName, first, context)
        if target !== self {
            move(first, from: self, to: target)
            move(second, from: target, to: self)
        }
        first.stored.changeTime = context.now
        second.stored.changeTime = context.now
    }

    /// A directory's `..` now leads elsewhere: both parents' link counts change.
    private func move(_ inode: TmpfsInode, from old: TmpfsDirectory, to new: TmpfsDirectory) {
        guard let directory = inode as? TmpfsDirectory else { return }
        old.stored.linkCount -= 1
        new.stored.linkCount += 1
        directory.parent = new
    }

    override public func makeUnnamed(permissions: UInt32, _ context: VFSContext) throws(Errno) -> Inode {
        let inode = try tmpfs.make(.regular, permissions: permissions, in: self, context)
        inode.stored.linkCount = 0
        return inode
    }

    override public func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        TmpfsDirectoryDescription(self, flags: flags, path: path)
    }

    /// Passes entries from `position` on to `emit` until it returns false; the position to go on from.
    func list(
        from position: Int64, _ emit: (_ name: [UInt8], _ inode: UInt64, _ type: FileType, _ next: Int64) -> Bool
    ) -> Int64 {
        var position = max(0, position)
        if position == 0 {
            guard emit([0x2e], number, .directory, 1) else { return 0 }
            position = 1
        }
        if position == 1 {
            guard emit([0x2e, 0x2e], parent?.number ?? number, .directory, 2) else { return 1 }
            position = 2
        }
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if order[middle].position < position { low = middle + 1 } else { high = middle }
        }
        while low < order.count {
            let item = order[low]
            if let entry = entries[item.name], entry.position == item.position {
                guard emit(item.name, entry.inode.number, entry.inode.type, item.position + 1) else { return item.position }
            }
            low += 1
        }
        return nextPosition
    }
}

/// An open directory of a tmpfs.
final class TmpfsDirectoryDescription: FileDescription {
    private let directory: TmpfsDirectory

    init(_ directory: TmpfsDirectory, flags: OpenFlags, path: VFSPath) {
        self.directory = directory
        super.init(flags: flags, path: path)
    }

    override var inode: Inode? { directory }
    override var isSeekable: Bool { true }

    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .EISDIR }

    override func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        self.offset = try seekPosition(offset, whence: whence, current: self.offset, end: 0)
        return self.offset
    }

    override func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) {}

    override func readDirectory(
        _ context: VFSContext, _ emit: (_ name: [UInt8], _ inode: UInt64, _ type: FileType, _ next: Int64) -> Bool
    ) throws(Errno) {
        offset = directory.list(from: offset, emit)
    }
}
