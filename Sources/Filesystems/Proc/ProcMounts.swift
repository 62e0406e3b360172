// /proc/PID/mounts and mountinfo.
import Kernel
import LinuxABI
import VFS

/// The mounts of the caller's namespace that its root reaches, and where, as it names them.
private func visibleMounts(_ context: VFSContext) -> [(mount: Mount, point: [UInt8])] {
    guard let root = context.root, let namespace = root.mount.namespace else { return [] }
    return namespace.mounts.compactMap { mount in
        let point = pathString(of: VFSPath(mount: mount, dentry: mount.root), root: root)
        return point.first == 0x2f ? (mount, point) : nil
    }
}

func procMounts(_ subject: ProcSubject, _ context: VFSContext) throws(Errno) -> [UInt8] {
    var text = ProcText()
    for (mount, point) in visibleMounts(context) {
        text.append(procEscaped(Array(mount.source.utf8)))
        text.append(" ")
        text.append(procEscaped(point))
        text.append(" \(mount.fileSystem.typeName) \(mount.isReadOnly ? "ro" : "rw"),relatime 0 0\n")
    }
    return text.bytes
}

func procMountInfo(_ subject: ProcSubject, _ context: VFSContext) throws(Errno) -> [UInt8] {
    var text = ProcText()
    for (mount, point) in visibleMounts(context) {
        let access = mount.isReadOnly ? "ro" : "rw"
        let device = mount.fileSystem.device
        text.append("\(mount.id) \(mount.mountPoint?.mount.id ?? mount.id) \(device >> 8 & 0xfff):\(device & 0xff) / ")
        text.append(procEscaped(point))
        text.append(" \(access),relatime - \(mount.fileSystem.typeName) ")
        text.append(procEscaped(Array(mount.source.utf8)))
        text.append(" \(access)\n")
    }
    return text.bytes
}
