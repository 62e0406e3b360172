// How a process of ours locks itself in: the first thing that the sentry and the gofers do, while they have only one thread.
import Control
import HostSyscalls
import LinuxABI

/// The lock around a taken-over sentry or gofer (docs/security.md): identity, capabilities, an empty root. One way, no way back.
public enum Cage {
    /// Locks the calling process in.
    ///
    /// - Throws: the step that failed, as a text.
    public static func enter(_ cage: CageConfiguration) throws(RuntimeFailure) {
        try step("prctl(PR_SET_PDEATHSIG)", prctl(1, 9))
        if cage.hasEmptyRoot { try moveToEmptyRoot(keepsDescriptors: cage.keepsDescriptorDirectory) }
        raiseDescriptorLimit()
        dropBoundingSet(keeping: cage.capabilities)
        if let identity = cage.identity { try take(identity, keepsCapabilities: cage.capabilities != 0) }
        try setCapabilities(cage.capabilities)
        // No exec of ours, and none of a stub's, gains what was dropped.
        try step("prctl(PR_SET_NO_NEW_PRIVS)", prctl(38, 1))
        try step("prctl(PR_SET_DUMPABLE)", prctl(4, 0))
        // A change of identity has cleared it.
        try step("prctl(PR_SET_PDEATHSIG)", prctl(1, 9))
    }

    private static func prctl(_ option: Int, _ argument: Int, _ third: Int = 0) -> Int {
        rawHostCall(HostSyscall.prctl, option, argument, third, 0, 0)
    }

    private static func step(_ name: String, _ result: Int) throws(RuntimeFailure) {
        if result < 0 { throw RuntimeFailure("cannot lock in: \(name)", Errno(Int32(truncatingIfNeeded: -result))) }
    }

    // MARK: The empty root

    /// A read-only tmpfs becomes the root, and the host's is gone. Needs a mount namespace of its own.
    private static func moveToEmptyRoot(keepsDescriptors: Bool) throws(RuntimeFailure) {
        // MS_REC | MS_PRIVATE: nothing that follows shows outside.
        try mount("none", "/", "", 0x4000 | 0x4_0000, "")
        var descriptors: HostFD?
        if keepsDescriptors {
            // OPEN_TREE_CLONE | O_CLOEXEC: this directory alone, without the way up to the rest of /proc.
            let tree = with("/proc/self/fd") { rawHostCall(HostSyscall.open_tree, -100, $0, 1 | 0o2000000) }
            try step("open_tree(/proc/self/fd)", tree)
            descriptors = HostFD(owning: Int32(truncatingIfNeeded: tree))
        }
        // Any directory serves as the place; /proc is one that is there.
        try mount("palisade", "/proc", "tmpfs", 2 | 4 | 8, "mode=0755,size=64k,nr_inodes=16")
        try step("chdir", with("/proc") { rawHostCall(HostSyscall.chdir, $0) })
        if let descriptors {
            for name in ["proc", "proc/self", "proc/self/fd"] {
                try step("mkdir", with(name) { rawHostCall(HostSyscall.mkdirat, -100, $0, 0o755) })
            }
            // MOVE_MOUNT_F_EMPTY_PATH
            let moved = with("") { empty in
                with("proc/self/fd") { rawHostCall(HostSyscall.move_mount, Int(descriptors.rawValue), empty, -100, $0, 4) }
            }
            try step("move_mount(/proc/self/fd)", moved)
        }
        try step("pivot_root", with(".") { rawHostCall(HostSyscall.pivot_root, $0, $0) })
        // MNT_DETACH: the host's tree lies over the new root until now.
        try step("umount", with(".") { rawHostCall(HostSyscall.umount2, $0, 2) })
        try step("chdir", with("/") { rawHostCall(HostSyscall.chdir, $0) })
        // MS_REMOUNT | MS_BIND | MS_RDONLY and the flags it has.
        try mount("none", "/", "", 32 | 4096 | 1 | 2 | 4 | 8, "")
    }

    private static func mount(
        _ source: String, _ target: String, _ type: String, _ flags: Int, _ data: String
    ) throws(RuntimeFailure) {
        let result = with(source) { source in
            with(target) { target in
                with(type) { type in with(data) { rawHostCall(HostSyscall.mount, source, target, type, flags, $0) } }
            }
        }
        try step("mount(\(target))", result)
    }

    private static func with<T>(_ text: String, _ body: (Int) -> T) -> T {
        text.withCString { body(Int(bitPattern: $0)) }
    }

    // MARK: Identity and capabilities

    /// Many files are open at once; only the start has the right to raise the hard limit.
    private static func raiseDescriptorLimit() {
        var limit: (UInt64, UInt64) = (1 << 20, 1 << 20)
        var none: (UInt64, UInt64) = (0, 0)
        withUnsafeMutablePointer(to: &limit) { pointer in
            let address = Int(bitPattern: pointer)
            // RLIMIT_NOFILE
            if rawHostCall(HostSyscall.prlimit64, 0, 7, address, 0) == 0 { return }
            guard rawHostCall(HostSyscall.prlimit64, 0, 7, 0, address) == 0 else { return }
            pointer.pointee.0 = pointer.pointee.1
            _ = rawHostCall(HostSyscall.prlimit64, 0, 7, address, 0)
        }
        // RLIMIT_CORE: a sentry's or gofer's memory is not for a file.
        withUnsafeMutablePointer(to: &none) { _ = rawHostCall(HostSyscall.prlimit64, 0, 4, Int(bitPattern: $0), 0) }
    }

    private static func dropBoundingSet(keeping kept: UInt64) {
        // PR_CAPBSET_DROP, up to the last one that the kernel knows. Without CAP_SETPCAP there is nothing to lose.
        for capability in 0..<64 where kept >> UInt64(capability) & 1 == 0 {
            if prctl(24, capability) == -22 { break }
        }
        // PR_SET_SECUREBITS: SECBIT_NOROOT and SECBIT_NO_CAP_AMBIENT_RAISE, locked: user 0 means nothing to an exec any more.
        _ = prctl(28, 0xc3)
    }

    private static func take(_ identity: CageConfiguration.Identity, keepsCapabilities: Bool) throws(RuntimeFailure) {
        // PR_SET_KEEPCAPS
        if keepsCapabilities { _ = prctl(8, 1) }
        let groups = identity.groups.withUnsafeBytes {
            rawHostCall(HostSyscall.setgroups, $0.count / 4, Int(bitPattern: $0.baseAddress))
        }
        try step("setgroups", groups)
        let gid = Int(identity.gid), uid = Int(identity.uid)
        try step("setresgid", rawHostCall(HostSyscall.setresgid, gid, gid, gid))
        try step("setresuid", rawHostCall(HostSyscall.setresuid, uid, uid, uid))
    }

    private static func setCapabilities(_ capabilities: UInt64) throws(RuntimeFailure) {
        // PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL
        _ = prctl(47, 4)
        let low = UInt32(truncatingIfNeeded: capabilities), high = UInt32(truncatingIfNeeded: capabilities >> 32)
        // struct __user_cap_header_struct {_LINUX_CAPABILITY_VERSION_3, 0}; two of {effective, permitted, inheritable}.
        let header: [UInt32] = [0x2008_0522, 0]
        let data: [UInt32] = [low, low, 0, high, high, 0]
        let result = header.withUnsafeBytes { header in
            data.withUnsafeBytes { data in
                rawHostCall(HostSyscall.capset, Int(bitPattern: header.baseAddress), Int(bitPattern: data.baseAddress))
            }
        }
        try step("capset", result)
    }
}
