import LinuxABI
import Primitives
import VFS

/// How a call goes on that a signal interrupts before it has done anything (signal(7)).
public enum InterruptBehavior {
    /// Restarts if the handler has SA_RESTART or none runs: read, write, wait4, futex …
    case restartable
    /// Restarts only if no handler runs: pause, poll, select, epoll_wait, rt_sigsuspend …
    case onlyWithoutHandler
    /// Never restarts: EINTR whatever happens.
    case never
}

/// A system call that may have to wait: everything it needs to go on, resolved once.
///
/// The dispatcher runs it: attempt; if it would block, register, attempt again, only then park. Nothing of the handler's stack survives.
/// A wake only marks the task; the attempt runs later, on a worker, with the kernel lock held.
open class BlockingOperation {
    /// CLOCK_MONOTONIC nanoseconds at which ``timedOut(_:)`` decides; nil waits for ever.
    public final var deadline: UInt64?
    open var interruption: InterruptBehavior { .restartable }

    public init() {}

    /// One try. nil: it would block. Never returns a partial result by blocking again: what was transferred so far is its own state.
    open func attempt(_ task: Task) throws(Errno) -> Int64? { preconditionFailure("attempt must be overridden") }

    /// Puts waiters into the queues whose wakes can make ``attempt(_:)`` succeed, with ``wait(on:interest:_:)``.
    open func register(_ task: Task) {}

    /// The deadline passed: the call's result. The default is what sleeps and poll return.
    open func timedOut(_ task: Task) throws(Errno) -> Int64 { 0 }

    /// A signal interrupts: a partial result that wins over EINTR and restart, or nil. Also the place to write back remaining times.
    open func interrupted(_ task: Task) -> Int64? { nil }

    /// Waiters of this operation; taken out of their queues by the dispatcher when the call ends.
    final var waiters: [TaskWaiter] = []

    /// Registers `task` with `queue` for `interest`.
    public final func wait(on queue: WaitQueue, interest: ReadyEvents, _ task: Task) {
        let waiter = TaskWaiter(task: task, interest: interest)
        waiters.append(waiter)
        queue.add(waiter)
    }

    final func unregister() {
        for waiter in waiters { waiter.leave() }
        waiters.removeAll()
    }
}

/// Links a parked task into one wait queue.
final class TaskWaiter: Waiter {
    unowned let task: Task

    init(task: Task, interest: ReadyEvents) {
        self.task = task
        super.init(interest: interest)
    }

    override func wake(_ events: ReadyEvents) { task.wakeParked() }
}
