/// Files in memory that the sentry owns (memfd_create(2)).
public enum HostMemoryFile {
    /// A memfd of `size` bytes, close-on-exec.
    public static func make(_ name: String, size: UInt64) throws(HostErrno) -> HostFD {
        let outcome: Result<Int, HostErrno> = name.withCString { pointer in
            do throws(HostErrno) {
                return .success(try hostCall(HostSyscall.memfd_create, Int(bitPattern: pointer), 1))
            } catch { return .failure(error) }
        }
        let file = HostFD(owning: Int32(try outcome.get()))
        guard size <= UInt64(Int.max) else { throw HostErrno(27) }
        try hostCall(HostSyscall.ftruncate, Int(file.rawValue), Int(size))
        return file
    }

    /// A second, read-only open of a memfd: what is mapped from it can never become writable. Needs /proc/self/fd.
    public static func readOnlyTwin(of descriptor: Int32) throws(HostErrno) -> HostFD {
        let outcome: Result<Int, HostErrno> = "/proc/self/fd/\(descriptor)".withCString { pointer in
            do throws(HostErrno) {
                // AT_FDCWD, O_RDONLY | O_CLOEXEC
                return .success(try hostCall(HostSyscall.openat, -100, Int(bitPattern: pointer), 0o2000000))
            } catch { return .failure(error) }
        }
        return HostFD(owning: Int32(try outcome.get()))
    }
}
