// A writable layer over a tree that nobody changes: the default root of a sandbox.
//
// Unlike Linux's overlay the upper layer is no tree of its own: names, whiteouts and renames live in the overlay's directories, and the
// upper file system only holds the files, under private names in one directory. So copying a file up needs no parents, renaming a
// directory of the lower layer is a change of names (no EXDEV), and hard links stay together when one of them is copied up.
import LinuxABI
import VFS

/// The overlay's mount. The lower tree must never change while it lives: an exclusive gofer mount, or a file system that is read-only.
public final class OverlayFileSystem: FileSystem {
    private let store: OverlayStore
    private var rootInode: OverlayInode?

    /// - Parameters:
    ///   - lower: the root directory of the lower tree, or its only file.
    ///   - upper: an empty directory of the upper file system; the overlay puts its files there, under names of its own.
    ///   - maximumNames: names that the upper layer may hold; past it changes are ENOSPC.
    public init(lower: Inode, upper: Inode, device: UInt64, maximumNames: Int = 1_000_000) {
        store = OverlayStore(lower: lower.fileSystem, upper: upper.fileSystem, work: upper, maximumNames: maximumNames)
        super.init(typeName: "overlay", device: device)
        let root = store.inode(for: lower, in: self)
        rootInode = root
        store.keep(root)
    }

    /// An overlay whose upper layer is in the sentry's memory, up to `sizeLimit` bytes of contents: the default root of a sandbox.
    ///
    /// - Parameter upperDevice: a device number for the memory file system; no guest sees it.
    public static func inMemory(
        over lower: Inode, device: UInt64, upperDevice: UInt64, sizeLimit: UInt64 = 1 << 30, now: Timespec
    ) -> OverlayFileSystem {
        let memory = TmpfsFileSystem(device: upperDevice, sizeLimit: sizeLimit, rootPermissions: 0o700, now: now)
        guard let upper = memory.root else { preconditionFailure("a tmpfs has a root") }
        return OverlayFileSystem(lower: lower, upper: upper, device: device)
    }

    deinit {
        rootInode = nil
        store.tearDown()
    }

    public var root: Inode {
        guard let rootInode else { preconditionFailure("the root lives as long as the file system") }
        return rootInode
    }

    /// The upper layer's space under the overlay's name.
    override public func statistics(_ context: VFSContext) throws(Errno) -> FileSystemStatistics {
        var statistics = try store.upperFileSystem.statistics(context)
        statistics.magic = 0x794c_7630
        return statistics
    }
}

/// What all inodes of an overlay share. Guarded by the kernel lock.
final class OverlayStore {
    /// Inodes do not keep their file systems alive: the overlay does.
    private let lowerFileSystem: FileSystem
    let upperFileSystem: FileSystem
    /// Holds the upper layer's files as `#1`, `#2` …
    private let work: Inode
    private let maximumNames: Int
    private var nameCount = 0
    private var lastFile: UInt64 = 0

    init(lower: FileSystem, upper: FileSystem, work: Inode, maximumNames: Int) {
        lowerFileSystem = lower
        upperFileSystem = upper
        self.work = work
        self.maximumNames = maximumNames
    }

    // Which overlay inode stands for a lower one.

    private struct Reference {
        /// Inodes take themselves out before they die.
        unowned(unsafe) let inode: OverlayInode
    }

    private var standIns: [ObjectIdentifier: Reference] = [:]
    /// Those that differ from their lower inode: they must not be made anew from it.
    private var kept: [ObjectIdentifier: OverlayInode] = [:]

    /// The overlay inode for `lower`, the same as long as anybody holds it or it differs from `lower`.
    func inode(for lower: Inode, in fileSystem: FileSystem) -> OverlayInode {
        if let known = standIns[ObjectIdentifier(lower)] { return known.inode }
        return lower.type == .directory
            ? OverlayDirectory(fileSystem: fileSystem, store: self, lower: lower)
            : OverlayInode(fileSystem: fileSystem, store: self, lower: lower)
    }

    func register(_ inode: OverlayInode, for lower: Inode) { standIns[ObjectIdentifier(lower)] = Reference(inode: inode) }
    func unregister(_ lower: Inode) { standIns[ObjectIdentifier(lower)] = nil }

    func keep(_ inode: OverlayInode) {
        if let lower = inode.lower { kept[ObjectIdentifier(lower)] = inode }
    }

    func release(_ inode: OverlayInode) {
        if let lower = inode.lower { kept[ObjectIdentifier(lower)] = nil }
    }

    /// Takes the tree apart piece by piece: a deep one freed from its root would overflow the stack.
    func tearDown() {
        var open: [OverlayInode] = Array(kept.values)
        kept.removeAll()
        while let inode = open.popLast() {
            if let directory = inode as? OverlayDirectory { open.append(contentsOf: directory.takeAllEntries()) }
        }
    }

    // The upper layer's files.

    /// A new upper file, made by `body` under the name it is given.
    func make(_ body: (_ work: Inode, _ name: FileName) throws(Errno) -> Inode) throws(Errno) -> UpperFile {
        lastFile += 1
        let name = Array("#\(lastFile)".utf8)
        return UpperFile(inode: try body(work, name), name: name, serial: lastFile)
    }

    /// Removes an upper file's name; what is open keeps its content.
    func discard(_ file: UpperFile, _ context: VFSContext) {
        do throws(Errno) {
            if file.inode.type == .directory {
                try work.removeDirectory(file.name, file.inode, context)
            } else {
                try work.unlink(file.name, file.inode, context)
            }
        } catch {
            // It stays behind under a name that nobody uses.
        }
    }

    /// - Throws: `ENOSPC` when the upper layer holds all the names it may.
    func reserveName() throws(Errno) {
        guard nameCount < maximumNames else { throw .ENOSPC }
        nameCount += 1
    }

    func returnName() { nameCount -= 1 }
}

/// A file of the upper layer and its private name there.
struct UpperFile {
    let inode: Inode
    let name: FileName
    let serial: UInt64

    /// The number that the guest sees for a file without a lower one: apart from all that a lower file system uses.
    var number: UInt64 { 1 << 47 | serial }
}

extension Inode {
    /// A path for opening an inode of one of the overlay's layers, which no mount namespace reaches.
    var layerPath: VFSPath {
        let dentry = Dentry(name: [], parent: nil, inode: self)
        return VFSPath(
            mount: Mount(fileSystem: fileSystem, root: dentry, mountPoint: nil, isReadOnly: false, id: -1, source: "overlay"),
            dentry: dentry)
    }
}
