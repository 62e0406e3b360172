import HostSyscalls
import LinuxABI
import VFS

/// A regular file of a tmpfs.
///
/// Small contents lie in the sentry's memory; a file that grows past ``inlineLimit``, or is mapped, moves into a memfd of its own, which
/// the host maps into guests and keeps sparse.
///
/// What it is charged for is what the host holds for it: holes are free until they are written. Once it was mapped, nobody asks before a
/// page of a hole comes to be, so from then on it is charged for its whole size.
public final class TmpfsFile: TmpfsInode {
    /// Contents up to this many bytes stay in the sentry's memory.
    static let inlineLimit = 64 << 10
    static let maximumSize = Int64.max - 4096

    private enum Content {
        case inline([UInt8])
        case memoryFile(writable: SharedHostFD, readable: SharedHostFD?)
    }

    private var content = Content.inline([])
    /// What was charged for it, bytes: whole pages.
    private var charged: UInt64 = 0
    /// A guest may hold a mapping of it: never taken back.
    private var isMapped = false
    /// Where fallocate(2) has reserved pages that were paid for: one range, the newest.
    private var preallocated: Range<Int64> = 0..<0
    /// The host may hold pages up to here, beyond the size too (FALLOC_FL_KEEP_SIZE).
    private var allocatedEnd: Int64 = 0

    deinit { try? tmpfs.charge(from: charged, to: 0) }

    var size: Int64 { stored.size }

