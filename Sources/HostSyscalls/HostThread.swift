internal import CHost
import Glibc
import LinuxABI

/// Threads of the sentry: few, started once, never joined.
public enum HostThread {
    /// Starts `body` on a thread of its own, named `name` (at most 15 bytes), with all signals blocked.
    public static func start(_ name: String, _ body: @escaping () -> Void) {
        let box = Unmanaged.passRetained(ThreadBody(name: name, body: body))
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 1 << 20)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let error = pthread_create(
            &thread, &attributes,
            { raw in
                guard let raw else { return nil }
                let start = Unmanaged<ThreadBody>.fromOpaque(raw).takeRetainedValue()
                // PR_SET_NAME
                start.name.withCString { _ = rawHostCall(HostSyscall.prctl, 15, Int(bitPattern: $0)) }
                start.body()
                return nil
            }, box.toOpaque())
        precondition(error == 0, "pthread_create: \(error)")
        pthread_attr_destroy(&attributes)
    }
}

private final class ThreadBody {
    let name: String
    let body: () -> Void

    init(name: String, body: @escaping () -> Void) {
        self.name = name
        self.body = body
    }
}

/// The host's clocks, through the vDSO.
public enum HostClock {
    /// CLOCK_MONOTONIC, nanoseconds.
    public static var monotonic: UInt64 { read(CLOCK_MONOTONIC) }

    /// CLOCK_REALTIME.
    public static var realtime: Timespec { Timespec(nanoseconds: read(CLOCK_REALTIME)) }

    /// CLOCK_BOOTTIME, nanoseconds.
    public static var boottime: UInt64 { read(CLOCK_BOOTTIME) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// getauxval(3): AT_HWCAP and such, as the host told the sentry.
public func hostAuxiliaryValue(_ type: UInt64) -> UInt64 { chost_auxiliary_value(type) }
