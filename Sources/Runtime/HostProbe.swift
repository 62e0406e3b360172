// What this host offers, found out by trying: behind `sandbox doctor`, and behind the one line of a run that cannot be.
import Control
import Glibc
import HostSyscalls
import LinuxABI

/// One thing looked at.
public struct HostFinding: Equatable, Sendable {
    public enum Verdict: String, Sendable {
        case good, missing, note
    }

    public var name: String
    public var found: String
    public var verdict: Verdict
    /// What follows from it.
    public var consequence: String
}

public enum HostProbe {
    /// Every finding, in the order in which doctor prints them.
    public static func all() -> [HostFinding] {
        [
            kernel(), userNotification(), synchronousWakeUp(), killableWait(), descriptorFetch(), safeOpen(), memoryExecution(),
            namespaces(), landlock(), cgroups(), kvm(),
        ]
    }

    /// What `run` needs and the host lacks, one clear line each.
    static func whatIsMissing() -> [String] { all().filter { $0.verdict == .missing }.map { "\($0.name): \($0.found); \($0.consequence)" } }

    private static func finding(
        _ name: String, _ isThere: Bool, _ found: String, good: String, missing: String, isNeeded: Bool = true
    ) -> HostFinding {
        HostFinding(name: name, found: found, verdict: isThere ? .good : isNeeded ? .missing : .note, consequence: isThere ? good : missing)
    }

    // MARK: Kernel

    private static func release() -> String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Whether the running kernel is at least this one.
    private static func isKernel(atLeast major: Int, _ minor: Int) -> Bool {
        let numbers = release().split(whereSeparator: { $0 == "." || $0 == "-" }).compactMap { Int($0) }
        guard numbers.count >= 2 else { return false }
        return (numbers[0], numbers[1]) >= (major, minor)
    }

    private static func kernel() -> HostFinding {
        finding(
            "kernel", isKernel(atLeast: 6, 6), "Linux " + release(), good: "recent enough", missing: "Linux 6.6 or newer is needed")
    }

    // MARK: Seccomp

    private static func userNotification() -> HostFinding {
        // SECCOMP_GET_ACTION_AVAIL of SECCOMP_RET_USER_NOTIF
        var action: UInt32 = 0x7fc0_0000
        let result = withUnsafeMutablePointer(to: &action) { rawHostCall(HostSyscall.seccomp, 2, 0, Int(bitPattern: $0)) }
        return finding(
            "seccomp user notification", result == 0, result == 0 ? "yes" : "no", good: "the systrap platform can be used",
            missing: "systrap needs it (CONFIG_SECCOMP_FILTER)")
    }

    private static func synchronousWakeUp() -> HostFinding {
        guard let isThere = SeccompProbe.hasSynchronousWakeUp() else {
            return HostFinding(
                name: "seccomp synchronous wake-up", found: "could not try", verdict: .note, consequence: "Linux 6.6 on has it")
        }
        return finding(
            "seccomp synchronous wake-up", isThere, isThere ? "yes" : "no",
            good: "a system call costs one switch to the sentry and back", missing: "systrap needs it: Linux 6.6 on")
    }

    private static func killableWait() -> HostFinding {
        let isThere = SeccompProbe.hasKillableWait()
        return finding(
            "seccomp WAIT_KILLABLE_RECV", isThere, isThere ? "yes" : "no",
            good: "a call that is being answered is not interrupted by signals", missing: "systrap needs it: Linux 5.19 on")
    }

    // MARK: Other calls

    private static func descriptorFetch() -> HostFinding {
        let pidfd = rawHostCall(HostSyscall.pidfd_open, Int(getpid()), 0)
        guard pidfd >= 0 else {
            return finding("pidfd_getfd", false, "no pidfd_open", good: "", missing: "Linux 5.6 on has it")
        }
        let process = HostFD(owning: Int32(truncatingIfNeeded: pidfd))
        let fetched = rawHostCall(HostSyscall.pidfd_getfd, Int(process.rawValue), Int(process.rawValue), 0)
        if fetched >= 0 { _ = rawHostCall(HostSyscall.close, fetched) }
        return finding(
            "pidfd_getfd", fetched >= 0, fetched >= 0 ? "yes" : "no", good: "the sentry can fetch its listener",
            missing: "the sentry fetches its listener with it: Linux 5.6 on, and not forbidden by an outer sandbox")
    }

