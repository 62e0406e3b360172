// Which names are remembered, and for how long.
import LinuxABI

/// The remembered names of one file system, bounded. Guarded by the kernel lock.
///
/// A clock: new names come in; its hand takes those out that nobody uses and nobody has asked for since it came by last.
public final class DentryCache {
    private let limit: Int
    private var ring: [Dentry] = []
    private var hand = 0

    init(limit: Int = 32_768) { self.limit = limit }

    /// Names that are remembered.
    public var count: Int { ring.count }

    func insert(_ dentry: Dentry) {
        // A bounded effort each time; names in use may take more places than the limit.
        var tries = 8
        while ring.count >= limit, tries > 0 {
            tries -= 1
            if hand >= ring.count { hand = 0 }
            if !evict(hand) { hand += 1 }
        }
        dentry.cacheIndex = ring.count
        ring.append(dentry)
    }

    func remove(_ dentry: Dentry) {
        guard let index = dentry.cacheIndex, let last = ring.popLast() else { return }
        dentry.cacheIndex = nil
        if last === dentry { return }
        ring[index] = last
        last.cacheIndex = index
    }

    /// Lets go of the dentry at `index` if only its parent and the cache know it.
    private func evict(_ index: Int) -> Bool {
        if ring[index].isRecent {
            ring[index].isRecent = false
            return false
        }
        var candidate = ring[index]
        guard candidate.children.isEmpty, candidate.mountCount == 0, let parent = candidate.parent else { return false }
        // Out of both places, so that one reference is left if nobody else holds it.
        let name = candidate.name
        remove(candidate)
        parent.children[name] = nil
        if isKnownUniquelyReferenced(&candidate) { return true }
        parent.children[name] = candidate
        candidate.cacheIndex = ring.count
        ring.append(candidate)
        return false
    }
}

extension Dentry {
    /// Remembers `child`, whose parent this is.
    func cache(_ child: Dentry) {
        children[child.name] = child
        inode?.fileSystem.dentryCache.insert(child)
    }

    /// Takes a child out of the cache: it was removed, renamed away, or is stale.
    func drop(_ child: Dentry) {
        guard children[child.name] === child else { return }
        children[child.name] = nil
        inode?.fileSystem.dentryCache.remove(child)
    }

    /// Forgets all names below: they and their parents would keep each other alive.
    func dropChildren() {
        guard let cache = inode?.fileSystem.dentryCache else { return }
        var pending = [self]
        while let dentry = pending.popLast() {
            for child in dentry.children.values {
                cache.remove(child)
                pending.append(child)
            }
            dentry.children = [:]
        }
    }
}
