/// What a system call handler returns (design, section 5). An ``Errno`` is thrown instead.
public enum Outcome {
    /// The call is done; the value goes into rax.
    case value(Int64)
    /// The call waits; the dispatcher keeps the operation, tries it again when it is woken, and owns interruption and restart.
    case park(BlockingOperation)
    /// The calling thread's stub makes these host calls; then the thread goes on with `result`. If one fails, rax is its error and
    /// `rollback` has put the kernel's own state back.
    case orders(OrderPlan)
    /// The host kernel carries out the very call the guest made, with its own registers (munmap, mprotect: no pointers, checked).
    case native
    /// The handler has replaced the whole context (rt_sigreturn, execve) or ended the task: rax is not touched.
    case contextReplaced
    /// The handler has told the platform what the thread does; the call ends when the platform reports back.
    case delegated

    /// The result of a call that returns nothing.
    public static var done: Outcome { .value(0) }
}
