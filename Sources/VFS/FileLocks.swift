// Advisory locks of one file: flock(2), and fcntl(2)'s record locks of processes and of open file descriptions.
import LinuxABI
import Primitives

/// The locks of one inode. Guarded by the kernel lock.
///
/// An owner is the identity of a ``DescriptorTable`` (POSIX locks) or of a ``FileDescription`` (OFD locks, flock).
public final class FileLocks {
    public struct Record: Sendable {
        public var owner: ObjectIdentifier
        /// The process that F_GETLK names; -1 for a description's lock.
        public var pid: Int32
        public var isExclusive: Bool
        /// The bytes from `start` to `end`, both included.
        public var start: Int64
        public var end: Int64

        public init(owner: ObjectIdentifier, pid: Int32, isExclusive: Bool, start: Int64, end: Int64) {
            self.owner = owner
            self.pid = pid
            self.isExclusive = isExclusive
            self.start = start
            self.end = end
        }

        fileprivate func overlaps(_ other: Record) -> Bool { start <= other.end && other.start <= end }
    }

    /// Bounds what a workload can make one file hold.
    public static let maximumRecords = 4096

    private var records: [Record] = []
    /// flock(2): who holds it, and how.
    private var holders: [ObjectIdentifier: Bool] = [:]
    /// Woken when something was released.
    public let waitQueue = WaitQueue()

    public init() {}

    /// The locks of `inode`, made on first use.
    public static func of(_ inode: Inode) -> FileLocks {
        if let locks = inode.locks as? FileLocks { return locks }
        let locks = FileLocks()
        inode.locks = locks
        return locks
    }

    // Records.

    /// A record of somebody else's that stands in the way of `wanted`.
    public func conflict(with wanted: Record) -> Record? {
        records.filter { $0.owner != wanted.owner && $0.overlaps(wanted) && ($0.isExclusive || wanted.isExclusive) }
            .min { $0.start < $1.start }
    }

    /// Sets `wanted`, replacing what its owner held there.
    ///
    /// - Throws: `EAGAIN` if another owner's is in the way; `ENOLCK`.
    public func set(_ wanted: Record) throws(Errno) {
        if conflict(with: wanted) != nil { throw .EAGAIN }
        guard records.count + 2 <= Self.maximumRecords else { throw .ENOLCK }
        cut(wanted)
        records.append(wanted)
        waitQueue.wake(.any)
    }

    /// Unlocks what `range.owner` holds in the range.
    ///
    /// - Throws: `ENOLCK` if splitting a record would need one too many.
    public func unlock(_ range: Record) throws(Errno) {
        guard records.count + 1 <= Self.maximumRecords else { throw .ENOLCK }
        cut(range)
        waitQueue.wake(.any)
    }

    /// Takes the range out of its owner's records.
    private func cut(_ range: Record) {
        var rest: [Record] = []
        rest.reserveCapacity(records.count + 1)
        for record in records {
            guard record.owner == range.owner, record.overlaps(range) else {
                rest.append(record)
                continue
            }
            if record.start < range.start {
                var left = record
                left.end = range.start - 1
                rest.append(left)
            }
            if record.end > range.end {
                var right = record
                right.start = range.end + 1
                rest.append(right)
            }
        }
        records = rest
    }

    /// The owner is gone, or has closed the file.
    public func release(owner: ObjectIdentifier) {
        let count = records.count
        records.removeAll { $0.owner == owner }
        let held = holders.removeValue(forKey: owner) != nil
        if records.count != count || held { waitQueue.wake(.any) }
    }

    // Deadlocks.

    /// What the owner of a POSIX lock waits for. Guarded by the kernel lock.
    nonisolated(unsafe) private static var waits: [ObjectIdentifier: (token: ObjectIdentifier, locks: FileLocks, wanted: Record)] = [:]

    /// Says, as long as it lives, that a process waits for a record.
    public final class Wait {
        private let owner: ObjectIdentifier

        /// - Throws: `EDEADLK` if the record's holder waits, perhaps through others, for what this owner holds.
        public init(_ locks: FileLocks, for wanted: Record) throws(Errno) {
            owner = wanted.owner
            var holder = locks.conflict(with: wanted)?.owner
            // As many steps as Linux takes (MAX_DEADLK_ITERATIONS).
            for _ in 0..<10 {
                guard let current = holder else { break }
                if current == owner { throw .EDEADLK }
                guard let wait = FileLocks.waits[current] else { break }
                holder = wait.locks.conflict(with: wait.wanted)?.owner
            }
            FileLocks.waits[owner] = (ObjectIdentifier(self), locks, wanted)
        }

        deinit {
            // Another thread of the process may wait too by now: its entry stays.
            if FileLocks.waits[owner]?.token == ObjectIdentifier(self) { FileLocks.waits[owner] = nil }
        }
    }

    // flock.

    /// - Throws: `EAGAIN` (EWOULDBLOCK) if another description's lock is in the way.
    public func flock(owner: ObjectIdentifier, isExclusive: Bool) throws(Errno) {
        for (other, otherIsExclusive) in holders where other != owner && (isExclusive || otherIsExclusive) {
            // A conversion lets the old lock go first, as flock(2) says: it is not atomic.
            if holders.removeValue(forKey: owner) != nil { waitQueue.wake(.any) }
            throw .EAGAIN
        }
        holders[owner] = isExclusive
        waitQueue.wake(.any)
    }

    public func flockRelease(owner: ObjectIdentifier) {
        if holders.removeValue(forKey: owner) != nil { waitQueue.wake(.any) }
    }
}
