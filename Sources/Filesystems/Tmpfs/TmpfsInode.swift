import LinuxABI
import VFS

/// What all files of a tmpfs have: attributes and extended attributes. Fifos, sockets and devices are just this.
public class TmpfsInode: Inode {
    /// Most bytes of extended attributes on one inode, names included.
    private static let xattrLimit = 65_536

    let tmpfs: TmpfsFileSystem
    var stored: FileAttributes
    private var xattrs: [[UInt8]: [UInt8]] = [:]

    init(_ fileSystem: TmpfsFileSystem, number: UInt64, _ attributes: FileAttributes, now: Timespec) {
        tmpfs = fileSystem
        stored = attributes
        stored.device = fileSystem.device
        stored.inode = number
        stored.accessTime = now
        stored.modificationTime = now
        stored.changeTime = now
        stored.birthTime = now
        super.init(fileSystem: fileSystem, number: number, type: attributes.type)
    }

    deinit {
        tmpfs.recharge(from: extraBytes, to: 0)
        tmpfs.giveInode()
    }

    /// What it holds in the sentry beside contents: extended attributes, a long link's target.
    private var extraBytes: UInt64 = 0

    /// - Throws: `ENOSPC` at the file system's limit.
    func chargeExtra(_ bytes: UInt64) throws(Errno) {
        try tmpfs.charge(from: extraBytes, to: bytes)
        extraBytes = bytes
    }

    override public func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes { stored }

    override public func setAttributes(_ change: AttributeChange, _ context: VFSContext) throws(Errno) {
        if let size = change.size {
            try resize(size, context)
            stored.modificationTime = context.now
        }
        if let permissions = change.permissions { stored.permissions = permissions & 0o7777 }
        if let uid = change.uid { stored.uid = uid }
        if let gid = change.gid { stored.gid = gid }
        if let time = change.accessTime { stored.accessTime = time }
        if let time = change.modificationTime { stored.modificationTime = time }
        stored.changeTime = context.now
    }

    /// - Throws: `EINVAL` unless it is a regular file; `ENOSPC`.
    func resize(_ size: Int64, _ context: VFSContext) throws(Errno) { throw .EINVAL }

    override public func open(_ path: VFSPath, flags: OpenFlags, _ context: VFSContext) throws(Errno) -> FileDescription {
        switch type {
        case .fifo: return try PipeDescription.openFIFO(self, path: path, flags: flags, context)
        case .characterDevice:
            return try CharacterDevices.open(stored.specialDevice, inode: self, path: path, flags: flags, context)
        default: throw .ENXIO
        }
    }

    // MARK: Extended attributes

    private func checkName(_ name: [UInt8], _ context: VFSContext) throws(Errno) {
        if name.starts(with: "user.".utf8) {
            if type != .regular && type != .directory { throw .EPERM }
        } else if name.starts(with: "trusted.".utf8) {
            if !context.credentials.has(.CAP_SYS_ADMIN) { throw .EPERM }
        } else if !name.starts(with: "security.".utf8) {
            throw .EOPNOTSUPP
        }
    }

    override public func getXattr(_ name: [UInt8], _ context: VFSContext) throws(Errno) -> [UInt8] {
        guard let value = xattrs[name] else {
            try checkName(name, context)
            throw .ENODATA
        }
        return value
    }

    override public func setXattr(_ name: [UInt8], _ value: [UInt8], flags: Int32, _ context: VFSContext) throws(Errno) {
        try checkName(name, context)
        let exists = xattrs[name] != nil
        if flags & 1 != 0 && exists { throw .EEXIST }
        if flags & 2 != 0 && !exists { throw .ENODATA }
        var total = value.count + name.count
        for (other, bytes) in xattrs where other != name { total += other.count + bytes.count }
        if total > TmpfsInode.xattrLimit { throw .ENOSPC }
        try chargeExtra(UInt64(total))
        xattrs[name] = value
        stored.changeTime = context.now
    }

    override public func listXattrs(_ context: VFSContext) throws(Errno) -> [[UInt8]] {
        xattrs.keys.filter { !$0.starts(with: "trusted.".utf8) || context.credentials.has(.CAP_SYS_ADMIN) }
            .sorted { $0.lexicographicallyPrecedes($1) }
    }

    override public func removeXattr(_ name: [UInt8], _ context: VFSContext) throws(Errno) {
        try checkName(name, context)
        guard let old = xattrs.removeValue(forKey: name) else { throw .ENODATA }
        try chargeExtra(extraBytes - min(extraBytes, UInt64(old.count + name.count)))
        stored.changeTime = context.now
    }
}

/// A symbolic link.
final class TmpfsSymlink: TmpfsInode {
    private let target: [UInt8]

    init(_ fileSystem: TmpfsFileSystem, number: UInt64, _ attributes: FileAttributes, now: Timespec, target: [UInt8]) {
        self.target = target
        super.init(fileSystem, number: number, attributes, now: now)
        stored.size = Int64(target.count)
        stored.permissions = 0o777
    }

    override func readlink(_ context: VFSContext) throws(Errno) -> [UInt8] { target }
}
