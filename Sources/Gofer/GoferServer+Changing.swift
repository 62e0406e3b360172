// Requests that change host files; `perform` has refused them already for read-only roots.
import GoferProtocol
import HostSyscalls
import LinuxABI

extension GoferServer {
    /// Permission bits as they may reach the host: no set-user-ID or set-group-ID file comes from a sandbox. Directories keep theirs.
    private func hostMode(_ mode: UInt32, isDirectory: Bool) -> UInt32 { isDirectory ? mode : mode & ~0o6000 }

    func create(in parent: Node, _ name: [UInt8], _ creation: GoferCreation) throws(Errno) -> Outcome {
        let mode = hostMode(creation.mode, isDirectory: false)
        let file = SharedHostFD(try HostDirectory.create(parent.descriptor.rawValue, name, mode: mode))
        takeOver(file.rawValue, creation)
        let entry = try makeEntry(below: parent, name)
        let status = try HostDirectory.status(file.rawValue)
        guard entry.attributes.inode == status.inode, entry.attributes.device == status.device else {
            nodes.forget(GoferForget(node: entry.node, count: 1))
            throw .ESTALE
        }
        return Outcome(.entry(entry), file)
    }

    func makeDirectory(in parent: Node, _ name: [UInt8], _ creation: GoferCreation) throws(Errno) -> Outcome {
        try HostDirectory.makeDirectory(parent.descriptor.rawValue, name, mode: creation.mode)
        return try finish(in: parent, name, creation)
    }

    func makeFIFO(in parent: Node, _ name: [UInt8], _ creation: GoferCreation) throws(Errno) -> Outcome {
        try HostDirectory.makeFIFO(parent.descriptor.rawValue, name, mode: hostMode(creation.mode, isDirectory: false))
        return try finish(in: parent, name, creation)
    }

    func symlink(in parent: Node, _ name: [UInt8], _ target: [UInt8], _ creation: GoferCreation) throws(Errno) -> Outcome {
        try HostDirectory.symlink(parent.descriptor.rawValue, name, target: target)
        return try finish(in: parent, name, creation)
    }

    private func finish(in parent: Node, _ name: [UInt8], _ creation: GoferCreation) throws(Errno) -> Outcome {
        var entry = try makeEntry(below: parent, name)
        let node = try nodes.node(entry.node)
        takeOver(node.descriptor.rawValue, creation)
        entry.attributes = try attributes(of: node)
        return Outcome(.entry(entry))
    }

    /// Gives a new file to the guest's user, as far as the gofer's own rights go: an unprivileged gofer's files are its user's.
    private func takeOver(_ descriptor: Int32, _ creation: GoferCreation) {
        do throws(Errno) {
            let status = try HostDirectory.status(descriptor)
            // A set-group-ID parent has given its group; Linux lets that win over the creator's.
            let isInherited = status.gid != UInt32(clamping: rawHostCall(108))
            let gid = isInherited ? status.gid : creation.gid
            if status.uid == creation.uid, status.gid == gid { return }
            try HostFile.changeOwner(descriptor, uid: creation.uid, gid: gid)
        } catch {
            // EPERM: stays with the gofer's user, and the reply's attributes say so.
        }
    }

    func link(_ node: Node, in parent: Node, _ name: [UInt8]) throws(Errno) -> Outcome {
        guard node.root === parent.root else { throw .EXDEV }
        guard !node.isDirectory else { throw .EPERM }
        let place = try nodes.place(of: node)
        do throws(Errno) {
            try HostDirectory.link(place.directory.rawValue, place.name, to: parent.descriptor.rawValue, name)
        } catch .ENOENT {
            throw .ESTALE
        } catch {
            throw error
        }
        let status = try HostDirectory.status(parent.descriptor.rawValue, name)
        guard status.inode == node.inode, status.device == node.device else {
            // The old name was swapped meanwhile: what was linked is not what was asked for.
            try HostDirectory.unlink(parent.descriptor.rawValue, name, isDirectory: false)
            throw .ESTALE
        }
        return Outcome(.attributes(GoferAttributes(status)))
    }

    func remove(in parent: Node, _ name: [UInt8], isDirectory: Bool) throws(Errno) {
        try HostDirectory.unlink(parent.descriptor.rawValue, name, isDirectory: isDirectory)
    }

    func rename(in parent: Node, _ name: [UInt8], to newParent: Node, _ newName: [UInt8]) throws(Errno) {
        guard parent.root === newParent.root else { throw .EXDEV }
        try HostDirectory.rename(parent.descriptor.rawValue, name, to: newParent.descriptor.rawValue, newName, flags: 0)
        do throws(Errno) {
            let status = try HostDirectory.status(newParent.descriptor.rawValue, newName)
            nodes.moved(status, root: parent.root, to: newParent.id, name: newName)
        } catch {
            // Gone already: the next open of the node is ESTALE.
        }
    }

    func setAttributes(_ node: Node, _ change: GoferAttributeChange) throws(Errno) -> Outcome {
        let descriptor = node.descriptor.rawValue
        if let size = change.size {
            try openRegular(node, .write).use { fd throws(Errno) in try HostFile.truncate(fd, size: size) }
        }
        if change.uid != nil || change.gid != nil { try HostFile.changeOwner(descriptor, uid: change.uid, gid: change.gid) }
        if let mode = change.mode { try changeMode(node, hostMode(mode, isDirectory: node.isDirectory)) }
        if change.accessTime != nil || change.modificationTime != nil {
            try HostFile.changeTimes(descriptor, access: change.accessTime, modification: change.modificationTime)
        }
        return Outcome(.attributes(try attributes(of: node)))
    }

    private func changeMode(_ node: Node, _ mode: UInt32) throws(Errno) {
        do throws(Errno) {
            try HostFile.changeMode(node.descriptor.rawValue, mode)
        } catch .ENOSYS {
            // Before Linux 6.6 only a descriptor that is open for more than its path will do.
            try openForXattrs(node, .read).use { fd throws(Errno) in _ = try fileCall(HostSyscall.fchmod, Int(fd), Int(mode)) }
        }
    }

    func setXattr(_ node: Node, _ name: [UInt8], _ value: [UInt8], flags: Int32) throws(Errno) {
        guard isUserXattr(name) else { throw .EPERM }
        try openForXattrs(node, .write).use { fd throws(Errno) in try HostFile.setXattr(fd, name, value, flags: flags) }
    }

    func removeXattr(_ node: Node, _ name: [UInt8]) throws(Errno) {
        guard isUserXattr(name) else { throw .EPERM }
        try openForXattrs(node, .write).use { fd throws(Errno) in try HostFile.removeXattr(fd, name) }
    }

    func sync(_ node: Node) throws(Errno) {
        try openForXattrs(node, .read).use { fd throws(Errno) in try HostFile.sync(fd, dataOnly: false) }
    }
}
