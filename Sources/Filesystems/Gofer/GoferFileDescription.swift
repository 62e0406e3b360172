// Open host files: data goes between the guest and the donated host descriptor, never through the gofer.
import GoferProtocol
import HostSyscalls
import LinuxABI
import VFS

/// An open regular file of a gofer mount.
///
/// What the host has in its page cache is read at once, by whichever worker runs the call. What must come from the disk, and large
/// transfers, are for the slow pool: there the kernel lock is released around each piece that may wait.
class GoferFileDescription: FileDescription {
    let file: GoferInode
    static let slowSize = 1 << 20
    private static let pieceSize = 128 << 10
    /// Whether the host's file system can say that a read would wait.
    private var knowsWhatIsCached = true

    init(inode: GoferInode, flags: OpenFlags, path: VFSPath) {
        file = inode
        super.init(flags: flags, path: path)
    }

    override var inode: Inode? { file }
    override var isSeekable: Bool { true }

    /// The host descriptor to read from.
    func source(_ context: VFSContext) throws(Errno) -> SharedHostFD { throw .EBADF }

    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        let start = offset ?? self.offset
        guard start >= 0 else { throw .EINVAL }
        if sink.remaining > Self.slowSize { try context.requireSlowPath() }
        let descriptor = try source(context)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, min(sink.remaining, Self.pieceSize)), alignment: 16)
        defer { buffer.deallocate() }
        var total = 0
        while sink.remaining > 0 {
            let (position, overflow) = start.addingReportingOverflow(Int64(total))
            if overflow { break }
            do throws(Errno) {
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, sink.remaining)])
                let count = try readPiece(descriptor, into: piece, at: position, context)
                if count == 0 { break }
                let copied = try sink.write(UnsafeRawBufferPointer(rebasing: piece[..<count]))
                total += copied
                if copied < count { break }
            } catch .needsSlowPath {
                // The position has not moved: the call runs again from its beginning.
                throw .needsSlowPath
            } catch {
                if total == 0 { throw error }
                break
            }
        }
        if offset == nil { self.offset = start + Int64(total) }
        return total
    }

    /// - Throws: `needsSlowPath` if the host would have to wait for the disk.
    private func readPiece(
        _ descriptor: SharedHostFD, into piece: UnsafeMutableRawBufferPointer, at position: Int64, _ context: VFSContext
    ) throws(Errno) -> Int {
        if knowsWhatIsCached {
            do throws(Errno) {
                return try HostFile.readCached(descriptor.rawValue, into: piece, at: position)
            } catch .EAGAIN {
                try context.requireSlowPath()
            } catch .EOPNOTSUPP {
                knowsWhatIsCached = false
            } catch {
                throw error
            }
        }
        // A file system without a disk behind (tmpfs, overlay on old kernels) answers at once, as far as anyone can know.
        guard context.mayBlock else { return try HostFile.read(descriptor.rawValue, into: piece, at: position) }
        return try context.blocking { () throws(Errno) -> Int in
            try HostFile.read(descriptor.rawValue, into: piece, at: position)
        }
    }

    override func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        switch whence {
        case 3, 4:
            self.offset = try source(context).use { fd throws(Errno) in try HostFile.seek(fd, offset, whence: whence) }
        default:
            let end = whence == 2 ? try attributes(context).size : 0
            self.offset = try seekPosition(offset, whence: whence, current: self.offset, end: end)
        }
        return self.offset
    }
}

/// An open file of an exclusive mount: all descriptions of a file share the inode's cached descriptor, which may be closed and asked
/// for again at any time.
final class CachedGoferFileDescription: GoferFileDescription {
    override func source(_ context: VFSContext) throws(Errno) -> SharedHostFD { try file.readDescriptor(context) }

    override func mappable(writable: Bool, _ context: VFSContext) throws(Errno) -> SharedHostFD {
        if writable { throw .EACCES }
        return try file.readDescriptor(context)
    }

    override func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) {}
}

/// An open file of a shared mount: it has a descriptor of its own, because the name may lead elsewhere by now.
final class PinnedGoferFileDescription: GoferFileDescription {
    private let descriptor: SharedHostFD
    private let access: GoferAccess
    /// For mappings that must not become writable, of a description that is.
    private var readOnlyTwin: SharedHostFD?

