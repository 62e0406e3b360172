import LinuxABI
import Synchronization

/// Prepares the caller's standard streams for the sandbox. Called by the runtime, before anything is locked in.
public enum StreamDonation {
    /// Bits of the streams that the caller had closed.
    private static let closedStreams = Atomic<UInt32>(0)

    /// Fills the numbers 0, 1 and 2 where the caller had closed them, so that no file of ours takes their place and is donated.
    /// The first thing a process does that will donate its streams.
    public static func reserveClosed() {
        for number in 0..<3 where rawHostCall(HostSyscall.fcntl, number, 1) < 0 {
            // The lowest free number is this one. O_RDWR | O_CLOEXEC
            let opened = "/dev/null".withCString { rawHostCall(HostSyscall.openat, -100, Int(bitPattern: $0), 0o2000002, 0) }
            if opened == number { closedStreams.bitwiseOr(1 << UInt32(number), ordering: .relaxed) }
        }
    }

    /// A descriptor that the sentry may use in place of `number`.
    ///
    /// A terminal or fifo is opened again, so that it can be non-blocking without changing the description that the caller's shell
    /// shares; where that fails (another user's terminal), and for all other files, it is a duplicate.
    /// - Throws: the host's error if `number` is not open, or was not when ``reserveClosed()`` looked.
    public static func prepare(_ number: Int32) throws(HostErrno) -> HostFD {
        if (0..<3).contains(number), closedStreams.load(ordering: .relaxed) >> UInt32(number) & 1 != 0 { throw HostErrno(9) }
        let status = rawHostCall(HostSyscall.fcntl, Int(number), 3)
        if status < 0 { throw HostErrno(Int32(truncatingIfNeeded: -status)) }
        if gainsByReopening(number), let reopened = reopen(number, accessMode: status & 3) { return reopened }
        return HostFD(owning: Int32(truncatingIfNeeded: try hostCall(HostSyscall.fcntl, Int(number), 1030, 3)))
    }

    private static func gainsByReopening(_ number: Int32) -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 144, alignment: 8)
        defer { buffer.deallocate() }
        // A pipe whose writers are gone: opened again, it would never poll as hung up.
        var request = UInt64(UInt32(bitPattern: number))
        var zeroTime: (Int, Int) = (0, 0)
        let isHungUp = withUnsafeMutablePointer(to: &request) { request in
            withUnsafeMutablePointer(to: &zeroTime) { time in
                rawHostCall(HostSyscall.ppoll, Int(bitPattern: request), 1, Int(bitPattern: time), 0, 8) > 0
                    && request.pointee >> 48 & 0x10 != 0
            }
        }
        if isHungUp { return false }
        guard rawHostCall(HostSyscall.fstat, Int(number), Int(bitPattern: buffer.baseAddress)) == 0 else { return false }
        let type = buffer.load(fromByteOffset: 24, as: UInt32.self) & 0o170000
        if type == 0o010000 { return true }
        // TCGETS
        return type == 0o020000 && rawHostCall(HostSyscall.ioctl, Int(number), 0x5401, Int(bitPattern: buffer.baseAddress)) == 0
    }

    private static func reopen(_ number: Int32, accessMode: Int) -> HostFD? {
        // O_NONBLOCK | O_NOCTTY | O_CLOEXEC
        let result = "/proc/self/fd/\(number)".withCString { path in
            rawHostCall(HostSyscall.openat, -100, Int(bitPattern: path), accessMode | 0o4000 | 0o400 | 0o2000000, 0)
        }
        return result >= 0 ? HostFD(owning: Int32(truncatingIfNeeded: result)) : nil
    }
}
