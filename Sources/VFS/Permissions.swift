import Auth
import LinuxABI

/// What is wanted of a file: the bits of access(2).
public struct AccessMask: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let execute = AccessMask(rawValue: 1)
    public static let write = AccessMask(rawValue: 2)
    public static let read = AccessMask(rawValue: 4)
}

extension VFSContext {
    /// Linux's `inode_permission`: mode bits, then the capabilities that override them.
    ///
    /// - Throws: `EACCES`.
    public final func check(_ inode: Inode, _ mask: AccessMask) throws(Errno) {
        // With both overrides only the execution of a plain file needs the mode.
        if credentials.has([.CAP_DAC_OVERRIDE, .CAP_DAC_READ_SEARCH]), inode.type == .directory || !mask.contains(.execute) { return }
        try check(try inode.attributes(self), mask)
    }

    /// The same, with attributes at hand.
    public final func check(_ attributes: FileAttributes, _ mask: AccessMask) throws(Errno) {
        let bits: UInt32
        if attributes.uid == credentials.fsuid {
            bits = attributes.permissions >> 6
        } else if credentials.isMember(of: attributes.gid) {
            bits = attributes.permissions >> 3
        } else {
            bits = attributes.permissions
        }
        if mask.rawValue & ~(bits & 7) == 0 { return }
        if attributes.type == .directory {
            if credentials.has(.CAP_DAC_OVERRIDE) { return }
            if !mask.contains(.write), credentials.has(.CAP_DAC_READ_SEARCH) { return }
        } else {
            if credentials.has(.CAP_DAC_OVERRIDE), !mask.contains(.execute) || attributes.permissions & 0o111 != 0 { return }
            if mask == .read, credentials.has(.CAP_DAC_READ_SEARCH) { return }
        }
        throw .EACCES
    }

    /// Whether the caller may act as the file's owner.
    public final func isOwner(_ attributes: FileAttributes) -> Bool {
        attributes.uid == credentials.fsuid || credentials.has(.CAP_FOWNER)
    }

    /// Whether `name` of `directory` may be removed or renamed: write and search there, and the sticky rule.
    ///
    /// - Throws: `EACCES`, `EPERM`.
    func checkRemoval(of inode: Inode, from directory: Inode) throws(Errno) {
        try check(directory, [.write, .execute])
        if credentials.has(.CAP_FOWNER) { return }
        let parent = try directory.attributes(self)
        if parent.permissions & 0o1000 == 0 || parent.uid == credentials.fsuid { return }
        if try inode.attributes(self).uid != credentials.fsuid { throw .EPERM }
    }
}