    override public func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var result = stored
        switch content {
        case .inline: result.blocks = Int64(charged / 512)
        case .memoryFile(let writable, _): result.blocks = try HostDirectory.status(writable.rawValue).blocks
        }
        return result
    }

    /// The pages of the first `end` bytes, in bytes.
    private func pages(_ end: Int64) -> UInt64 { (UInt64(max(0, end)) + 4095) & ~4095 }

    private func charge(_ bytes: UInt64) throws(Errno) {
        if bytes == charged { return }
        try tmpfs.charge(from: charged, to: bytes)
        charged = bytes
    }

    /// Every page of it is there and paid for, and none beyond its end.
    private var isDense: Bool { charged == pages(stored.size) && allocatedEnd <= stored.size }

    /// Pays for a memfd's bytes from `start` to `end` before they are written; ``settle()`` then gives back what was paid twice.
    ///
    /// - Throws: `ENOSPC`, but not for bytes that are there already.
    private func reserve(_ start: Int64, _ end: Int64) throws(Errno) {
        if isMapped || isDense && start <= stored.size {
            try charge(max(charged, pages(max(end, allocatedEnd))))
            return
        }
        if preallocated.lowerBound <= start && end <= preallocated.upperBound { return }
        do throws(Errno) {
            let (sum, overflow) = charged.addingReportingOverflow(pages(end) - UInt64(start) & ~4095)
            if overflow { throw .ENOSPC }
            try charge(sum)
        } catch {
            guard end <= stored.size, case .memoryFile(let writable, _) = content,
                let hole = try? HostFile.seek(writable.rawValue, start, whence: 4), hole >= end
            else { throw error }
        }
    }

    /// How many bytes the file system still takes from `position` on.
    private func room(at position: Int64) -> Int64 {
        let free = Int64(clamping: tmpfs.sizeLimit - min(tmpfs.sizeLimit, tmpfs.usedBytes))
        // At the end of a dense file the last page is paid for.
        let paid = isDense && position <= stored.size ? Int64(clamping: charged) : position & ~4095
        let (end, overflow) = paid.addingReportingOverflow(free)
        return overflow ? .max : max(0, end - position)
    }

    /// Charges for what the host holds now.
    private func settle() {
        guard !isMapped, case .memoryFile(let writable, _) = content, let status = try? HostDirectory.status(writable.rawValue) else {
            return
        }
        let used = UInt64(max(0, status.blocks)) * 512
        tmpfs.recharge(from: charged, to: used)
        charged = used
    }

    override func resize(_ newSize: Int64, _ context: VFSContext) throws(Errno) {
        if newSize < 0 { throw .EINVAL }
        if newSize > TmpfsFile.maximumSize { throw .EFBIG }
        if newSize > Int64(TmpfsFile.inlineLimit) { try moveToMemoryFile() }
        switch content {
        case .inline(var bytes):
            try charge(pages(newSize))
            content = .inline([])
            if newSize < bytes.count {
                bytes.removeLast(bytes.count - Int(newSize))
            } else {
                bytes.append(contentsOf: repeatElement(0, count: Int(newSize) - bytes.count))
            }
            content = .inline(bytes)
        case .memoryFile(let writable, _):
            if isMapped && newSize > stored.size { try charge(max(charged, pages(newSize))) }
            let frees = newSize <= stored.size
            try HostFile.truncate(writable.rawValue, size: newSize)
            stored.size = newSize
            // Pages beyond the new end have gone, but growing leaves those that lie beyond the old one.
            guard frees else { break }
            allocatedEnd = min(allocatedEnd, newSize)
            preallocated = preallocated.clamped(to: 0..<newSize)
            if isMapped { try charge(pages(newSize)) } else { settle() }
        }
        stored.size = newSize
    }

    /// Gives the file a memfd of its own.
    private func moveToMemoryFile() throws(Errno) {
        guard case .inline(let bytes) = content else { return }
        do throws(HostErrno) {
            let file = SharedHostFD(try HostMemoryFile.make("tmpfs", size: UInt64(bytes.count)))
            let twin = try? HostMemoryFile.readOnlyTwin(of: file.rawValue)
            var shared: SharedHostFD?
            if let twin { shared = SharedHostFD(twin) }
            content = .memoryFile(writable: file, readable: shared)
            try bytes.withUnsafeBytes { raw -> Result<Void, HostErrno> in
                var done = 0
                while done < raw.count {
                    do throws(HostErrno) {
                        done += try hostCall(
                            HostSyscall.pwrite64, Int(file.rawValue), Int(bitPattern: raw.baseAddress) + done, raw.count - done, done)
                    } catch { return .failure(error) }
                }
                return .success(())
            }.get()
        } catch {
            content = .inline(bytes)
            // The sentry's own descriptors have run out (EMFILE), or the host's memory.
            throw error.rawValue == 24 ? .ENFILE : error.guestErrno
        }
    }

    // MARK: Data

    func read(into sink: IOSink, at offset: Int64) throws(Errno) -> Int {
        if offset < 0 { throw .EINVAL }
        guard offset < stored.size else { return 0 }
        let available = min(Int64(sink.remaining), stored.size - offset)
        switch content {
        case .inline(let bytes):
            return try bytes.withUnsafeBytes { raw -> Result<Int, Errno> in
                do throws(Errno) {
                    return .success(try sink.write(UnsafeRawBufferPointer(rebasing: raw[Int(offset)..<Int(offset + available)])))
                } catch { return .failure(error) }
            }.get()
        case .memoryFile(let writable, _):
            return try withTransferBuffer(Int(available)) { (buffer) throws(Errno) -> Int in
                var total = 0
                while total < Int(available) {
                    do throws(Errno) {
                        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, Int(available) - total)])
                        let count = try HostFile.read(writable.rawValue, into: piece, at: offset + Int64(total))
                        if count == 0 { break }
                        let copied = try sink.write(UnsafeRawBufferPointer(rebasing: piece[..<count]))
                        total += copied
                        if copied < count { break }
                    } catch {
                        if total == 0 { throw error }
                        break
                    }
                }
                return total
            }
        }
    }

    /// Writes as much as there is room for.
    ///
    /// - Throws: `EFBIG`, `ENOSPC`, `EFAULT` if nothing was written.
    func write(from source: IOSource, at offset: Int64, _ context: VFSContext) throws(Errno) -> Int {
        if offset < 0 { throw .EINVAL }
        if source.remaining == 0 { return 0 }
        guard offset < TmpfsFile.maximumSize else { throw .EFBIG }
        let wanted = Int(min(Int64(source.remaining), TmpfsFile.maximumSize - offset))
        let total = try withTransferBuffer(wanted) { (buffer) throws(Errno) -> Int in
            var total = 0
            while total < wanted {
                do throws(Errno) {
                    let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, wanted - total)])
                    let count = try source.read(into: piece)
                    do throws(Errno) {
                        try put(UnsafeRawBufferPointer(rebasing: piece[..<count]), at: offset + Int64(total))
                    } catch {
                        // Linux fills page by page: what still fits is written.
                        let fits = error == .ENOSPC ? Int(min(Int64(count), room(at: offset + Int64(total)))) : 0
                        if fits > 0, fits < count,
                            (try? put(UnsafeRawBufferPointer(rebasing: piece[..<fits]), at: offset + Int64(total))) != nil
                        {
                            source.giveBack(count - fits)
                            total += fits
                            break
                        }
                        source.giveBack(count)
                        throw error
                    }
                    total += count
                    if count < piece.count { break }
                } catch {
                    if total == 0 { throw error }
                    break
                }
            }
            return total
        }
        let now = context.now
        stored.modificationTime = now
        stored.changeTime = now
        // A write by somebody without the privilege takes the set-id bits (file_remove_privs).
        if stored.permissions & 0o6000 != 0, !context.credentials.has(.CAP_FSETID) {
            stored.permissions &= ~0o4000
            if stored.permissions & 0o010 != 0 { stored.permissions &= ~0o2000 }
        }
        return total
    }

    private func put(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
        let end = offset + Int64(bytes.count)
        if end > Int64(TmpfsFile.inlineLimit) { try moveToMemoryFile() }
        switch content {
        case .inline(var array):
            if end > stored.size { try charge(pages(end)) }
            // Out of the enum first: a second reference would copy the whole array.
            content = .inline([])
            if array.count < Int(end) {
                // Grow in steps that double, so that appends are linear overall.
                array.reserveCapacity(Int(end) <= array.capacity ? 0 : max(Int(end), array.capacity * 2))
                array.append(contentsOf: repeatElement(0, count: Int(end) - array.count))
            }
            array.withUnsafeMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[Int(offset)..<Int(end)]).copyMemory(from: bytes) }
            content = .inline(array)
        case .memoryFile(let writable, _):
            // Before it becomes longer: a hole between its old end and the offset makes it sparse.
            let staysDense = isDense && offset <= stored.size
            try reserve(offset, end)
            defer { if !staysDense { settle() } }
            var done = 0
            while done < bytes.count {
                done += try HostFile.write(
                    writable.rawValue, UnsafeRawBufferPointer(rebasing: bytes[done...]), at: offset + Int64(done))
            }
            stored.size = max(stored.size, end)
        }
        stored.size = max(stored.size, end)
    }

    /// fallocate(2).
    func allocate(mode: Int32, offset: Int64, length: Int64, _ context: VFSContext) throws(Errno) {
        guard offset >= 0, length > 0 else { throw .EINVAL }
        let (end, overflow) = offset.addingReportingOverflow(length)
        if overflow || end > TmpfsFile.maximumSize { throw .EFBIG }
        // Nothing, KEEP_SIZE, and PUNCH_HOLE with KEEP_SIZE: what Linux's tmpfs has.
        guard mode == 0 || mode == 1 || mode == 3 else { throw .EOPNOTSUPP }
        try moveToMemoryFile()
        guard case .memoryFile(let writable, _) = content else { return }
        if mode == 3 {
            try HostFile.allocate(writable.rawValue, mode: mode, offset: offset, length: length)
            preallocated = 0..<0
            settle()
        } else {
            try reserve(offset, end)
            // Even if the host gives up half-way, what it has is counted.
            allocatedEnd = max(allocatedEnd, end)
            defer { settle() }
            try HostFile.allocate(writable.rawValue, mode: mode, offset: offset, length: length)
            let touches = offset <= preallocated.upperBound && preallocated.lowerBound <= end && !preallocated.isEmpty
            preallocated = touches ? min(offset, preallocated.lowerBound)..<max(end, preallocated.upperBound) : offset..<end
            if mode == 0, end > stored.size { stored.size = end }
        }
        stored.modificationTime = context.now
        stored.changeTime = stored.modificationTime
    }

    /// SEEK_DATA (3) and SEEK_HOLE (4).
    func seekContent(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 {
        guard offset >= 0, offset < stored.size else { throw .ENXIO }
        switch content {
        case .inline: return whence == 3 ? offset : stored.size
        case .memoryFile(let writable, _): return try HostFile.seek(writable.rawValue, offset, whence: whence)
        }
    }

    /// What guests map.
    ///
    /// - Throws: `ENOMEM` if all of it, holes too, is more than the file system may hold; `EACCES`; `ENFILE`.
    func mappable(writable wantsWrite: Bool) throws(Errno) -> SharedHostFD {
        try moveToMemoryFile()
        if !isMapped {
            do throws(Errno) { try charge(max(charged, pages(max(stored.size, allocatedEnd)))) } catch { throw .ENOMEM }
            isMapped = true
        }
        guard case .memoryFile(let writable, let readable) = content else { throw .ENODEV }
        if wantsWrite { return writable }
        guard let readable else { throw .EACCES }
        return readable
    }

    func touchAccess(_ context: VFSContext) { stored.accessTime = context.now }

    override public func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        if flags.contains(.O_TRUNC) {
            try resize(0, context)
            stored.modificationTime = context.now
            stored.changeTime = stored.modificationTime
        }
        return TmpfsFileDescription(self, flags: flags.subtracting(.O_TRUNC), path: path)
    }
}

