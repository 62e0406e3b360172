import HostSyscalls
import LinuxABI
import Platform
import Primitives
import VFS

/// All state of one sandbox.
///
/// Lock order: there is one lock. ``lock`` guards the kernel and every object below it (tasks, files, memory maps, wait queues); it is
/// held while a call is served and released only in ``TaskContext/blocking(_:)`` and while waiting for the next notification.
/// docs/architecture.md, "The kernel lock", says why one is enough for now and what it costs.
public final class Kernel {
    public let lock = FutexLock()
    public private(set) var platform: (any Platform)?
    /// The generated switch of the Syscalls module.
    let dispatch: (Task, UInt64, SyscallArguments) throws(Errno) -> Outcome
    /// Sees every call when the sandbox runs under --strace.
    public var tracer: (any SyscallTracing)?

    /// Every live process and zombie by pid.
    public internal(set) var processes: [Int32: ThreadGroup] = [:]
    /// Every live thread by tid.
    public internal(set) var tasks: [Int32: Task] = [:]
    /// pid 1 of the sandbox; reaps orphans.
    public internal(set) var initProcess: ThreadGroup?
    /// Whether pid 1 dies of signals it does not handle, as a plain process does; in a pid namespace proper it would not.
    public var initTakesDefaultActions = true
    /// Called once when pid 1 has ended, with its wait status.
    public var initExited: ((Int32) -> Void)?
    /// Called when job control stops pid 1, with the signal. If set, pid 1's group has a parent outside that continues it.
    public var initStopped: ((Int32) -> Void)?

    public var hostName: [UInt8] = Array("sandbox".utf8)
    public var domainName: [UInt8] = Array("(none)".utf8)
    /// Writes one line to the sandbox's log.
    public var log: (String) -> Void = { _ in }

    public internal(set) var missingSyscalls = MissingSyscalls()

    /// Tasks whose parked call is to be tried again.
    var runnable: [Task] = []
    /// Tasks whose call starts again: what it waited for (another thread's memory order) is over.
    var reruns: [Task] = []
    /// Tasks that were kicked and have not answered when last looked at, with the processor time their process had used then.
    var watchedKicks: [(task: Task, usedBefore: UInt64?)] = []
    public let timers: TimerQueue
    let slowPool: SlowPool
    private var lastPID: Int32 = 0
    /// Most tasks at once; fork gives EAGAIN beyond.
    public var taskLimit = 32_000

    public init(dispatch: @escaping (Task, UInt64, SyscallArguments) throws(Errno) -> Outcome) {
        self.dispatch = dispatch
        timers = TimerQueue(lock: lock)
        slowPool = SlowPool(lock: lock, threadCount: 4)
    }

    /// Starts the kernel's own threads. `platform` is what guests run on.
    public func start(on platform: any Platform) {
        self.platform = platform
        timers.start { [unowned self] in drain() }
        slowPool.start { [unowned self] in drain() }
    }

    /// CLOCK_MONOTONIC, ns.
    public var monotonicNow: UInt64 { HostClock.monotonic }
    public var realtimeNow: Timespec { HostClock.realtime }

    /// Runs `body` under the kernel lock, then what it made runnable: for threads that are no workers (pollers, control).
    public func withLock<Result>(_ body: () -> Result) -> Result {
        lock.lock()
        defer {
            drain()
            lock.unlock()
        }
        return body()
    }

    /// The next free id, wrapping at Linux's default pid_max.
    func allocatePID() throws(Errno) -> Int32 {
        guard tasks.count < taskLimit else { throw .EAGAIN }
        for _ in 0..<32_768 {
            lastPID = lastPID >= 32_767 ? (initProcess == nil ? 1 : 300) : lastPID + 1
            if tasks[lastPID] == nil && processes[lastPID] == nil && !isGroupOrSession(lastPID) { return lastPID }
        }
        throw .EAGAIN
    }

    private func isGroupOrSession(_ id: Int32) -> Bool {
        processes.count < 1000 && processes.values.contains { $0.processGroup == id || $0.session == id }
    }
}

/// A system call tracer (module Trace).
public protocol SyscallTracing: AnyObject {
    func enter(_ task: Task, _ number: UInt64, _ arguments: SyscallArguments)
    /// - Parameter result: as the guest will see it; nil if the call does not return (exit, execve's success is 0).
    func exit(_ task: Task, _ number: UInt64, _ arguments: SyscallArguments, result: Int64?)
}
