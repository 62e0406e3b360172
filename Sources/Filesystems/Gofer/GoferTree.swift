// What all inodes of one gofer mount share: the client, the identities, and the budgets of what may be cached.
import GoferProtocol
import HostSyscalls
import LinuxABI
import VFS

/// Whether somebody else may change the host directory while the sandbox runs.
public enum GoferMode: Sendable {
    /// Nobody does, and the sandbox cannot: attributes, names, misses, link texts, listings and descriptors are cached for ever.
    case exclusive
    /// The host does, or the sandbox writes: everything is asked again at each use.
    case shared
}

/// A host file as the host identifies it.
struct GoferIdentity: Hashable {
    var device: UInt64
    var inode: UInt64
}

/// How much one gofer mount may hold in the sentry.
public struct GoferBudget: Sendable {
    /// Names (also missing ones) and listing entries that directories cache.
    public var cachedNames = 200_000
    /// Donated descriptors that are kept for the next open of the same file; least recently used go first.
    public var cachedDescriptors: Int
    /// Donated descriptors of open files on all shared mounts of one gofer, which cannot be given up: past it open is ENFILE.
    public var pinnedDescriptors: Int

    /// What suits the process's descriptor limit: others need descriptors too.
    public init() {
        let limit = GoferBudget.descriptorLimit()
        cachedDescriptors = min(1024, max(16, limit / 16))
        pinnedDescriptors = min(8192, max(16, limit / 4))
    }

    /// RLIMIT_NOFILE.
    private static func descriptorLimit() -> Int {
        var limit: (UInt64, UInt64) = (0, 0)
        let result = withUnsafeMutablePointer(to: &limit) {
            rawHostCall(HostSyscall.prlimit64, 0, 7, 0, Int(bitPattern: $0))
        }
        return result == 0 ? Int(clamping: limit.0) : 1024
    }
}

/// Shared state of a mount's inodes. Guarded by the kernel lock.
final class GoferTree {
    let client: GoferClient
    let mode: GoferMode
    let isReadOnly: Bool
    let budget: GoferBudget
    /// What `st_dev` of the root is on the host: its files keep their inode numbers.
    private let rootDevice: UInt64
    private var foreignDevices: [UInt64: UInt64] = [:]

    init(client: GoferClient, mode: GoferMode, isReadOnly: Bool, budget: GoferBudget, rootDevice: UInt64) {
        self.client = client
        self.mode = mode
        self.isReadOnly = isReadOnly
        self.budget = budget
        self.rootDevice = rootDevice
    }

    var isExclusive: Bool { mode == .exclusive }

    /// Asks the gofer, with the kernel lock released meanwhile.
    ///
    /// - Throws: `needsSlowPath` where the caller may not wait; the gofer's error; `EIO`.
    func call(_ request: GoferRequest, _ context: VFSContext) throws(Errno) -> GoferClient.Answer {
        try context.requireSlowPath()
        let client = client
        return try context.blocking { () throws(Errno) -> GoferClient.Answer in try client.call(request) }
    }

    // Identities.

    private struct Reference {
        /// Inodes take themselves out before they die.
        unowned(unsafe) let inode: GoferInode
    }

    private var inodes: [GoferIdentity: Reference] = [:]

    /// The inode that stands for a host file now, if one does.
    func inode(_ identity: GoferIdentity) -> GoferInode? { inodes[identity]?.inode }

    func register(_ inode: GoferInode) { inodes[inode.identity] = Reference(inode: inode) }

    func unregister(_ inode: GoferInode) {
        if let reference = inodes[inode.identity], reference.inode === inode { inodes[inode.identity] = nil }
        descriptorHolders[ObjectIdentifier(inode)] = nil
        cachingDirectories[ObjectIdentifier(inode)] = nil
    }

    /// The number that the guest sees: the host's, with files of other host devices (mounts below the root) kept apart.
    func number(_ identity: GoferIdentity) -> UInt64 {
        if identity.device == rootDevice { return identity.inode }
        let index = foreignDevices[identity.device] ?? UInt64(foreignDevices.count + 1)
        foreignDevices[identity.device] = index
        return identity.inode ^ (index & 0x7fff) << 48
    }

    /// Gives back the nodes of all inodes but the root's: the gofer is out of them. They are found again by their names.
    func dropNodes() {
        for reference in inodes.values where reference.inode.parent != nil { reference.inode.dropNode() }
    }

    // Recency: a clock that ticks at each use.

    private var tick: UInt64 = 0

    func nextTick() -> UInt64 {
        tick += 1
        return tick
    }

    // Cached names.

    private struct DirectoryReference {
        unowned(unsafe) let directory: GoferDirectory
    }

