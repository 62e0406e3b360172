// Descriptors of the calling task, with its limit and context.
import Kernel
import LinuxABI
import VFS

extension Task {
    /// - Throws: `EBADF`.
    func description(_ fd: FD) throws(Errno) -> FileDescription { try files.get(fd) }

    /// Takes back a number just installed.
    func uninstall(_ fd: FD) { try? files.remove(fd, vfs) }

    /// - Throws: `EBADF`.
    func setCloseOnExec(_ fd: FD, _ closesOnExec: Bool) throws(Errno) { try files.setCloseOnExec(fd, closesOnExec) }
}
