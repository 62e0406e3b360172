// Regular files whose content is written by code when they are read: /proc's.
import LinuxABI
import VFS

/// A file whose content is made whenever it is read from its beginning (`top` keeps /proc/stat open).
public final class SyntheticFile: SyntheticInode {
    typealias Content = (VFSContext) throws(Errno) -> [UInt8]
    typealias Store = ([UInt8], VFSContext) throws(Errno) -> Void

    fileprivate let content: Content
    fileprivate let store: Store?
    /// /proc/sys checks its own mode, whatever capabilities the caller has.
    private let refusesWriters: Bool

    /// `store` takes what one write(2) brings; without it a write fails, or an open for writing already.
    init(
        _ origin: SyntheticOrigin, permissions: UInt32 = 0o444, refusesWriters: Bool = false, store: Store? = nil,
        _ content: @escaping Content
    ) {
        self.content = content
        self.store = store
        self.refusesWriters = refusesWriters
        super.init(origin, type: .regular, permissions: permissions)
    }

    override public func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        if flags.writes && refusesWriters { throw .EACCES }
        return SyntheticFileDescription(file: self, flags: flags, path: path)
    }

    override public func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        // `echo name > /proc/self/comm` truncates first.
        if change.size != nil, change.permissions == nil, change.uid == nil, change.gid == nil { return }
        throw .EPERM
    }
}

/// An open ``SyntheticFile``: its content as of the last read at position 0.
final class SyntheticFileDescription: FileDescription {
    private let file: SyntheticFile
    private var bytes: [UInt8] = []
    /// Long contents (the maps of a process with many areas) are made for every read: what descriptions hold has a bound.
    private var isKept = false
    private static let keptLimit = 65536

    init(file: SyntheticFile, flags: OpenFlags, path: VFSPath) {
        self.file = file
        super.init(flags: flags, path: path)
    }

    override var inode: Inode? { file }
    override var isSeekable: Bool { true }

    override func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 {
        self.offset = try seekPosition(offset, whence: whence, current: self.offset, end: Int64(bytes.count))
        return self.offset
    }

    override func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        let position = offset ?? self.offset
        if position == 0 || !isKept {
            bytes = try file.content(context)
            isKept = bytes.count <= Self.keptLimit
        }
        defer { if !isKept { bytes = [] } }
        guard position >= 0, position < bytes.count else { return 0 }
        let count = try deliver(bytes, from: Int(position), into: sink)
        if offset == nil { self.offset = position + Int64(count) }
        return count
    }

    override func write(from source: IOSource, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        // Sequential files cannot be written at an offset (seq_open of Linux).
        if offset != nil { throw .ESPIPE }
        guard let store = file.store else { throw .EIO }
        guard source.remaining <= 4096 else { throw .EINVAL }
        let data = try collect(source)
        try store(data, context)
        self.offset += Int64(data.count)
        return data.count
    }
}

/// Copies `bytes` from `position` on into `sink`, as much as it takes.
func deliver(_ bytes: [UInt8], from position: Int, into sink: IOSink) throws(Errno) -> Int {
    let result: Result<Int, Errno> = bytes.withUnsafeBytes { all in
        do throws(Errno) {
            return .success(try sink.write(UnsafeRawBufferPointer(rebasing: all[position...])))
        } catch { return .failure(error) }
    }
    return try result.get()
}

/// All that `source` has.
func collect(_ source: IOSource) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: source.remaining)
    let result: Result<Int, Errno> = bytes.withUnsafeMutableBytes { buffer in
        do throws(Errno) { return .success(try source.read(into: buffer)) } catch { return .failure(error) }
    }
    bytes.removeLast(bytes.count - (try result.get()))
    return bytes
}
