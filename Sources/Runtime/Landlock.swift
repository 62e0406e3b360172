// Confines a gofer that could not move to an empty root (a user's, who may not make mounts) to the directories it serves.
import Control
import HostSyscalls
import LinuxABI

/// Landlock (landlock(7)): the kernel itself refuses what lies outside of the attached directories, and all of the network.
public enum Landlock {
    /// Access rights to files, numbered as in linux/landlock.h.
    private struct Access: OptionSet {
        let rawValue: UInt64

        static let writeFile = Access(rawValue: 1 << 1)
        static let readFile = Access(rawValue: 1 << 2)
        static let readDirectory = Access(rawValue: 1 << 3)
        static let truncate = Access(rawValue: 1 << 14)
        /// All that ABI 3 knows: EXECUTE to TRUNCATE.
        static let all = Access(rawValue: (1 << 15) - 1)
        /// EXECUTE, MAKE_CHAR, MAKE_SOCK, MAKE_BLOCK: what a gofer never does.
        static let never = Access(rawValue: 1 | 1 << 6 | 1 << 9 | 1 << 11)
    }

    /// The first ABI that knows REFER and TRUNCATE: with less, renames between directories could not be granted. Linux 6.2.
    private static let neededABI = 3

    /// The kernel's ABI; 0 if it has none.
    static var abi: Int {
        // landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
        max(0, rawHostCall(HostSyscall.landlock_create_ruleset, 0, 0, 1))
    }

    /// Confines the calling thread, and all that it starts, to what `launch` attaches. It must have set no_new_privs.
    ///
    /// - Returns: false if the host has no such thing: then nothing has changed.
    /// - Throws: if it has, but a step fails.
    public static func confine(to launch: GoferLaunch) throws(RuntimeFailure) -> Bool {
        let abi = abi
        guard abi >= neededABI else { return false }
        // struct landlock_ruleset_attr: file access; from ABI 4 on TCP bind and connect; from 6 on abstract sockets and signals.
        let attributes: [UInt64] = [Access.all.rawValue, 3, 3]
        let size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8
        let created = attributes.withUnsafeBytes {
            rawHostCall(HostSyscall.landlock_create_ruleset, Int(bitPattern: $0.baseAddress), size, 0)
        }
        try check("landlock_create_ruleset", created)
        let ruleset = HostFD(owning: Int32(truncatingIfNeeded: created))
        for attach in launch.attaches { try allow(attach, ruleset.rawValue) }
        try check("landlock_restrict_self", rawHostCall(HostSyscall.landlock_restrict_self, Int(ruleset.rawValue), 0))
        return true
    }

    private static func allow(_ attach: GoferLaunch.Attach, _ ruleset: Int32) throws(RuntimeFailure) {
        if let paths = attach.visiblePaths {
            for path in paths {
                // One that the machine does not have needs no rule.
                guard let file = try? HostPath.open(path, flags: 0o10000000, directory: attach.directory) else { continue }
                try allow([.readFile, .readDirectory], file.rawValue, ruleset)
                _ = consume file
            }
            // The directories that lead there are listed too, and with this right all names below could be: not their contents.
            return try allow(.readDirectory, attach.directory, ruleset)
        }
        let access: Access = attach.isReadOnly ? [.readFile, .readDirectory] : Access.all.subtracting(.never)
        guard let name = attach.fileName else { return try allow(access, attach.directory, ruleset) }
        // O_PATH | O_NOFOLLOW
        guard let file = try? HostPath.open(name, flags: 0o10000000 | 0o400000, directory: attach.directory) else {
            throw RuntimeFailure("landlock: \(text(name)) is gone")
        }
        try allow(access.intersection([.readFile, .writeFile, .truncate]), file.rawValue, ruleset)
        _ = consume file
    }

    private static func allow(_ access: Access, _ file: Int32, _ ruleset: Int32) throws(RuntimeFailure) {
        // struct landlock_path_beneath_attr, packed: rights, descriptor. LANDLOCK_RULE_PATH_BENEATH is 1.
        var rule = withUnsafeBytes(of: access.rawValue.littleEndian) { Array($0) }
        withUnsafeBytes(of: file.littleEndian) { rule.append(contentsOf: $0) }
        let result = rule.withUnsafeBytes {
            rawHostCall(HostSyscall.landlock_add_rule, Int(ruleset), 1, Int(bitPattern: $0.baseAddress), 0)
        }
        try check("landlock_add_rule", result)
    }

    private static func check(_ step: String, _ result: Int) throws(RuntimeFailure) {
        if result < 0 { throw RuntimeFailure(step, Errno(Int32(truncatingIfNeeded: -result))) }
    }
}
