// What bounds a gofer message. Both sides check: neither trusts the other.

/// The protocol: one message per packet of a `SOCK_SEQPACKET` unix socket.
///
/// A request is an id (8 bytes), an operation (1), its fields. A reply is the id, an errno (4 bytes, 0 for success), the operation's
/// fields. A descriptor goes with a reply by SCM_RIGHTS. `forget` has no reply. Integers are little-endian, byte strings carry a
/// count of 4 bytes.
public enum GoferLimits {
    /// Changes with every change of a message.
    public static let version: UInt32 = 2
    /// The longest message of either side.
    public static let message = 64 << 10
    /// Components that one walk names.
    public static let walkNames = 32
    public static let name = 255
    /// A symbolic link's text.
    public static let linkText = 4095
    /// An extended attribute's name, and the size of its value.
    public static let xattrName = 255
    public static let xattrValue = 60 << 10
    /// Nodes that one forget names.
    public static let forgottenNodes = 1024
    /// Whether `name` is a plain name in a directory: what a walk may name.
    public static func isPlainName(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name.count <= GoferLimits.name && name != [0x2e] && name != [0x2e, 0x2e]
            && !name.contains(0x2f) && !name.contains(0)
    }
}
