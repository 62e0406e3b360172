import LinuxABI
import VFS

extension Task {
    /// RLIMIT_NOFILE, as a bound for descriptor numbers.
    public var descriptorLimit: Int32 {
        Int32(clamping: min(process.limits.values[ResourceLimits.RLIMIT_NOFILE].soft, 1 << 20))
    }

    /// Gives `file` the lowest free number.
    ///
    /// - Throws: `EMFILE`: the description is let go of.
    public func install(_ file: FileDescription, from minimum: Int32 = 0, closeOnExec: Bool) throws(Errno) -> FD {
        do throws(Errno) {
            return try files.install(file, from: minimum, limit: descriptorLimit, closeOnExec: closeOnExec)
        } catch {
            file.retain()
            file.release(vfs)
            throw error
        }
    }
}