    /// The caller has counted the descriptor with ``GoferTree/pinDescriptor()``.
    init(inode: GoferInode, _ descriptor: SharedHostFD, _ access: GoferAccess, flags: OpenFlags, path: VFSPath) {
        self.descriptor = descriptor
        self.access = access
        super.init(inode: inode, flags: flags, path: path)
    }

    deinit {
        file.tree.unpinDescriptor()
        if readOnlyTwin != nil { file.tree.unpinDescriptor() }
    }

    override func source(_ context: VFSContext) throws(Errno) -> SharedHostFD { descriptor }

    override func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        guard access.writes else { throw .EBADF }
        let start = offset ?? self.offset
        guard start >= 0 else { throw .EINVAL }
        let isLarge = source.remaining > Self.slowSize
        if isLarge { try context.requireSlowPath() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, min(source.remaining, 256 << 10)), alignment: 16)
        defer { buffer.deallocate() }
        let appends = flags.contains(.O_APPEND)
        var total = 0
        while source.remaining > 0 {
            let (position, overflow) = start.addingReportingOverflow(Int64(total))
            if overflow {
                if total == 0 { throw .EFBIG }
                break
            }
            do throws(Errno) {
                let wanted = min(buffer.count, source.remaining)
                let filled = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
                let piece = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
                let written =
                    isLarge
                    ? try context.blocking { () throws(Errno) -> Int in try put(piece, at: position, appends: appends) }
                    : try put(piece, at: position, appends: appends)
                total += written
                if written < filled || filled < wanted { break }
            } catch {
                if total == 0 { throw error }
                break
            }
        }
        file.markStale()
        if offset == nil {
            self.offset = appends ? try HostDirectory.status(descriptor.rawValue).size : start + Int64(total)
        }
        return total
    }

    private func put(_ bytes: UnsafeRawBufferPointer, at position: Int64, appends: Bool) throws(Errno) -> Int {
        if bytes.isEmpty { return 0 }
        return appends
            ? try HostFile.append(descriptor.rawValue, bytes) : try HostFile.write(descriptor.rawValue, bytes, at: position)
    }

    override func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        file.update(GoferAttributes(try HostDirectory.status(descriptor.rawValue)))
        return file.guestAttributes
    }

    override func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        var rest = change
        if let size = change.size, access.writes {
            // Also where the file has no name any more.
            guard size >= 0 else { throw .EINVAL }
            try file.requireWritable()
            try HostFile.truncate(descriptor.rawValue, size: size)
            rest.size = nil
            file.markStale()
            if rest.permissions == nil, rest.uid == nil, rest.gid == nil, rest.accessTime == nil, rest.modificationTime == nil { return }
        }
        try file.setAttributes(rest, context)
    }

    override func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) {
        try context.requireSlowPath()
        let descriptor = descriptor
        try context.blocking { () throws(Errno) in try HostFile.sync(descriptor.rawValue, dataOnly: dataOnly) }
    }

    override func allocate(mode: Int32, offset: Int64, length: Int64, _ context: VFSContext) throws(Errno) {
        guard access.writes else { throw .EBADF }
        try context.requireSlowPath()
        let descriptor = descriptor
        try context.blocking { () throws(Errno) in
            try HostFile.allocate(descriptor.rawValue, mode: mode, offset: offset, length: length)
        }
    }

    override func mappable(writable: Bool, _ context: VFSContext) throws(Errno) -> SharedHostFD {
        if writable {
            guard access == .readWrite, flags.writes else { throw .EACCES }
            return descriptor
        }
        guard access != .read else { return descriptor }
        guard flags.reads else { throw .EACCES }
        if let readOnlyTwin { return readOnlyTwin }
        try file.tree.pinDescriptor()
        do throws(Errno) {
            let twin = try file.askOpen(.read, truncates: false, context)
            if let readOnlyTwin {
                // Another call was faster.
                file.tree.unpinDescriptor()
                return readOnlyTwin
            }
            readOnlyTwin = twin
            return twin
        } catch {
            file.tree.unpinDescriptor()
            throw error
        }
    }
}
