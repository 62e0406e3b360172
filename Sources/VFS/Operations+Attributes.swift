import Auth
import LinuxABI

// chmod, chown, truncate and utimensat above the file systems (Linux's notify_change).

extension VFSContext {
    /// - Throws: `EROFS`.
    private func requireWritable(_ place: VFSPath?) throws(Errno) {
        if let place, place.mount.isReadOnly { throw .EROFS }
    }

    /// chmod(2). - Throws: `EPERM`, `EROFS`.
    public final func changeMode(_ inode: Inode, on place: VFSPath?, _ permissions: UInt32) throws(Errno) {
        try requireWritable(place)
        let attributes = try inode.attributes(self)
        if !isOwner(attributes) { throw .EPERM }
        if inode.type == .symlink { throw .EOPNOTSUPP }
        var change = AttributeChange()
        var bits = permissions & 0o7777
        // Set-group-ID only for members.
        if bits & 0o2000 != 0, !credentials.isMember(of: attributes.gid), !credentials.has(.CAP_FSETID) { bits &= ~0o2000 }
        change.permissions = bits
        try inode.setAttributes(change, self)
    }

    /// chown(2); `UInt32.max` leaves an id as it is. - Throws: `EPERM`, `EROFS`.
    public final func changeOwner(_ inode: Inode, on place: VFSPath?, uid: UInt32, gid: UInt32) throws(Errno) {
        try requireWritable(place)
        let attributes = try inode.attributes(self)
        let keep = UInt32.max
        if !credentials.has(.CAP_CHOWN) {
            if uid != keep, uid != attributes.uid || credentials.fsuid != attributes.uid { throw .EPERM }
            if gid != keep, credentials.fsuid != attributes.uid || (gid != attributes.gid && !credentials.isMember(of: gid)) {
                throw .EPERM
            }
        }
        var change = AttributeChange()
        if uid != keep { change.uid = uid }
        if gid != keep { change.gid = gid }
        // Set-id bits go when the owner of a program changes.
        if inode.type == .regular, uid != keep || gid != keep {
            var bits = attributes.permissions & ~0o4000
            if bits & 0o010 != 0 { bits &= ~0o2000 }
            if bits != attributes.permissions { change.permissions = bits }
        }
        try inode.setAttributes(change, self)
    }

    /// truncate(2) by path. - Throws: `EISDIR`, `EINVAL`, `EACCES`, `EROFS`.
    public final func truncate(_ place: VFSPath, to size: Int64) throws(Errno) {
        guard let inode = place.inode else { throw .ENOENT }
        if inode.type == .directory { throw .EISDIR }
        if inode.type != .regular { throw .EINVAL }
        try check(inode, .write)
        try requireWritable(place)
        var change = AttributeChange()
        change.size = size
        try inode.setAttributes(change, self)
        try dropPrivileges(inode)
    }

    /// Takes the set-id bits of a file whose content somebody without CAP_FSETID has changed (file_remove_privs).
    public final func dropPrivileges(_ inode: Inode) throws(Errno) {
        if inode.type != .regular || credentials.has(.CAP_FSETID) { return }
        let attributes = try inode.attributes(self)
        var bits = attributes.permissions & ~0o4000
        if bits & 0o010 != 0 { bits &= ~0o2000 }
        if bits == attributes.permissions { return }
        var change = AttributeChange()
        change.permissions = bits
        try inode.setAttributes(change, self)
    }

    /// utimensat(2): nil times mean now. - Throws: `EPERM` (times given by others than the owner), `EACCES`, `EROFS`.
    public final func changeTimes(
        _ inode: Inode, on place: VFSPath?, access: TimeChange, modification: TimeChange
    ) throws(Errno) {
        if access == .omit && modification == .omit { return }
        try requireWritable(place)
        let attributes = try inode.attributes(self)
        if !isOwner(attributes) {
            if access != .now || modification != .now { throw .EPERM }
            try check(attributes, .write)
        }
        var change = AttributeChange()
        let now = now
        change.accessTime = access.time(now: now)
        change.modificationTime = modification.time(now: now)
        try inode.setAttributes(change, self)
    }

    /// One of utimensat(2)'s two times.
    public enum TimeChange: Equatable, Sendable {
        case now, omit
        case to(Timespec)

        func time(now: Timespec) -> Timespec? {
            switch self {
            case .now: now
            case .omit: nil
            case .to(let time): time
            }
        }
    }
}
