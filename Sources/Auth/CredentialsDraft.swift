/// Credentials being changed: a copy to edit, then ``commit()``. What Linux's `prepare_creds` is to `commit_creds`.
public struct CredentialsDraft {
    public var uid, euid, suid, fsuid: UInt32
    public var gid, egid, sgid, fsgid: UInt32
    public var groups: [UInt32]
    public var permitted, effective, inheritable, bounding, ambient: Capabilities
    public var noNewPrivileges: Bool

    public init(_ old: Credentials) {
        uid = old.uid
        euid = old.euid
        suid = old.suid
        fsuid = old.fsuid
        gid = old.gid
        egid = old.egid
        sgid = old.sgid
        fsgid = old.fsgid
        groups = old.groups
        permitted = old.permitted
        effective = old.effective
        inheritable = old.inheritable
        bounding = old.bounding
        ambient = old.ambient
        noNewPrivileges = old.noNewPrivileges
    }

    public func commit() -> Credentials {
        Credentials(
            uid: uid, euid: euid, suid: suid, fsuid: fsuid, gid: gid, egid: egid, sgid: sgid, fsgid: fsgid, groups: groups,
            permitted: permitted, effective: effective, inheritable: inheritable, bounding: bounding, ambient: ambient,
            noNewPrivileges: noNewPrivileges)
    }

    /// What a change of user ids does to the capabilities (capabilities(7), "Effect of user ID changes").
    public mutating func adjustCapabilities(from old: Credentials, keepsCapabilities: Bool) {
        let hadRoot = old.uid == 0 || old.euid == 0 || old.suid == 0
        let hasRoot = uid == 0 || euid == 0 || suid == 0
        if hadRoot && !hasRoot {
            if !keepsCapabilities {
                permitted = []
                effective = []
            }
            ambient = []
        }
        if old.euid == 0 && euid != 0 { effective = [] }
        if old.euid != 0 && euid == 0 { effective = permitted }
    }

    /// The same for the file system user alone, which carries only the capabilities about files.
    public mutating func adjustFileCapabilities(from old: Credentials) {
        if old.fsuid == 0 && fsuid != 0 { effective.subtract(.aboutFiles) }
        if old.fsuid != 0 && fsuid == 0 { effective.formUnion(permitted.intersection(.aboutFiles)) }
    }
}

extension Capabilities {
    /// CAP_FS_MASK: CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE, MKNOD, MAC_OVERRIDE.
    static let aboutFiles = Capabilities(rawValue: 0b1_1111 | 1 << 9 | 1 << 27 | 1 << 32)
}
