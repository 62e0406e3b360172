// Open host directories.
import GoferProtocol
import LinuxABI
import VFS

/// An open directory of an exclusive mount: positions are indexes into the cached listing.
final class CachedGoferDirectoryDescription: FileDescription {
    private let directory: GoferDirectory

    init(inode: GoferDirectory, flags: OpenFlags, path: VFSPath) {
        directory = inode
        super.init(flags: flags, path: path)
    }

    override var inode: Inode? { directory }
    override var isSeekable: Bool { true }

    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .EISDIR }

    override func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        self.offset = try seekPosition(offset, whence: whence, current: self.offset, end: 0)
        return self.offset
    }

    override func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) {}

    override func readDirectory(
        _ context: VFSContext, _ emit: (_ name: [UInt8], _ inode: UInt64, _ type: FileType, _ next: Int64) -> Bool
    ) throws(Errno) {
        guard let listing = try directory.cachedListing(context) else { throw .EIO }
        while offset >= 0, offset < Int64(listing.count) + 2 {
            let isTaken: Bool
            switch offset {
            case 0: isTaken = emit([0x2e], directory.number, .directory, 1)
            case 1:
                let parent = path?.dentry.parent?.inode?.number ?? directory.number
                isTaken = emit([0x2e, 0x2e], parent, .directory, 2)
            default:
                let line = listing[Int(offset) - 2]
                isTaken = emit(line.name, line.number, line.type, offset + 1)
            }
            guard isTaken else { return }
            offset += 1
        }
    }
}

/// An open directory of a shared mount, or one too large to cache: positions are the host's, and one page is held.
final class GoferDirectoryDescription: FileDescription {
    private let directory: GoferDirectory
    private var page: GoferDirectoryPage
    /// The position that ``page`` starts at.
    private var pageStart: Int64 = 0
    private var isFirstReading = true

    init(inode: GoferDirectory, firstPage: GoferDirectoryPage, flags: OpenFlags, path: VFSPath) {
        directory = inode
        page = firstPage
        super.init(flags: flags, path: path)
    }

    override var inode: Inode? { directory }
    override var isSeekable: Bool { true }

    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int { throw .EISDIR }

    override func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        self.offset = try seekPosition(offset, whence: whence, current: self.offset, end: 0)
        return self.offset
    }

    override func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) {
        if directory.tree.isReadOnly { return }
        _ = try directory.ask(context) { .sync(node: $0) }
    }

    override func readDirectory(
        _ context: VFSContext, _ emit: (_ name: [UInt8], _ inode: UInt64, _ type: FileType, _ next: Int64) -> Bool
    ) throws(Errno) {
        // From the beginning again: what has changed since must show.
        if offset == 0 && !isFirstReading { try load(0, context) }
        isFirstReading = false
        var hasEmitted = false
        while true {
            if let index = indexOfPosition() {
                for entry in page.entries[index...] {
                    let line = directory.line(for: entry)
                    guard emit(line.name, line.number, line.type, entry.next) else { return }
                    offset = entry.next
                    hasEmitted = true
                }
                if page.isLast { return }
            }
            // The position has moved: a call that runs again on the slow pool would lose what this one has passed on.
            if hasEmitted && !context.mayBlock { return }
            do throws(Errno) {
                try load(offset, context)
            } catch {
                // The next call meets the error.
                if hasEmitted { return }
                throw error
            }
            if page.entries.isEmpty { return }
        }
    }

    /// Where in the page reading goes on; nil if the position is not in it.
    private func indexOfPosition() -> Int? {
        if offset == pageStart { return 0 }
        guard let before = page.entries.firstIndex(where: { $0.next == offset }) else { return nil }
        return before + 1
    }

    private func load(_ position: Int64, _ context: VFSContext) throws(Errno) {
        page = try directory.readPage(position, context)
        pageStart = position
    }
}
