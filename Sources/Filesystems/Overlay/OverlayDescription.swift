// Open files and directories of the overlay.
import HostSyscalls
import LinuxABI
import Primitives
import VFS

/// An open regular file: a description of one layer's file, under the overlay's name, position and flags.
///
/// One that was opened for reading stays with the lower file when the file is copied up later, as on Linux.
final class OverlayFileDescription: FileDescription {
    private let file: OverlayInode
    private let layer: FileDescription

    init(file: OverlayInode, layer: FileDescription, flags: OpenFlags, path: VFSPath) {
        self.file = file
        self.layer = layer
        super.init(flags: flags, path: path)
        layer.retain()
    }

    override var inode: Inode? { file }
    override var isSeekable: Bool { true }

    override func released(_ context: VFSContext) { layer.release(context) }

    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        let position = offset ?? self.offset
        let count = try layer.read(into: sink, at: position, context)
        if offset == nil { self.offset = position + Int64(count) }
        return count
    }

    override func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        let position = flags.contains(.O_APPEND) ? try layer.attributes(context).size : offset ?? self.offset
        let count = try layer.write(from: source, at: position, context)
        if offset == nil { self.offset = position + Int64(count) }
        return count
    }

    override func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        switch whence {
        case 3, 4: self.offset = try layer.seek(offset, whence: whence, context)
        default:
            let end = whence == 2 ? try layer.attributes(context).size : 0
            self.offset = try seekPosition(offset, whence: whence, current: self.offset, end: end)
        }
        return self.offset
    }

    override func sync(dataOnly: Bool, _ context: VFSContext) throws(Errno) { try layer.sync(dataOnly: dataOnly, context) }

    override func allocate(mode: Int32, offset: Int64, length: Int64, _ context: VFSContext) throws(Errno) {
        try layer.allocate(mode: mode, offset: offset, length: length, context)
    }

    override func ioctl(
        _ request: UInt32, _ argument: UInt64, _ memory: any GuestCopying, _ context: VFSContext
    ) throws(Errno) -> Int64 { try layer.ioctl(request, argument, memory, context) }

    override func mappable(writable: Bool, _ context: VFSContext) throws(Errno) -> SharedHostFD {
        try layer.mappable(writable: writable, context)
    }
}

/// An open directory of the overlay.
final class OverlayDirectoryDescription: FileDescription {
    private let directory: OverlayDirectory

    init(directory: OverlayDirectory, flags: OpenFlags, path: VFSPath) {
        self.directory = directory
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
        let parent = path?.dentry.parent?.inode?.number ?? directory.number
        offset = try directory.list(from: offset, parentNumber: parent, context, emit)
    }
}
