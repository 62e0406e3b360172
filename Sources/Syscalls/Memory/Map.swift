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

/// What of a guest's flags may reach the host: how pages are made, never where or of what.
private let hostFlags = MAP_NORESERVE | MAP_POPULATE | MAP_GROWSDOWN

/// Implements mmap(2).
///
/// - Throws: `EINVAL` for length, alignment or flags; `EBADF`, `EACCES`, `ENODEV` of the file; `EEXIST` under MAP_FIXED_NOREPLACE;
///   `ENOMEM`; `EOVERFLOW`.
func sysMmap(
    _ task: Task, _ address: UserAddress, _ length: UInt64, _ protection: UInt64, _ flags: UInt64, _ fd: FD, _ offset: UInt64
) throws(Errno) -> Outcome {
    if offset % pageSize != 0 || length == 0 { throw .EINVAL }
    guard let length = length.pageUp, length <= GuestLayout.workloadEnd else { throw .ENOMEM }
    if offset.addingReportingOverflow(length).overflow { throw .EOVERFLOW }
    // Bits beyond the known ones are ignored by mmap(2), unlike mprotect(2).
    let wanted = Protection(rawValue: protection).intersection(.all)
    if flags & MAP_HUGETLB != 0 { throw .ENOMEM }  // no pool of huge pages is the guest's
    let isShared: Bool
    switch flags & MAP_TYPE {
    case MAP_SHARED: isShared = true
    case MAP_SHARED_VALIDATE:
        if flags & MAP_SYNC != 0 { throw .EOPNOTSUPP }
        isShared = true
    case MAP_PRIVATE: isShared = false
    default: throw .EINVAL
    }

    var file: MappedFile?
    if flags & MAP_ANONYMOUS == 0 {
        file = try mappedFile(task, fd, wanted, isShared: isShared)
    } else if isShared {
        file = try sharedAnonymous(length)
    }

    try task.checkAddressSpaceLimit(length)
    let isFixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0
    let start: UInt64
    if isFixed {
        start = address.rawValue
        if start % pageSize != 0 { throw .EINVAL }
        let (end, overflow) = start.addingReportingOverflow(length)
        if overflow || end > GuestLayout.workloadEnd { throw .ENOMEM }
        if start < GuestLayout.workloadStart { throw .EPERM }
        if flags & MAP_FIXED_NOREPLACE != 0, !task.memory.map.overlapping(start, end).isEmpty { throw .EEXIST }
        if let outcome = task.awaitProof(start, end) { return outcome }
    } else {
        start = try task.placeMemory(length, hint: address.rawValue, below: flags & MAP_32BIT != 0 ? 0x8000_0000 : .max)
    }

    var area = MemoryArea(
        start: start, end: start + length, protection: wanted, isShared: isShared, file: file,
        offset: flags & MAP_ANONYMOUS == 0 ? offset : 0)
    area.growsDown = flags & MAP_GROWSDOWN != 0
    let undo = try task.memory.insert(area)
    task.markPending(start, start + length)
    let order = HostOrder.map(
        start, length: length, protection: wanted.rawValue,
        flags: (isShared ? MAP_SHARED : MAP_PRIVATE) | (file == nil ? MAP_ANONYMOUS : 0) | flags & hostFlags, file: file?.host,
        offset: area.offset)
    let memory = task.memory
    return .orders(OrderPlan([order], result: Int64(bitPattern: start), rollback: { _ in memory.undo(undo) }))
}

/// The file behind a mapping, with mmap(2)'s access rules.
private func mappedFile(_ task: Task, _ fd: FD, _ protection: Protection, isShared: Bool) throws(Errno) -> MappedFile {
    let description = try task.files.get(fd)
    if !description.flags.reads { throw .EACCES }
    let mayWrite = isShared && description.flags.writes
    if isShared && protection.contains(.PROT_WRITE) && !mayWrite { throw .EACCES }
    let host = try description.mappable(writable: mayWrite, task.vfs)
    let attributes = try description.attributes(task.vfs)
    return MappedFile(
        host: host, name: task.displayName(of: description), device: attributes.device, inode: attributes.inode, isWritable: mayWrite)
}

/// Anonymous shared memory: a memfd of the sentry's, so that it is shared across fork and counted as ours.
private func sharedAnonymous(_ length: UInt64) throws(Errno) -> MappedFile {
    do throws(HostErrno) {
        let file = try HostMemoryFile.make("shared", size: length)
        return MappedFile(host: SharedHostFD(file), name: Array("/dev/zero (deleted)".utf8), device: 1, inode: 0, isWritable: true)
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

/// Implements mprotect(2): the host makes the very call.
///
/// - Throws: `EINVAL` for alignment or protection bits; `ENOMEM` for a hole; `EACCES` for a shared mapping of a read-only file.
func sysMprotect(_ task: Task, _ address: UserAddress, _ length: UInt64, _ protection: UInt64) throws(Errno) -> Outcome {
    let start = address.rawValue
    guard start % pageSize == 0 else { throw .EINVAL }
    // PROT_GROWSDOWN and PROT_GROWSUP change another range than the one named.
    guard protection & ~7 == 0 else { throw .EINVAL }
    if length == 0 { return .done }
    guard let length = length.pageUp else { throw .ENOMEM }
    let (end, overflow) = start.addingReportingOverflow(length)
    if overflow || end > GuestLayout.workloadEnd { throw .ENOMEM }
    if let outcome = task.awaitProof(start, end) { return outcome }
    _ = try task.memory.protect(start, end, Protection(rawValue: protection))
    task.markPending(start, end)
    return .native
}
