// Tries what seccomp notification offers here, in a child that is thrown away.
internal import CHost

/// Seccomp features that only trying shows.
public enum SeccompProbe {
    /// Whether a listener takes the synchronous wake-up flag; nil if no filter could be installed at all.
    public static func hasSynchronousWakeUp() -> Bool? {
        let result = chost_probe_seccomp()
        return result < 0 ? nil : result & 1 != 0
    }

    /// Whether a filter may ask that a call, once received, waits killably (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).
    public static func hasKillableWait() -> Bool {
        // SECCOMP_SET_MODE_FILTER with the flag and NEW_LISTENER but without a filter: EINVAL if the flag is unknown, else EFAULT.
        rawHostCall(HostSyscall.seccomp, 1, 1 << 5 | 1 << 3, 0) == -14
    }
}