    private static func safeOpen() -> HostFinding {
        let isThere = (try? HostDirectory.open(-100, [0x2e], flags: 0o10000000)) != nil
        return finding(
            "openat2", isThere, isThere ? "yes" : "no", good: "gofers open paths without following links out",
            missing: "gofers need it: Linux 5.6 on")
    }

    private static func memoryExecution() -> HostFinding {
        // Whether such a file may have execute permission at all.
        var result = -38
        // MFD_CLOEXEC, with MFD_EXEC where it is known (6.3 on).
        for flags in [0x11, 1] where result != 0 {
            let file = HostPath.with(Array("probe".utf8)) { rawHostCall(HostSyscall.memfd_create, $0, flags) }
            guard file >= 0 else { continue }
            result = HostPath.with([]) { rawHostCall(HostSyscall.faccessat2, file, $0, 1, 0x1000) }
            _ = rawHostCall(HostSyscall.close, file)
        }
        return finding(
            "execution from a memfd", result == 0, result == 0 ? "yes" : "no", good: "the stub can be started",
            missing: "the stub is started from one (see sysctl vm.memfd_noexec)")
    }

    // MARK: Cage

    private static func namespaces() -> HostFinding {
        if Privilege.detect() == .root {
            return HostFinding(
                name: "namespaces", found: "root", verdict: .good,
                consequence: "sentry and gofers run as unprivileged users of their own; no user namespace is needed")
        }
        let isThere = canMakeUserNamespace()
        return finding(
            "user namespaces", isThere, isThere ? "yes" : "forbidden",
            good: "the sentry runs in one: namespaces and an empty root without root's rights",
            missing: "without root they are needed (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)")
    }

    private static func canMakeUserNamespace() -> Bool {
        guard let executable = try? HostPath.open("/proc/self/exe", flags: 0o10000000),
            let gate = try? HostPath.open("/dev/null", flags: 0)
        else { return false }
        // Its gate is at the end of file: it exits before it executes anything.
        guard
            let process = try? HostProcess.start(
                executable: executable, arguments: ["sandbox"], descriptors: [], namespaces: [.user, .mount, .pid], gate: gate.rawValue)
        else { return false }
        let status = process.reap(waits: true)
        return status.map { $0 >> 8 == 111 } ?? false
    }

    private static func landlock() -> HostFinding {
        let abi = Landlock.abi
        let isRoot = Privilege.detect() == .root
        let consequence =
            isRoot
            ? "not needed: gofers have an empty root"
            : abi >= 3 ? "confines gofers to what they serve" : "gofers are confined by their own checks only"
        return HostFinding(name: "Landlock", found: abi == 0 ? "no" : "ABI \(abi)", verdict: .note, consequence: consequence)
    }

    private static func cgroups() -> HostFinding {
        let types = (try? HostPath.read("/proc/self/mounts")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let hasV1 = types.contains(" cgroup "), hasV2 = types.contains(" cgroup2 ")
        let found = hasV1 && hasV2 ? "v1 and v2 (hybrid)" : hasV2 ? "v2" : hasV1 ? "v1" : "none mounted"
        return HostFinding(
            name: "cgroups", found: found, verdict: .note, consequence: "not used yet: no limits on memory, CPU and processes but rlimits")
    }

    private static func kvm() -> HostFinding {
        var found = "no"
        // KVM_GET_API_VERSION
        if let device = try? HostPath.open("/dev/kvm", flags: 0o2), rawHostCall(HostSyscall.ioctl, Int(device.rawValue), 0xae00, 0) == 12 {
            found = "yes"
        }
        return HostFinding(name: "KVM", found: found, verdict: .note, consequence: "not used yet: there is no kvm platform")
    }
}

/// The platform that `auto` takes.
public struct PlatformDecision: Equatable, Sendable {
    /// nil: none can be used.
    public var name: String?
    public var reason: String

    public static func make(_ findings: [HostFinding]) -> PlatformDecision {
        let missing = findings.filter { $0.verdict == .missing }.map(\.name)
        if missing.isEmpty { return PlatformDecision(name: "systrap", reason: "the host has all it needs") }
        return PlatformDecision(name: nil, reason: "missing: " + missing.joined(separator: ", "))
    }
}
