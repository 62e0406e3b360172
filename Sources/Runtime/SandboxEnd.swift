// The end of a sandbox whose sentry may not answer, and signals by name.
import Control
import Glibc
import HostSyscalls
import LinuxABI

extension StateRoot {
    /// Ends a sandbox: SIGKILL for its first process; if the sentry does not answer, for the sentry, which takes everything with it.
    public func end(_ sandbox: SandboxState) throws(RuntimeFailure) {
        let client = try ControlClient(root: self, id: sandbox.id)
        if let reply = try? client.ask(.kill(.first, signal: SIGKILL), nanoseconds: 2_000_000_000), reply == .done { return }
        let descriptor = rawHostCall(HostSyscall.pidfd_open, Int(sandbox.sentry), 0)
        guard descriptor >= 0 else { throw RuntimeFailure("sandbox \(sandbox.id): no such process", exitStatus: 1) }
        let sentry = HostFD(owning: Int32(truncatingIfNeeded: descriptor))
        // The id may have been reused between the reading and the opening: while the sandbox is listed its supervisor lives, and as long
        // as that has not reaped the sentry the id is the sentry's.
        guard list().contains(sandbox) else { throw RuntimeFailure("sandbox \(sandbox.id): has ended", exitStatus: 1) }
        _ = rawHostCall(HostSyscall.pidfd_send_signal, Int(sentry.rawValue), Int(SIGKILL), 0, 0)
    }
}

/// Signals by name.
public enum SignalName {
    private static let names: [String: Int32] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12,
        "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23,
        "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "PWR": 30, "SYS": 31,
    ]

    /// The number of a name, with or without SIG, or of a number.
    public static func number(_ text: String) -> Int32? {
        if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
        let upper = text.uppercased()
        return names[upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper]
    }
}
