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
}
