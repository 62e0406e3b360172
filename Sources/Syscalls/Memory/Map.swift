import HostSyscalls
import Kernel
import LinuxABI
import Memory
import Platform
import VFS

private let MAP_SHARED: UInt64 = 0x01
private let MAP_PRIVATE: UInt64 = 0x02
private let MAP_SHARED_VALIDATE: UInt64 = 0x03
private let MAP_TYPE: UInt64 = 0x0f
private let MAP_FIXED: UInt64 = 0x10
private let MAP_ANONYMOUS: UInt64 = 0x20
private let MAP_32BIT: UInt64 = 0x40
private let MAP_GROWSDOWN: UInt64 = 0x100
private let MAP_LOCKED: UInt64 = 0x2000
private let MAP_NORESERVE: UInt64 = 0x4000
private let MAP_POPULATE: UInt64 = 0x8000
private let MAP_HUGETLB: UInt64 = 0x40000
private let MAP_SYNC: UInt64 = 0x80000
private let MAP_FIXED_NOREPLACE: UInt64 = 0x100000

/// Every flag that Linux knows under MAP_SHARED_VALIDATE: the old ones, which all file systems take.
private let validatedFlags: UInt64 = 0x3f9f3

/// What of a guest's flags may reach the host: how pages are made, never where or of what.
private let hostFlags = MAP_NORESERVE | MAP_POPULATE | MAP_GROWSDOWN

private let PROT_SEM: UInt64 = 8

/// Implements mmap(2).
///
/// - Throws: `EINVAL` for length, alignment or flags; `EBADF`, `EACCES`, `ENODEV` of the file; `EEXIST` under MAP_FIXED_NOREPLACE;
///   `ENOMEM`; `EOVERFLOW`; `EPERM` below the lowest address; `EAGAIN` for MAP_LOCKED past RLIMIT_MEMLOCK.
func sysMmap(
    _ task: Task, _ address: UserAddress, _ length: UInt64, _ protection: UInt64, _ flags: UInt64, _ fd: FD, _ offset: UInt64
) throws(Errno) -> Outcome {
    guard offset % pageSize == 0 else { throw .EINVAL }
    let isAnonymous = flags & MAP_ANONYMOUS != 0
    let description = isAnonymous ? nil : try task.files.get(fd)
    // The host's pool of huge pages is not the guest's; a file of ours is never on hugetlbfs.
    if flags & MAP_HUGETLB != 0 { throw isAnonymous ? .ENOMEM : .EINVAL }
    guard length != 0 else { throw .EINVAL }
    guard let length = length.pageUp, length <= GuestLayout.workloadEnd else { throw .ENOMEM }
    if !isAnonymous {
        let (end, overflow) = offset.addingReportingOverflow(length)
        if overflow || end > UInt64(Int64.max) { throw .EOVERFLOW }
    }
    let isFixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0
    if isFixed { try checkFixed(task, address.rawValue, length, mayReplace: flags & MAP_FIXED_NOREPLACE == 0) }
    let isShared = try sharing(flags, isAnonymous: isAnonymous)
    if isFixed && address.rawValue < GuestLayout.workloadStart { throw .EPERM }
    // Bits beyond the known ones are ignored by mmap(2), unlike mprotect(2).
    let wanted = Protection(rawValue: protection).intersection(.all)
    // Only a private anonymous area can be a stack.
    if flags & MAP_GROWSDOWN != 0 && (isShared || !isAnonymous) { throw .EINVAL }
    if (flags & MAP_LOCKED != 0 || task.memory.locksNewAreas) && !task.mayLockMemory(length) { throw .EAGAIN }

    // May ask a gofer: everything above is checked, nothing is changed yet.
    var source: MappingSource?
    if let description {
        source = try mapped(task, description, wanted, isShared: isShared)
    } else if isShared {
        source = try sharedAnonymous(length)
    }

    let start: UInt64
    if isFixed {
        start = address.rawValue
        // Once more: while a gofer was asked, another thread may have mapped there.
        try checkFixed(task, start, length, mayReplace: flags & MAP_FIXED_NOREPLACE == 0)
        if let outcome = task.awaitProof(start, start + length) { return outcome }
    } else {
        start = try task.placeMemory(length, hint: address.rawValue, below: flags & MAP_32BIT != 0 ? 0x8000_0000 : .max)
    }

    var area = MemoryArea(
        start: start, end: start + length, protection: wanted, isShared: isShared, file: source?.file, offset: isAnonymous ? 0 : offset)
    area.growsDown = flags & MAP_GROWSDOWN != 0
    area.advice.isLocked = flags & MAP_LOCKED != 0
    try task.checkMemoryLimits(area)
    let undo = try task.memory.insert(area)
    task.markPending(start, start + length)
    let order = HostOrder.map(
        start, length: length, protection: wanted.rawValue,
        flags: (isShared ? MAP_SHARED : MAP_PRIVATE) | (source == nil ? MAP_ANONYMOUS : 0) | flags & hostFlags, file: source?.host,
        offset: area.offset)
    let memory = task.memory
    return .orders(OrderPlan([order], result: Int64(bitPattern: start), rollback: { _ in memory.undo(undo) }))
}

