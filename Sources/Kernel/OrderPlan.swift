import LinuxABI
import Platform

/// Host calls for the calling thread's stub, and what follows.
public struct OrderPlan {
    public var orders: [HostOrder]
    /// What the guest sees when all succeeded.
    public var result: Int64
    /// What the guest sees when one failed; nil: the host's error (brk(2) has none).
    public var failureResult: Int64?
    /// Undoes the kernel's own bookkeeping after the order with this index failed; earlier ones have been carried out.
    public var rollback: ((_ failedIndex: Int) -> Void)?
    /// Runs when all are proved carried out; without it the thread resumes at once and the proof comes with its next call.
    public var then: ((Task) -> Void)?

    public init(_ orders: [HostOrder], result: Int64, rollback: ((Int) -> Void)? = nil, then: ((Task) -> Void)? = nil) {
        self.orders = orders
        self.result = result
        self.rollback = rollback
        self.then = then
    }
}
