// Facts about the host machine that guests are told: processors, memory, clocks, randomness.
import LinuxABI

public enum HostSystem {
    /// The processors that thread `thread` (0: the caller's) may run on: a bit mask of the host's own length.
    public static func affinity(of thread: Int32 = 0) throws(HostErrno) -> [UInt8] {
        var mask = [UInt8](repeating: 0, count: 1024)
        let count = mask.withUnsafeMutableBytes {
            rawHostCall(HostSyscall.sched_getaffinity, Int(thread), $0.count, Int(bitPattern: $0.baseAddress))
        }
        if count < 0 { throw HostErrno(Int32(-count)) }
        return Array(mask.prefix(count))
    }

    /// Binds `thread` to the processors of `mask`.
    public static func setAffinity(of thread: Int32, to mask: [UInt8]) throws(HostErrno) {
        let result = mask.withUnsafeBytes {
            rawHostCall(HostSyscall.sched_setaffinity, Int(thread), $0.count, Int(bitPattern: $0.baseAddress))
        }
        if result < 0 { throw HostErrno(Int32(-result)) }
    }

    /// Seconds since boot, and memory in bytes.
    public static func memory() -> (uptime: UInt64, total: UInt64, free: UInt64) {
        // struct sysinfo is 112 bytes: uptime, three loads, total and free memory …, mem_unit at 104.
        var words = [UInt64](repeating: 0, count: 14)
        words.withUnsafeMutableBytes { _ = rawHostCall(HostSyscall.sysinfo, Int(bitPattern: $0.baseAddress)) }
        let unit = max(1, words[13] & 0xffff_ffff)
        return (words[0], words[4] &* unit, words[5] &* unit)
    }

    /// Fills `buffer` from the host's generator.
    ///
    /// - Throws: `EAGAIN` with GRND_NONBLOCK (1) before the generator is ready.
    public static func random(_ buffer: UnsafeMutableRawBufferPointer, flags: UInt32 = 0) throws(HostErrno) {
        var done = 0
        while done < buffer.count {
            let address = Int(bitPattern: buffer.baseAddress) + done
            done += try hostCall(HostSyscall.getrandom, address, buffer.count - done, Int(flags))
        }
    }

    /// Reads the host's clock with this id, a process's processor clock included (``processClock(_:)``).
    ///
    /// - Throws: `EINVAL` for no such clock.
    public static func clock(_ id: Int32) throws(HostErrno) -> Timespec {
        var time = Timespec(seconds: 0, nanoseconds: 0)
        let result = withUnsafeMutableBytes(of: &time) {
            rawHostCall(HostSyscall.clock_gettime, Int(id), Int(bitPattern: $0.baseAddress))
        }
        if result < 0 { throw HostErrno(Int32(-result)) }
        return time
    }

    /// The resolution of a clock.
    ///
    /// - Throws: `EINVAL` for no such clock.
    public static func clockResolution(_ id: Int32) throws(HostErrno) -> Timespec {
        var time = Timespec(seconds: 0, nanoseconds: 0)
        let result = withUnsafeMutableBytes(of: &time) {
            rawHostCall(HostSyscall.clock_getres, Int(id), Int(bitPattern: $0.baseAddress))
        }
        if result < 0 { throw HostErrno(Int32(-result)) }
        return time
    }

    /// The id of host process `process`'s processor clock (CPUCLOCK_SCHED).
    public static func processClock(_ process: Int32) -> Int32 { ~process << 3 | 2 }
}
