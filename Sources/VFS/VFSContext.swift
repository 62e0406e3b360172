import Auth
import LinuxABI

/// What the file system needs to know of the caller: who it is, where it stands, and whether it may wait.
///
/// The kernel's task provides one per call; VFS never sees the task itself.
open class VFSContext {
    public final var credentials: Credentials
    /// Bits that open, mkdir and mknod clear.
    public final var umask: UInt32 = 0o022
    /// The caller's root and working directory; nil only before the first mount.
    public final var root: VFSPath?
    public final var workingDirectory: VFSPath?

    public init(credentials: Credentials) { self.credentials = credentials }

    /// The caller's process and thread id: what `/proc/self` and `/proc/thread-self` mean; 0 when the sentry itself calls.
    open var callerPID: Int32 { 0 }
    open var callerTID: Int32 { 0 }

    /// CLOCK_REALTIME as the guest sees it: for time stamps.
    open var now: Timespec { Timespec(seconds: 0, nanoseconds: 0) }

    /// Whether this call runs on the slow pool, where it may wait for a gofer's answer.
    open var mayBlock: Bool { false }

    /// What an operation calls before its first step that needs the gofer and before it has changed anything.
    ///
    /// - Throws: `needsSlowPath` on the worker that receives system calls: the dispatcher runs the whole call again on the slow pool.
    public final func requireSlowPath() throws(Errno) {
        if !mayBlock { throw .needsSlowPath }
    }

    /// Runs `body`, which waits for the outside world, with the kernel lock released. Only where ``mayBlock``.
    ///
    /// Whatever was read of kernel objects before may have changed after.
    open func blocking<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result { try body() }
}
