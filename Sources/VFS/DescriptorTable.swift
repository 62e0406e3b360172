import LinuxABI

/// A process's descriptors (Linux's `files_struct`). Guarded by the kernel lock.
public final class DescriptorTable {
    private struct Entry {
        var file: FileDescription
        var closeOnExec: Bool
    }

    private var entries: [Entry?] = []
    /// No free number lies below.
    private var lowestFree = 0
    /// Tasks that share this table.
    private var sharers = 1

    public init() {}

    // MARK: Looking up

    /// The description behind `fd`, for anything but path operations.
    ///
    /// - Throws: `EBADF` if it is not open, or open with O_PATH.
    public func get(_ fd: FD) throws(Errno) -> FileDescription {
        let file = try getAllowingPath(fd)
        if file.flags.contains(.O_PATH) { throw .EBADF }
        return file
    }

    /// The explicit exception: O_PATH descriptors too.
    public func getAllowingPath(_ fd: FD) throws(Errno) -> FileDescription {
        let index = Int(fd.rawValue)
        guard index >= 0, index < entries.count, let entry = entries[index] else { throw .EBADF }
        return entry.file
    }

    /// - Throws: `EBADF` if it is not open for reading.
    public func readable(_ fd: FD) throws(Errno) -> FileDescription {
        let file = try get(fd)
        if !file.flags.reads { throw .EBADF }
        return file
    }

    /// - Throws: `EBADF` if it is not open for writing.
    public func writable(_ fd: FD) throws(Errno) -> FileDescription {
        let file = try get(fd)
        if !file.flags.writes { throw .EBADF }
        return file
    }

    public func isCloseOnExec(_ fd: FD) throws(Errno) -> Bool {
        _ = try getAllowingPath(fd)
        return entries[Int(fd.rawValue)]?.closeOnExec ?? false
    }

    public func setCloseOnExec(_ fd: FD, _ closes: Bool) throws(Errno) {
        _ = try getAllowingPath(fd)
        entries[Int(fd.rawValue)]?.closeOnExec = closes
    }

    /// All open descriptors, in order.
    public var all: [(fd: FD, file: FileDescription, closeOnExec: Bool)] {
        var result: [(FD, FileDescription, Bool)] = []
        for (index, entry) in entries.enumerated() {
            if let entry { result.append((FD(Int32(index)), entry.file, entry.closeOnExec)) }
        }
        return result
    }

    // MARK: Changing

    /// Puts `file` at the lowest free number from `minimum` on.
    ///
    /// - Parameter limit: RLIMIT_NOFILE: numbers at or above are not given.
    /// - Throws: `EMFILE`.
    public func install(_ file: FileDescription, from minimum: Int32 = 0, limit: Int32, closeOnExec: Bool) throws(Errno) -> FD {
        var index = max(Int(minimum), lowestFree)
        while index < entries.count, entries[index] != nil { index += 1 }
        guard index < Int(limit) else { throw .EMFILE }
        if index >= entries.count { entries.append(contentsOf: repeatElement(nil, count: index + 1 - entries.count)) }
        entries[index] = Entry(file: file, closeOnExec: closeOnExec)
        if Int(minimum) <= lowestFree { lowestFree = index + 1 }
        file.retain()
        return FD(Int32(index))
    }

    /// Makes sure that ``install(_:from:limit:closeOnExec:)`` would find a number.
    ///
    /// - Throws: `EMFILE`.
    public func requireFree(limit: Int32) throws(Errno) {
        var index = lowestFree
        while index < entries.count, entries[index] != nil { index += 1 }
        lowestFree = index
        guard index < Int(limit) else { throw .EMFILE }
    }

    /// dup2(2): puts `file` at `fd`, closing what is there.
    ///
    /// - Throws: `EBADF` if the number is not below the limit.
    public func replace(_ fd: FD, _ file: FileDescription, limit: Int32, closeOnExec: Bool, _ context: VFSContext) throws(Errno) {
        let index = Int(fd.rawValue)
        guard index >= 0, index < Int(limit) else { throw .EBADF }
        if index >= entries.count { entries.append(contentsOf: repeatElement(nil, count: index + 1 - entries.count)) }
        let old = entries[index]
        file.retain()
        entries[index] = Entry(file: file, closeOnExec: closeOnExec)
        if let old { close(old.file, context) }
    }

    /// Takes `fd` out and lets go of its description.
    ///
    /// - Throws: `EBADF`.
    public func remove(_ fd: FD, _ context: VFSContext) throws(Errno) {
        let file = try getAllowingPath(fd)
        entries[Int(fd.rawValue)] = nil
        lowestFree = min(lowestFree, Int(fd.rawValue))
        close(file, context)
    }

    /// Every open descriptor from `first` to `last`: closed, or marked close-on-exec.
    public func closeRange(_ first: UInt32, _ last: UInt32, onlyMark: Bool, _ context: VFSContext) {
        guard !entries.isEmpty, Int(first) < entries.count else { return }
        for index in Int(first)...min(Int(last), entries.count - 1) {
            guard let entry = entries[index] else { continue }
            if onlyMark {
                entries[index]?.closeOnExec = true
            } else {
                entries[index] = nil
                lowestFree = min(lowestFree, index)
                close(entry.file, context)
            }
        }
    }

    private func close(_ file: FileDescription, _ context: VFSContext) {
        file.closed(context)
        // POSIX locks go with any descriptor of the file that the owner closes, whichever it was (fcntl(2)).
        if let locks = file.inode?.locks as? FileLocks { locks.release(owner: ObjectIdentifier(self)) }
        file.release(context)
    }

    // MARK: Sharing

    /// A copy for fork: the same descriptions.
    public func copy() -> DescriptorTable {
        let copy = DescriptorTable()
        copy.entries = entries
        copy.lowestFree = lowestFree
        for entry in entries { entry?.file.retain() }
        return copy
    }

    /// A task has come that uses this very table (CLONE_FILES).
    public func retainedByTask(_ isShared: Bool) { if isShared { sharers += 1 } }

    /// A task that used this table has gone: the last one closes everything.
    public func releasedByTask(_ context: VFSContext) {
        sharers -= 1
        if sharers > 0 { return }
        let old = entries
        entries = []
        lowestFree = 0
        for entry in old { if let entry { close(entry.file, context) } }
    }

    /// execve(2): a table of the task's own.
    public func unsharedForExec() -> DescriptorTable {
        if sharers == 1 { return self }
        sharers -= 1
        return copy()
    }

    /// execve(2): closes what is marked.
    public func closeOnExec(_ context: VFSContext) {
        for index in entries.indices {
            guard let entry = entries[index], entry.closeOnExec else { continue }
            entries[index] = nil
            lowestFree = min(lowestFree, index)
            close(entry.file, context)
        }
    }
}
