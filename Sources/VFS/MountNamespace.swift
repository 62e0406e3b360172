import LinuxABI

/// The mounts that a container sees. Guarded by the kernel lock.
public final class MountNamespace {
    /// In the order in which they were mounted; the first is the root.
    public private(set) var mounts: [Mount] = []
    private var nextID = 21

    public init() {}

    /// The root of the whole tree: the top of what is mounted there.
    public var root: VFSPath? {
        guard let first = mounts.first else { return nil }
        return crossed(VFSPath(mount: first, dentry: first.root))
    }

    /// Mounts the tree below `root` at `place`; nil for the namespace's root.
    @discardableResult
    public func mount(_ fileSystem: FileSystem, root: Dentry, at place: VFSPath?, isReadOnly: Bool, source: String) -> Mount {
        let mount = Mount(fileSystem: fileSystem, root: root, mountPoint: place, isReadOnly: isReadOnly, id: nextID, source: source)
        nextID += 1
        mount.namespace = self
        mounts.append(mount)
        place?.dentry.mountCount += 1
        return mount
    }

    /// Takes a mount off.
    ///
    /// - Throws: `EBUSY` if others are mounted below it; `EINVAL` for the root.
    public func unmount(_ mount: Mount) throws(Errno) {
        guard let place = mount.mountPoint else { throw .EINVAL }
        if mounts.contains(where: { $0.mountPoint?.mount === mount }) { throw .EBUSY }
        place.dentry.mountCount -= 1
        mounts.removeAll { $0 === mount }
        if !mounts.contains(where: { $0.fileSystem === mount.fileSystem }) {
            mount.root.dropChildren()
            mount.fileSystem.unmounted()
        }
    }

    /// The place itself, or the root of what is mounted on it, uppermost.
    public func crossed(_ place: VFSPath) -> VFSPath {
        var current = place
        while current.dentry.mountCount > 0, let above = mounts.last(where: { $0.isMounted(at: current) }) {
            current = VFSPath(mount: above, dentry: above.root)
        }
        return current
    }
}

extension Mount {
    fileprivate func isMounted(at place: VFSPath) -> Bool {
        mountPoint?.dentry === place.dentry && mountPoint?.mount === place.mount
    }
}

extension VFSPath {
    /// Whether both are the same place of the same mount.
    public func isSame(as other: VFSPath) -> Bool { dentry === other.dentry && mount === other.mount }

    /// The directory above, mounts crossed; itself at `root` or the namespace's root.
    public func parent(root: VFSPath?) -> VFSPath {
        var current = self
        while true {
            if let root, current.isSame(as: root) { return current }
            if current.dentry === current.mount.root {
                guard let below = current.mount.mountPoint else { return current }
                current = below
                continue
            }
            guard let parent = current.dentry.parent else { return current }
            return VFSPath(mount: current.mount, dentry: parent)
        }
    }
}

/// The name of `place` as seen from `root`: for getcwd(2), /proc and maps. Removed files carry " (deleted)"; what `root` does not reach
/// begins with "(unreachable)".
public func pathString(of place: VFSPath, root: VFSPath?) -> [UInt8] {
    var names: [FileName] = []
    var current = place
    var isReached = false
    while true {
        if let root, current.isSame(as: root) {
            isReached = true
            break
        }
        if current.dentry === current.mount.root {
            guard let below = current.mount.mountPoint else {
                isReached = root == nil
                break
            }
            current = below
            continue
        }
        guard let parent = current.dentry.parent else { break }
        names.append(current.dentry.name)
        current = VFSPath(mount: current.mount, dentry: parent)
    }
    if !isReached && current.mount.namespace == nil {
        // An internal mount (pipes, memfds): the name is all there is.
        return names.first ?? place.dentry.name
    }
    var result: [UInt8] = isReached ? [] : Array("(unreachable)".utf8)
    for name in names.reversed() {
        result.append(UInt8(ascii: "/"))
        result.append(contentsOf: name)
    }
    if result.isEmpty { result = [UInt8(ascii: "/")] }
    if place.dentry.isDeleted { result.append(contentsOf: " (deleted)".utf8) }
    return result
}
