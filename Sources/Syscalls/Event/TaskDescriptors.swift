// Descriptors of the calling task, with its limit and context.
import Kernel
import LinuxABI
import VFS

extension Task {
    /// - Throws: `EBADF`.
    func description(_ fd: FD) throws(Errno) -> FileDescription { try files.get(fd) }

    /// - Throws: `EMFILE` at RLIMIT_NOFILE.
    func install(_ description: FileDescription, closeOnExec: Bool) throws(Errno) -> FD {
        let limit = Int32(clamping: process.limits.values[ResourceLimits.RLIMIT_NOFILE].soft)
        return try files.install(description, limit: limit, closeOnExec: closeOnExec)
    }

    /// Takes back a number just installed.
    func uninstall(_ fd: FD) { try? files.remove(fd, vfs) }

    /// - Throws: `EBADF`.
    func setCloseOnExec(_ fd: FD, _ closesOnExec: Bool) throws(Errno) { try files.setCloseOnExec(fd, closesOnExec) }
}
