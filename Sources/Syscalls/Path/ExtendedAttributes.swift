// Extended attributes (xattr(7)).
import Auth
import Kernel
import LinuxABI
import Memory
import VFS

private let nameLimit = 255, valueLimit = 65_536

extension Task {
    /// - Throws: `ERANGE` for a name that is empty or too long.
    fileprivate func xattrName(_ address: UserAddress) throws(Errno) -> [UInt8] {
        let name: [UInt8]
        do throws(Errno) { name = try memory.copyInString(address, limit: nameLimit + 1) } catch {
            throw error == .ENAMETOOLONG ? .ERANGE : error
        }
        if name.isEmpty { throw .ERANGE }
        return name
    }

    /// Linux's xattr_permission.
    ///
    /// - Throws: `EPERM`, `ENODATA`, `EACCES`, `EROFS`.
    fileprivate func checkXattr(_ target: FileTarget, _ name: [UInt8], _ mask: AccessMask) throws(Errno) {
        let isChange = mask.contains(.write)
        if isChange, target.place?.mount.isReadOnly == true { throw .EROFS }
        if name.starts(with: "security.".utf8) {
            if isChange, !credentials.has(.CAP_SYS_ADMIN) { throw .EPERM }
            return
        }
        if name.starts(with: "system.".utf8) { return }
        if name.starts(with: "trusted.".utf8) {
            if !credentials.has(.CAP_SYS_ADMIN) { throw isChange ? .EPERM : .ENODATA }
            if name.elementsEqual("trusted.".utf8) { throw .EINVAL }
            return
        }
        let inode = try target.inode()
        if name.starts(with: "user.".utf8) {
            guard inode.type == .regular || inode.type == .directory else { throw isChange ? .EPERM : .ENODATA }
            if inode.type == .directory, isChange {
                let attributes = try inode.attributes(vfs)
                if attributes.permissions & 0o1000 != 0, !vfs.isOwner(attributes) { throw .EPERM }
            }
        }
        try vfs.check(inode, mask)
        // A prefix alone names nothing (xattr_resolve_name).
        if name.elementsEqual("user.".utf8) { throw .EINVAL }
    }

    fileprivate func set(
        _ target: FileTarget, _ name: UserAddress, _ value: UserAddress, _ size: UInt64, _ flags: Int32
    ) throws(Errno) -> Outcome {
        guard flags & ~3 == 0 else { throw .EINVAL }
        let name = try xattrName(name)
        guard size <= UInt64(valueLimit) else { throw .E2BIG }
        let bytes = size == 0 ? [] : try memory.copyIn(value, count: Int(size))
        try checkXattr(target, name, .write)
        try target.inode().setXattr(name, bytes, flags: flags, vfs)
        return .done
    }

    fileprivate func get(_ target: FileTarget, _ name: UserAddress, _ value: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
        let name = try xattrName(name)
        try checkXattr(target, name, .read)
        return try deliver(try target.inode().getXattr(name, vfs), value, size)
    }

    fileprivate func list(_ target: FileTarget, _ buffer: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
        var all: [UInt8] = []
        let names: [[UInt8]]
        do throws(Errno) { names = try target.inode().listXattrs(vfs) } catch .EOPNOTSUPP { names = [] } catch { throw error }
        for name in names where !name.starts(with: "trusted.".utf8) || credentials.has(.CAP_SYS_ADMIN) { all += name + [0] }
        return try deliver(all, buffer, size)
    }

    /// The length alone for a size of 0. - Throws: `ERANGE` if it does not fit.
    private func deliver(_ bytes: [UInt8], _ buffer: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
        if size > 0 {
            guard UInt64(bytes.count) <= size else { throw .ERANGE }
            try memory.copyOut(bytes, to: buffer)
        }
        return .value(Int64(bytes.count))
    }

    fileprivate func remove(_ target: FileTarget, _ name: UserAddress) throws(Errno) -> Outcome {
        let name = try xattrName(name)
        try checkXattr(target, name, .write)
        try target.inode().removeXattr(name, vfs)
        return .done
    }
}

/// Implements setxattr(2).
func sysSetxattr(
    _ task: Task, _ path: UserAddress, _ name: UserAddress, _ value: UserAddress, _ size: UInt64, _ flags: Int32
) throws(Errno) -> Outcome {
    try task.set(.place(try task.place(path)), name, value, size, flags)
}

/// Implements lsetxattr(2).
func sysLsetxattr(
    _ task: Task, _ path: UserAddress, _ name: UserAddress, _ value: UserAddress, _ size: UInt64, _ flags: Int32
) throws(Errno) -> Outcome {
    try task.set(.place(try task.place(path, follow: [])), name, value, size, flags)
}

/// Implements fsetxattr(2).
func sysFsetxattr(
    _ task: Task, _ fd: FD, _ name: UserAddress, _ value: UserAddress, _ size: UInt64, _ flags: Int32
) throws(Errno) -> Outcome {
    try task.set(.description(try task.files.get(fd)), name, value, size, flags)
}

/// Implements getxattr(2).
func sysGetxattr(_ task: Task, _ path: UserAddress, _ name: UserAddress, _ value: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    try task.get(.place(try task.place(path)), name, value, size)
}

/// Implements lgetxattr(2).
func sysLgetxattr(_ task: Task, _ path: UserAddress, _ name: UserAddress, _ value: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    try task.get(.place(try task.place(path, follow: [])), name, value, size)
}

/// Implements fgetxattr(2).
func sysFgetxattr(_ task: Task, _ fd: FD, _ name: UserAddress, _ value: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    try task.get(.description(try task.files.get(fd)), name, value, size)
}

/// Implements listxattr(2).
func sysListxattr(_ task: Task, _ path: UserAddress, _ list: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    try task.list(.place(try task.place(path)), list, size)
}

/// Implements llistxattr(2).
func sysLlistxattr(_ task: Task, _ path: UserAddress, _ list: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    try task.list(.place(try task.place(path, follow: [])), list, size)
}

/// Implements flistxattr(2).
func sysFlistxattr(_ task: Task, _ fd: FD, _ list: UserAddress, _ size: UInt64) throws(Errno) -> Outcome {
    try task.list(.description(try task.files.get(fd)), list, size)
}

/// Implements removexattr(2).
func sysRemovexattr(_ task: Task, _ path: UserAddress, _ name: UserAddress) throws(Errno) -> Outcome {
    try task.remove(.place(try task.place(path)), name)
}

/// Implements lremovexattr(2).
func sysLremovexattr(_ task: Task, _ path: UserAddress, _ name: UserAddress) throws(Errno) -> Outcome {
    try task.remove(.place(try task.place(path, follow: [])), name)
}

/// Implements fremovexattr(2).
func sysFremovexattr(_ task: Task, _ fd: FD, _ name: UserAddress) throws(Errno) -> Outcome {
    try task.remove(.description(try task.files.get(fd)), name)
}