    private var cachingDirectories: [ObjectIdentifier: DirectoryReference] = [:]
    private var cachedNameCount = 0

    /// Notes that `directory` caches `added` names more; over budget the directories that were not used for longest lose theirs.
    func noteCached(_ added: Int, in directory: GoferDirectory) {
        cachedNameCount += added
        cachingDirectories[ObjectIdentifier(directory)] = DirectoryReference(directory: directory)
        guard cachedNameCount > budget.cachedNames else { return }
        // Retained while they are emptied: one may hold the only reference to the next.
        let oldest = cachingDirectories.values.map { $0.directory }.sorted { $0.lastUse < $1.lastUse }
        for victim in oldest {
            if cachedNameCount <= budget.cachedNames / 4 * 3 { break }
            if victim !== directory { victim.dropCache() }
        }
        if cachedNameCount > budget.cachedNames { directory.dropCache() }
    }

    func noteUncached(_ removed: Int, in directory: GoferDirectory) {
        cachedNameCount -= removed
        cachingDirectories[ObjectIdentifier(directory)] = nil
    }

    /// Empties all caches, so that inodes and their parents do not keep one another alive.
    func dropAllCaches() {
        forgetLearned()
        for directory in cachingDirectories.values.map({ $0.directory }) { directory.dropCache() }
        for holder in descriptorHolders.values.map({ $0.inode }) { holder.dropDescriptor() }
    }

    // Donated descriptors.

    private var descriptorHolders: [ObjectIdentifier: Reference] = [:]
    /// Notes that `inode` caches a donated descriptor.
    func noteDescriptor(of inode: GoferInode) {
        descriptorHolders[ObjectIdentifier(inode)] = Reference(inode: inode)
        guard descriptorHolders.count > budget.cachedDescriptors else { return }
        let oldest = descriptorHolders.values.map { $0.inode }.sorted { $0.lastUse < $1.lastUse }
        for victim in oldest.prefix(max(1, budget.cachedDescriptors / 4)) where victim !== inode { victim.dropDescriptor() }
    }

    func noteDescriptorDropped(of inode: GoferInode) { descriptorHolders[ObjectIdentifier(inode)] = nil }

    /// - Throws: `ENFILE` if too many are open.
    func pinDescriptor() throws(Errno) {
        guard client.pinnedDescriptors < budget.pinnedDescriptors else { throw .ENFILE }
        client.pinnedDescriptors += 1
    }

    func unpinDescriptor() { client.pinnedDescriptors -= 1 }

    // What a shared mount has just learned of names and attributes, for the rest of the same call only.

    private struct JustLearned {
        let directory: GoferInode
        let name: FileName
        let child: GoferChild
    }

    private var justLearned: [JustLearned] = []
    private var learnedFor = Freshness()

    /// Whether what was learned for `token` still counts as current for `context`.
    struct Freshness {
        private var caller: ObjectIdentifier?
        private var time: UInt64 = 0

        init() {}

        init(_ context: VFSContext) {
            caller = ObjectIdentifier(context)
            time = HostClock.monotonic
        }

        /// The same caller, at most 5 ms ago: within one system call.
        func holds(for context: VFSContext) -> Bool {
            caller == ObjectIdentifier(context) && HostClock.monotonic &- time < 5_000_000
        }
    }

    func startLearning(_ context: VFSContext) {
        justLearned.removeAll(keepingCapacity: true)
        learnedFor = Freshness(context)
    }

    func learn(_ directory: GoferInode, _ name: FileName, _ child: GoferChild) {
        justLearned.append(JustLearned(directory: directory, name: name, child: child))
    }

    /// Takes what was just learned of `name`, once.
    func takeLearned(_ directory: GoferInode, _ name: FileName, _ context: VFSContext) -> GoferChild? {
        guard !justLearned.isEmpty, learnedFor.holds(for: context),
            let index = justLearned.firstIndex(where: { $0.directory === directory && $0.name == name })
        else { return nil }
        return justLearned.remove(at: index).child
    }

    func hasLearned(of directory: GoferInode, _ context: VFSContext) -> Bool {
        !justLearned.isEmpty && learnedFor.holds(for: context) && justLearned.contains { $0.directory === directory }
    }

    func forgetLearned() { justLearned.removeAll(keepingCapacity: true) }
}

/// What is known of a name in a directory.
enum GoferChild {
    case present(GoferInode)
    case missing
    /// Something else than ENOENT that looking it up gives: EACCES.
    case failed(Errno)

    func get() throws(Errno) -> GoferInode {
        switch self {
        case .present(let inode): return inode
        case .missing: throw .ENOENT
        case .failed(let error): throw error
        }
    }
}
