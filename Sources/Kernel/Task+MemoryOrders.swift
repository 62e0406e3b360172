import LinuxABI
import Memory
import Platform

// What memory calls need of the task: the proof of other threads' orders, and its own ranges marked pending.

extension Task {
    /// Makes sure that no other thread is still changing the range.
    ///
    /// nil: nobody is. Otherwise the call is put aside until the other thread has proved its order (it is kicked), then runs again from
    /// its beginning: return the outcome.
    public func awaitProof(_ start: UInt64, _ end: UInt64) -> Outcome? {
        guard let owner = memory.conflictingOwner(start, end, for: memoryOwner) else { return nil }
        memory.proofWaiters.append { [self] in kernel.reruns.append(self) }
        for other in kernel.tasks.values where other.memory === memory && other.memoryOwner == owner { other.thread?.kick() }
        return .delegated
    }

    /// Marks a range as being changed by this thread.
    public func markPending(_ start: UInt64, _ end: UInt64) { memory.setPending(start, end, owner: memoryOwner) }

    /// A free range that no thread is still changing.
    public func placeMemory(_ length: UInt64, hint: UInt64, below limit: UInt64 = .max) throws(Errno) -> UInt64 {
        try memory.place(length, hint: hint, below: limit, owner: memoryOwner)
    }

    /// - Throws: `ENOMEM` if `length` more bytes would pass RLIMIT_AS.
    public func checkAddressSpaceLimit(_ length: UInt64) throws(Errno) {
        let (total, overflow) = memory.map.totalLength.addingReportingOverflow(length)
        if overflow || total > process.limits.values[ResourceLimits.RLIMIT_AS].soft { throw .ENOMEM }
    }
}