private func checkFixed(_ task: Task, _ start: UInt64, _ length: UInt64, mayReplace: Bool) throws(Errno) {
    let (end, overflow) = start.addingReportingOverflow(length)
    if overflow || end > GuestLayout.workloadEnd { throw .ENOMEM }
    if start % pageSize != 0 { throw .EINVAL }
    if !mayReplace && !task.memory.map.isFree(start, end) { throw .EEXIST }
}

private func sharing(_ flags: UInt64, isAnonymous: Bool) throws(Errno) -> Bool {
    switch flags & MAP_TYPE {
    case MAP_SHARED: return true
    case MAP_PRIVATE: return false
    case MAP_SHARED_VALIDATE where !isAnonymous:
        if flags & ~validatedFlags != 0 { throw .EOPNOTSUPP }
        return true
    default: throw .EINVAL
    }
}

/// What is mapped: for the map, and for the one order.
private struct MappingSource {
    let file: MappedFile
    let host: SharedHostFD
}

/// The file behind a mapping, with mmap(2)'s access rules.
private func mapped(_ task: Task, _ description: FileDescription, _ protection: Protection, isShared: Bool) throws(Errno) -> MappingSource {
    let mayWrite = isShared && description.flags.writes
    if isShared && protection.contains(.PROT_WRITE) && !mayWrite { throw .EACCES }
    if !description.flags.reads { throw .EACCES }
    let host = try description.mappable(writable: mayWrite, task.vfs)
    let attributes = try description.attributes(task.vfs)
    let file = MappedFile(
        name: task.displayName(of: description), device: attributes.device, inode: attributes.inode, isWritable: mayWrite)
    return MappingSource(file: file, host: host)
}

/// Anonymous shared memory: a memfd of the sentry's, so that it is shared across fork and counted as ours.
private func sharedAnonymous(_ length: UInt64) throws(Errno) -> MappingSource {
    do throws(HostErrno) {
        let host = SharedHostFD(try HostMemoryFile.make("shared", size: length))
        return MappingSource(file: MappedFile(name: Array("/dev/zero (deleted)".utf8), device: 1, inode: 0, isWritable: true), host: host)
    } catch {
        throw error.rawValue == 24 ? .ENFILE : .ENOMEM
    }
}

/// Implements munmap(2): the host makes the very call.
///
/// - Throws: `EINVAL` for alignment, length 0, or addresses that are not the workload's; `ENOMEM`.
func sysMunmap(_ task: Task, _ address: UserAddress, _ length: UInt64) throws(Errno) -> Outcome {
    let start = address.rawValue
    guard start % pageSize == 0, length != 0, let length = length.pageUp else { throw .EINVAL }
    let (end, overflow) = start.addingReportingOverflow(length)
    if overflow || end > GuestLayout.workloadEnd { throw .EINVAL }
    if let outcome = task.awaitProof(start, end) { return outcome }
    _ = try task.memory.remove(start, end)
    task.markPending(start, end)
    return .native
}

/// Implements mprotect(2): the host makes the very call, and reports a hole after what it changed.
///
/// - Throws: `EINVAL` for alignment or protection bits; `ENOMEM` for a hole; `EACCES` for a shared mapping of a read-only file.
func sysMprotect(_ task: Task, _ address: UserAddress, _ length: UInt64, _ protection: UInt64) throws(Errno) -> Outcome {
    let start = address.rawValue
    guard start % pageSize == 0 else { throw .EINVAL }
    if length == 0 { return .done }
    guard let length = length.pageUp else { throw .ENOMEM }
    let (end, overflow) = start.addingReportingOverflow(length)
    if overflow { throw .ENOMEM }
    // PROT_GROWSDOWN and PROT_GROWSUP change another range than the one named: no area here can take them.
    guard protection & ~(Protection.all.rawValue | PROT_SEM) == 0 else { throw .EINVAL }
    if end > GuestLayout.workloadEnd { throw .ENOMEM }
    if let outcome = task.awaitProof(start, end) { return outcome }
    _ = try task.memory.protect(start, end, Protection(rawValue: protection).intersection(.all))
    task.markPending(start, end)
    return .native
}