/// A buffer for moving `count` bytes, at most 256 KiB at a time.
private func withTransferBuffer<R>(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> R) throws(Errno) -> R {
    let size = max(1, min(count, 256 << 10))
    if size <= 8192 {
        let outcome: Result<R, Errno> = withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) { buffer in
            do throws(Errno) { return .success(try body(buffer)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { buffer.deallocate() }
    return try body(buffer)
}

/// An open file of a tmpfs.
final class TmpfsFileDescription: FileDescription {
    let file: TmpfsFile

    init(_ file: TmpfsFile, flags: OpenFlags, path: VFSPath) {
        self.file = file
        super.init(flags: flags, path: path)
    }

    override var inode: Inode? { file }
    override var isSeekable: Bool { true }

    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        let done = try file.read(into: sink, at: offset ?? self.offset)
        if offset == nil { self.offset += Int64(done) }
        if !flags.contains(.O_NOATIME) { file.touchAccess(context) }
        return done
    }

    override func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        // O_APPEND wins over pwrite's offset, as on Linux.
        let start = flags.contains(.O_APPEND) ? file.size : offset ?? self.offset
        let done = try file.write(from: source, at: start, context)
        if offset == nil { self.offset = start + Int64(done) }
        return done
    }

    override func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        if whence == 3 || whence == 4 {
            self.offset = try file.seekContent(offset, whence: whence)
        } else {
            self.offset = try seekPosition(offset, whence: whence, current: self.offset, end: file.size)
        }
        return self.offset
    }

    override func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) {}

    override func allocate(mode: Int32, offset: Int64, length: Int64, _ context: VFSContext) throws(Errno) {
        try file.allocate(mode: mode, offset: offset, length: length, context)
    }

    override func mappable(writable: Bool, _ context: VFSContext) throws(Errno) -> SharedHostFD {
        try file.mappable(writable: writable)
    }
}
