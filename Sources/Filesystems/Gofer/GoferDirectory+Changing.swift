// What changes a shared host directory: each is one request; nothing is cached that could go stale.
import GoferProtocol
import HostSyscalls
import LinuxABI
import VFS

extension GoferDirectory {
    private func creation(_ permissions: UInt32, _ context: VFSContext) -> GoferCreation {
        GoferCreation(mode: permissions & 0o7777, uid: context.credentials.fsuid, gid: context.credentials.fsgid)
    }

    /// Names in this directory have changed: what was learned of any is no longer current.
    private func noteChanged() {
        tree.forgetLearned()
        markStale()
    }

    private func adoptNew(_ name: FileName, _ answer: GoferClient.Answer, _ context: VFSContext) throws(Errno) -> GoferInode {
        guard case .entry(let entry) = answer.reply else { throw .EIO }
        let child: GoferInode
        do throws(Errno) {
            child = try GoferInode.make(entry.attributes, parent: self, name: name)
        } catch {
            tree.client.forget(entry.node, count: 1)
            throw error
        }
        child.adopt(entry)
        child.markFresh(context)
        noteChanged()
        return child
    }

    func createOnHost(
        _ name: FileName, type newType: FileType, permissions: UInt32, _ context: VFSContext
    ) throws(Errno) -> Inode {
        try requireWritable()
        let creation = creation(permissions, context)
        switch newType {
        case .regular:
            let answer = try ask(context) { .create(directory: $0, name: name, creation) }
            let child = try adoptNew(name, answer, context)
            if let descriptor = answer.descriptor { child.keepCreated(descriptor, context) }
            return child
        case .fifo:
            return try adoptNew(name, try ask(context) { .makeFIFO(directory: $0, name: name, creation) }, context)
        // Devices and sockets of the sandbox mean nothing on the host.
        default: throw .EPERM
        }
    }

    func makeDirectoryOnHost(_ name: FileName, permissions: UInt32, _ context: VFSContext) throws(Errno) -> Inode {
        try requireWritable()
        let creation = creation(permissions, context)
        return try adoptNew(name, try ask(context) { .makeDirectory(directory: $0, name: name, creation) }, context)
    }

    func symlinkOnHost(_ name: FileName, target: [UInt8], _ context: VFSContext) throws(Errno) -> Inode {
        try requireWritable()
        guard !target.isEmpty else { throw .ENOENT }
        guard target.count <= GoferLimits.linkText else { throw .ENAMETOOLONG }
        let creation = creation(0o777, context)
        return try adoptNew(name, try ask(context) { .symlink(directory: $0, name: name, target: target, creation) }, context)
    }

    func linkOnHost(_ name: FileName, to inode: Inode, _ context: VFSContext) throws(Errno) {
        try requireWritable()
        guard let target = inode as? GoferInode, target.tree === tree else { throw .EXDEV }
        let answer = try target.ask(context, with: self) { .link(node: $0, directory: $1, name: name) }
        guard case .attributes(let current) = answer.reply else { throw .EIO }
        target.update(current)
        target.markStale()
        noteChanged()
    }

    func removeOnHost(_ name: FileName, _ inode: Inode, isDirectory: Bool, _ context: VFSContext) throws(Errno) {
        try requireWritable()
        _ = try ask(context) { isDirectory ? .removeDirectory(directory: $0, name: name) : .unlink(directory: $0, name: name) }
        (inode as? GoferInode)?.markStale()
        noteChanged()
    }

    func renameOnHost(
        _ name: FileName, _ inode: Inode, to newParent: Inode, _ newName: FileName, replacing replaced: Inode?, _ context: VFSContext
    ) throws(Errno) {
        try requireWritable()
        guard let newParent = newParent as? GoferDirectory, newParent.tree === tree else { throw .EXDEV }
        _ = try ask(context, with: newParent) { .rename(directory: $0, name: name, newDirectory: $1, newName: newName) }
        (inode as? GoferInode)?.moved(to: newParent, newName)
        (inode as? GoferInode)?.markStale()
        (replaced as? GoferInode)?.markStale()
        newParent.markStale()
        noteChanged()
    }
}
