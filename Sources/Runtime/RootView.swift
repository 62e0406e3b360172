// The default root: which of the machine's directories a sandbox sees. A written allow-list: what is not here does not exist inside.
import Control

/// The machine's system directories, as the default root shows them.
enum RootView {
    /// Programs, libraries and their data. Not here, on purpose: /root, /home, /srv, /mnt, /media (people's files), /proc, /sys, /dev,
    /// /run (the host's own state), /tmp and the rest of /var (other programs' data).
    static let visiblePaths = [
        "bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt",
        // What dpkg -l and friends read.
        "var/lib/dpkg",
    ]

    /// Directories that programs expect; empty, in memory.
    static let madeDirectories: [(path: String, mode: UInt32)] = [
        ("/home", 0o755), ("/mnt", 0o755), ("/root", 0o700), ("/run", 0o755), ("/run/lock", 0o1777), ("/srv", 0o755), ("/sys", 0o555),
        ("/var", 0o755), ("/var/cache", 0o755), ("/var/lib", 0o755), ("/var/log", 0o755), ("/var/tmp", 0o1777),
    ]

    /// Whether `path` belongs to the root view or to what the sandbox replaces: then the current directory needs, and gets, no bind of
    /// its own. A bind with the caller's rights would show what the view's unprivileged gofer does not.
    static func covers(_ path: [UInt8]) -> Bool {
        if path == [0x2f] { return true }
        let covered = visiblePaths.map { "/" + $0 } + ["/proc", "/sys", "/dev", "/run"]
        return covered.contains { GuestPath.isInside(path, Array($0.utf8)) }
    }
}

/// Capabilities of user 0 inside.
enum GuestCapabilities {
    /// The set that container engines give: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE,
    /// NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP.
    static let container: UInt64 =
        1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 13 | 1 << 18 | 1 << 27 | 1 << 29 | 1 << 31

    /// What a gofer with root's rights keeps: CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SETFCAP.
    static let gofer: UInt64 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 31
}
