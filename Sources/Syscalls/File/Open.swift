import Kernel
import LinuxABI
import Memory
import VFS

/// Where a path given with `directory` begins: nil for absolute paths and AT_FDCWD.
///
/// - Throws: `EBADF`; `ENOTDIR` if the descriptor is none of a directory.
func startingPoint(_ task: Task, _ directory: FD, _ path: [UInt8], allowEmpty: Bool = false) throws(Errno) -> VFSPath? {
    if path.first == UInt8(ascii: "/") || directory == .cwd { return nil }
    if path.isEmpty && !allowEmpty { throw .ENOENT }
    let file = try task.files.getAllowingPath(directory)
    guard let place = file.path else {
        if path.isEmpty && allowEmpty { return nil }
        throw .ENOTDIR
    }
    if place.inode?.type != .directory && !(path.isEmpty && allowEmpty) { throw .ENOTDIR }
    return place
}

/// A path argument.
///
/// - Throws: `EFAULT`, `ENAMETOOLONG`.
func copyInPath(_ task: Task, _ address: UserAddress) throws(Errno) -> [UInt8] {
    try task.memory.copyInString(address, limit: 4096)
}

/// A fifo whose other side nobody has opened: open(2) waits for it, then installs the descriptor.
private final class OpenOperation: BlockingOperation {
    private let file: FileDescription
    private let closeOnExec: Bool

    init(_ file: FileDescription, closeOnExec: Bool) {
        self.file = file
        self.closeOnExec = closeOnExec
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        if file.isOpening { return nil }
        return Int64(try task.install(file, closeOnExec: closeOnExec).rawValue)
    }

    override func register(_ task: Task) {
        if let queue = file.waitQueue { wait(on: queue, interest: .any, task) }
    }
}

private func open(
    _ task: Task, _ directory: FD, _ path: UserAddress, _ flags: UInt32, _ mode: UInt32, _ options: WalkOptions = []
) throws(Errno) -> Outcome {
    let name = try copyInPath(task, path)
    // Unknown flags are ignored by open(2), unlike openat2(2).
    var wanted = OpenFlags(rawValue: flags & 0o37777777)
    if wanted.contains(.O_PATH) { wanted.formIntersection([.O_PATH, .O_DIRECTORY, .O_NOFOLLOW, .O_CLOEXEC]) }
    // Below RESOLVE_BENEATH and in RESOLVE_IN_ROOT an absolute path begins at the descriptor too.
    if wanted.contains([.O_CREAT, .O_DIRECTORY]), !wanted.contains(.O_TMPFILE) { throw .EINVAL }
    if name.isEmpty { throw .ENOENT }
    let start = try startingPoint(task, directory, options.isDisjoint(with: [.beneath, .inRoot]) ? name : [0x2e])
    // As the kernel of a 64-bit machine does (force_o_largefile); F_GETFL shows it.
    if !wanted.contains(.O_PATH) { wanted.insert(.O_LARGEFILE) }
    // The number first, as on Linux: nothing is created or truncated for a process that has none left.
    try task.files.requireFree(limit: task.descriptorLimit)
    let closeOnExec = wanted.contains(.O_CLOEXEC)
    let status = wanted.subtracting([.O_CLOEXEC, .O_NOCTTY])
    let passed = wanted.contains(.O_NOCTTY) ? status.union(.O_NOCTTY) : status
    let file = try task.vfs.open(name, from: start, flags: passed, permissions: mode & 0o7777, walk: options)
    if file.isOpening { return .park(OpenOperation(file, closeOnExec: closeOnExec)) }
    return .value(Int64(try task.install(file, closeOnExec: closeOnExec).rawValue))
}

/// Implements open(2).
func sysOpen(_ task: Task, _ path: UserAddress, _ flags: Int32, _ mode: UInt32) throws(Errno) -> Outcome {
    try open(task, .cwd, path, UInt32(bitPattern: flags), mode)
}

/// Implements openat(2).
func sysOpenat(_ task: Task, _ directory: FD, _ path: UserAddress, _ flags: Int32, _ mode: UInt32) throws(Errno) -> Outcome {
    try open(task, directory, path, UInt32(bitPattern: flags), mode)
}

/// Implements creat(2).
func sysCreat(_ task: Task, _ path: UserAddress, _ mode: UInt32) throws(Errno) -> Outcome {
    try open(task, .cwd, path, OpenFlags([.O_CREAT, .O_WRONLY, .O_TRUNC]).rawValue, mode)
}

/// Implements openat2(2).
///
/// - Throws: `EINVAL` for unknown flags; `E2BIG` for an extension that is not zero; `EAGAIN` for RESOLVE_CACHED, which promises nothing here.
func sysOpenat2(_ task: Task, _ directory: FD, _ path: UserAddress, _ how: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    guard size >= 24 else { throw .EINVAL }
    guard size <= 4096 else { throw .E2BIG }
    let bytes = try task.memory.copyIn(how, count: Int(size))
    if bytes[24...].contains(where: { $0 != 0 }) { throw .E2BIG }
    let (flags, mode, resolve) = bytes.withUnsafeBytes {
        (
            $0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        )
    }
    // All that Linux knows, O_TMPFILE included.
    guard flags & ~0x7f_ffc3 == 0, mode & ~0o7777 == 0, resolve & ~0x3f == 0 else { throw .EINVAL }
    let wanted = OpenFlags(rawValue: UInt32(flags))
    if mode != 0, !wanted.contains(.O_CREAT), !wanted.contains(.O_TMPFILE) { throw .EINVAL }
    if wanted.contains(.O_PATH), !wanted.isSubset(of: [.O_PATH, .O_DIRECTORY, .O_NOFOLLOW, .O_CLOEXEC]) { throw .EINVAL }
    var options: WalkOptions = []
    if resolve & 0x01 != 0 { options.insert(.noMountCrossing) }
    if resolve & 0x02 != 0 { options.insert(.noMagicLinks) }
    if resolve & 0x04 != 0 { options.formUnion([.noSymlinks, .noMagicLinks]) }
    if resolve & 0x08 != 0 { options.insert(.beneath) }
    if resolve & 0x10 != 0 { options.insert(.inRoot) }
    if options.contains([.beneath, .inRoot]) { throw .EINVAL }
    if resolve & 0x20 != 0 { throw .EAGAIN }
    return try open(task, directory, path, UInt32(flags), UInt32(mode), options)
}

/// Implements close(2).
func sysClose(_ task: Task, _ fd: FD) throws(Errno) -> Outcome {
    try task.files.remove(fd, task.vfs)
    return .done
}

/// Implements close_range(2).
///
/// - Throws: `EINVAL` for flags or a range that ends before it begins.
func sysCloseRange(_ task: Task, _ first: UInt32, _ last: UInt32, _ flags: UInt32) throws(Errno) -> Outcome {
    // CLOSE_RANGE_UNSHARE 2, CLOSE_RANGE_CLOEXEC 4
    if flags & ~6 != 0 || first > last { throw .EINVAL }
    if flags & 2 != 0 { task.files = task.files.unsharedForExec() }
    task.files.closeRange(first, last, onlyMark: flags & 4 != 0, task.vfs)
    return .done
}
