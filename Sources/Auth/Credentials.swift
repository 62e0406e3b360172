/// Capability sets, numbered as in linux/capability.h.
public struct Capabilities: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Every capability up to CAP_CHECKPOINT_RESTORE (40).
    public static let all = Capabilities(rawValue: (1 << 41) - 1)

    public static let CAP_CHOWN = Capabilities(rawValue: 1 << 0)
    public static let CAP_DAC_OVERRIDE = Capabilities(rawValue: 1 << 1)
    public static let CAP_DAC_READ_SEARCH = Capabilities(rawValue: 1 << 2)
    public static let CAP_FOWNER = Capabilities(rawValue: 1 << 3)
    public static let CAP_FSETID = Capabilities(rawValue: 1 << 4)
    public static let CAP_KILL = Capabilities(rawValue: 1 << 5)
    public static let CAP_SETGID = Capabilities(rawValue: 1 << 6)
    public static let CAP_SETUID = Capabilities(rawValue: 1 << 7)
    public static let CAP_SETPCAP = Capabilities(rawValue: 1 << 8)
    public static let CAP_NET_BIND_SERVICE = Capabilities(rawValue: 1 << 10)
    public static let CAP_NET_ADMIN = Capabilities(rawValue: 1 << 12)
    public static let CAP_NET_RAW = Capabilities(rawValue: 1 << 13)
    public static let CAP_IPC_LOCK = Capabilities(rawValue: 1 << 14)
    public static let CAP_IPC_OWNER = Capabilities(rawValue: 1 << 15)
    public static let CAP_SYS_CHROOT = Capabilities(rawValue: 1 << 18)
    public static let CAP_SYS_PTRACE = Capabilities(rawValue: 1 << 19)
    public static let CAP_SYS_ADMIN = Capabilities(rawValue: 1 << 21)
    public static let CAP_SYS_BOOT = Capabilities(rawValue: 1 << 22)
    public static let CAP_SYS_NICE = Capabilities(rawValue: 1 << 23)
    public static let CAP_SYS_RESOURCE = Capabilities(rawValue: 1 << 24)
    public static let CAP_SYS_TIME = Capabilities(rawValue: 1 << 25)
    public static let CAP_SYS_TTY_CONFIG = Capabilities(rawValue: 1 << 26)
    public static let CAP_MKNOD = Capabilities(rawValue: 1 << 27)
    public static let CAP_LEASE = Capabilities(rawValue: 1 << 28)
    public static let CAP_SETFCAP = Capabilities(rawValue: 1 << 31)
}

/// A task's identity and privileges: immutable, shared, replaced as a whole (`commit_creds` of Linux).
public final class Credentials: Sendable {
    public let uid, euid, suid, fsuid: UInt32
    public let gid, egid, sgid, fsgid: UInt32
    public let groups: [UInt32]
    public let permitted, effective, inheritable, bounding, ambient: Capabilities
    public let noNewPrivileges: Bool

    public init(
        uid: UInt32, euid: UInt32, suid: UInt32, fsuid: UInt32, gid: UInt32, egid: UInt32, sgid: UInt32, fsgid: UInt32,
        groups: [UInt32], permitted: Capabilities, effective: Capabilities, inheritable: Capabilities = [],
        bounding: Capabilities = .all, ambient: Capabilities = [], noNewPrivileges: Bool = false
    ) {
        self.uid = uid
        self.euid = euid
        self.suid = suid
        self.fsuid = fsuid
        self.gid = gid
        self.egid = egid
        self.sgid = sgid
        self.fsgid = fsgid
        self.groups = groups
        self.permitted = permitted
        self.effective = effective
        self.inheritable = inheritable
        self.bounding = bounding
        self.ambient = ambient
        self.noNewPrivileges = noNewPrivileges
    }

    /// One user and group everywhere; `capabilities` permitted and effective.
    public convenience init(user: UInt32, group: UInt32, groups: [UInt32] = [], capabilities: Capabilities) {
        self.init(
            uid: user, euid: user, suid: user, fsuid: user, gid: group, egid: group, sgid: group, fsgid: group, groups: groups,
            permitted: capabilities, effective: capabilities)
    }

    /// Whether the effective set holds `capability`.
    public func has(_ capability: Capabilities) -> Bool { effective.isSuperset(of: capability) }

    /// Whether `group` is the file system group or a supplementary one.
    public func isMember(of group: UInt32) -> Bool { fsgid == group || groups.contains(group) }
}
