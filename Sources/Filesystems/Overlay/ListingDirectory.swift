// What the overlay asks of the directories below it.
import LinuxABI
import VFS

/// One line of a directory's listing.
struct ListingEntry {
    let name: FileName
    let number: UInt64
    let type: FileType
}

/// A directory that can give its whole listing without being opened.
protocol ListingDirectory: Inode {
    /// All entries but `.` and `..`, always in the same order; nil if there are too many to keep.
    func cachedListing(_ context: VFSContext) throws(Errno) -> [ListingEntry]?
}
