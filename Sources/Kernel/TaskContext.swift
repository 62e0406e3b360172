import Auth
import HostSyscalls
import LinuxABI
import VFS

/// A task as VFS sees it.
public final class TaskContext: VFSContext {
    private unowned let kernel: Kernel
    /// Who calls: kept current by ``Task/vfs``.
    var processID: Int32 = 0
    var threadID: Int32 = 0
    /// Set while the task's call runs on the slow pool.
    var isOnSlowPath = false

    init(kernel: Kernel, credentials: Credentials) {
        self.kernel = kernel
        super.init(credentials: credentials)
    }

    override public var callerPID: Int32 { processID }
    override public var callerTID: Int32 { threadID }
    override public var now: Timespec { HostClock.realtime }
    override public var mayBlock: Bool { isOnSlowPath }

    override public func blocking<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        precondition(isOnSlowPath, "only the slow pool may wait")
        kernel.drain()
        kernel.lock.unlock()
        defer { kernel.lock.lock() }
        return try body()
    }
}
