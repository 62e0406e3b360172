import LinuxABI

/// Keeps an open file description from being released while a system call uses it: another thread may close the descriptor meanwhile
/// (Linux's `fdget` and `fdput`). Parked operations own these.
public final class HeldDescription {
    public let description: FileDescription
    private let context: VFSContext

    /// `context` is the caller's: closing happens on its behalf.
    public init(_ description: FileDescription, _ context: VFSContext) {
        self.description = description
        self.context = context
        description.retain()
    }

    deinit { description.release(context) }
}
