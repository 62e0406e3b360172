// fcntl(2)'s record locks, of processes (F_SETLK) and of open file descriptions (F_OFD_SETLK).
import Kernel
import LinuxABI
import Memory
import Primitives
import VFS

private let F_RDLCK: Int16 = 0, F_WRLCK: Int16 = 1, F_UNLCK: Int16 = 2

/// `struct flock` in the guest's memory: 32 bytes.
private struct GuestLock {
    var type: Int16
    let whence: Int16
    let start: Int64
    let length: Int64
    let pid: Int32

    init(_ task: Task, _ address: UserAddress) throws(Errno) {
        let bytes = try task.memory.copyIn(address, count: 32)
        (type, whence, start, length, pid) = bytes.withUnsafeBytes {
            (
                $0.loadUnaligned(as: Int16.self), $0.loadUnaligned(fromByteOffset: 2, as: Int16.self),
                $0.loadUnaligned(fromByteOffset: 8, as: Int64.self), $0.loadUnaligned(fromByteOffset: 16, as: Int64.self),
                $0.loadUnaligned(fromByteOffset: 24, as: Int32.self)
            )
        }
    }

    /// The bytes it names, both ends included.
    ///
    /// - Throws: `EINVAL` below 0 and for an unknown whence; `EOVERFLOW`.
    func range(_ task: Task, _ file: FileDescription) throws(Errno) -> (Int64, Int64) {
        let base: Int64
        switch whence {
        case 0: base = 0
        case 1: base = file.offset
        case 2: base = try file.attributes(task.vfs).size
        default: throw .EINVAL
        }
        let (first, overflow) = base.addingReportingOverflow(start)
        if overflow { throw .EOVERFLOW }
        guard first >= 0 else { throw .EINVAL }
        if length == 0 { return (first, .max) }
        if length > 0 {
            let (last, overflow) = first.addingReportingOverflow(length - 1)
            if overflow { throw .EOVERFLOW }
            return (first, last)
        }
        let (below, underflow) = first.addingReportingOverflow(length)
        guard !underflow, below >= 0, first > 0 else { throw .EINVAL }
        return (below, first - 1)
    }
}

/// The record that the guest's structure describes, and whether it unlocks.
private func record(
    _ task: Task, _ file: FileDescription, _ lock: GuestLock, isOFD: Bool
) throws(Errno) -> FileLocks.Record {
    guard (F_RDLCK...F_UNLCK).contains(lock.type) else { throw .EINVAL }
    if isOFD, lock.pid != 0 { throw .EINVAL }
    let (start, end) = try lock.range(task, file)
    return FileLocks.Record(
        owner: isOFD ? ObjectIdentifier(file) : ObjectIdentifier(task.files), pid: isOFD ? -1 : task.process.pid,
        isExclusive: lock.type == F_WRLCK, start: start, end: end)
}

/// F_GETLK: the lock that stands in the way, or F_UNLCK.
func queryLock(_ task: Task, _ file: FileDescription, _ address: UserAddress, isOFD: Bool) throws(Errno) {
    guard let inode = file.inode else { throw .EBADF }
    var lock = try GuestLock(task, address)
    let wanted = try record(task, file, lock, isOFD: isOFD)
    if lock.type == F_UNLCK { throw .EINVAL }
    guard let conflict = FileLocks.of(inode).conflict(with: wanted) else {
        lock.type = F_UNLCK
        try task.memory.copyOut(lock.type, to: address)
        return
    }
    var answer = GuestRecord()
    answer.append(conflict.isExclusive ? F_WRLCK : F_RDLCK)
    answer.append(Int16(0))
    answer.append(Int32(0))
    answer.append(conflict.start)
    answer.append(conflict.end == .max ? 0 : conflict.end - conflict.start + 1)
    answer.append(conflict.pid)
    answer.append(Int32(0))
    try task.memory.copyOut(answer.bytes, to: address)
}

/// F_SETLK and F_SETLKW.
///
/// - Throws: `EAGAIN` where it must not wait; `EDEADLK`, between processes only, as on Linux; `EBADF`; `ENOLCK`.
func setLock(
    _ task: Task, _ file: FileDescription, _ address: UserAddress, isOFD: Bool, waits: Bool
) throws(Errno) -> Outcome {
    guard let inode = file.inode else { throw .EBADF }
    let lock = try GuestLock(task, address)
    let wanted = try record(task, file, lock, isOFD: isOFD)
    let locks = FileLocks.of(inode)
    if lock.type == F_UNLCK {
        try locks.unlock(wanted)
        return .done
    }
    guard wanted.isExclusive ? file.flags.writes : file.flags.reads else { throw .EBADF }
    do throws(Errno) { try locks.set(wanted) } catch .EAGAIN where waits {
        let wait = isOFD ? nil : try FileLocks.Wait(locks, for: wanted)
        return .park(LockOperation(file, locks, task.vfs, wait) { (locks) throws(Errno) in try locks.set(wanted) })
    } catch {
        throw error
    }
    return .done
}

/// A wait for a lock, of a record or of the whole file.
final class LockOperation: BlockingOperation {
    private let hold: HeldDescription
    private let locks: FileLocks
    private let wait: FileLocks.Wait?
    private let take: (FileLocks) throws(Errno) -> Void

    init(
        _ file: FileDescription, _ locks: FileLocks, _ context: VFSContext, _ wait: FileLocks.Wait? = nil,
        _ take: @escaping (FileLocks) throws(Errno) -> Void
    ) {
        self.wait = wait
        hold = HeldDescription(file, context)
        self.locks = locks
        self.take = take
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        do throws(Errno) { try take(locks) } catch .EAGAIN { return nil } catch { throw error }
        return 0
    }

    override func register(_ task: Task) { wait(on: locks.waitQueue, interest: .any, task) }
}

/// Implements flock(2).
///
/// - Throws: `EWOULDBLOCK` (EAGAIN) with LOCK_NB; `EINVAL` for an unknown operation.
func sysFlock(_ task: Task, _ fd: FD, _ operation: Int32) throws(Errno) -> Outcome {
    let file = try task.files.get(fd)
    guard let inode = file.inode else { throw .EBADF }
    let LOCK_SH: Int32 = 1, LOCK_EX: Int32 = 2, LOCK_NB: Int32 = 4, LOCK_UN: Int32 = 8
    let locks = FileLocks.of(inode)
    let owner = ObjectIdentifier(file)
    switch operation & ~LOCK_NB {
    case LOCK_UN:
        locks.flockRelease(owner: owner)
        return .done
    case LOCK_SH, LOCK_EX:
        let isExclusive = operation & LOCK_EX != 0
        if operation & LOCK_NB != 0 {
            try locks.flock(owner: owner, isExclusive: isExclusive)
            return .done
        }
        return .park(
            LockOperation(file, locks, task.vfs) { (locks) throws(Errno) in try locks.flock(owner: owner, isExclusive: isExclusive) })
    default: throw .EINVAL
    }
}
