// memfd_create(2): files of a tmpfs that no path reaches.
import LinuxABI
import VFS

extension TmpfsFileSystem {
    /// An open file without a name; `name` is only shown, by /proc/PID/fd and maps.
    ///
    /// - Throws: `ENOSPC` at the file system's limits.
    public func makeMemoryFile(_ name: [UInt8], permissions: UInt32, _ context: VFSContext) throws(Errno) -> FileDescription {
        guard let root else { throw .ENOSPC }
        let inode = try make(.regular, permissions: permissions, in: root, context)
        inode.stored.linkCount = 0
        let dentry = Dentry(name: Array("/memfd:".utf8) + name + Array(" (deleted)".utf8), parent: nil, inode: inode)
        let mount = Mount(fileSystem: self, root: dentry, mountPoint: nil, isReadOnly: false, id: -1, source: "tmpfs")
        return try inode.open(VFSPath(mount: mount, dentry: dentry), flags: [.O_RDWR, .O_LARGEFILE], context)
    }
}
