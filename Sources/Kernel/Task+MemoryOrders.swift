import Auth
import LinuxABI
import Memory
import Platform

// What memory calls need of the task: the proof of other threads' orders, its own ranges marked pending, and its limits.

extension Task {
    /// Makes sure that no other thread is still changing the range.
    ///
    /// nil: nobody is. Otherwise the call is put aside until the other thread has proved its order (it is kicked), then runs again from
    /// its beginning: return the outcome.
    public func awaitProof(_ start: UInt64, _ end: UInt64) -> Outcome? {
        while let owner = memory.conflictingOwner(start, end, for: memoryOwner) {
            let others = kernel.tasks.values.filter { $0.memory === memory && $0.memoryOwner == owner && !$0.isDead }
            if others.isEmpty {
                // Its thread is gone, and with it whatever it was doing.
                memory.prove(owner)
                continue
            }
            memory.proofWaiters.append { [self] in kernel.reruns.append(self) }
            for other in others { other.kick() }
            return .delegated
        }
        return nil
    }

    /// Marks a range as being changed by this thread.
    public func markPending(_ start: UInt64, _ end: UInt64) { memory.setPending(start, end, owner: memoryOwner) }

    /// A free range that no thread is still changing.
    public func placeMemory(_ length: UInt64, hint: UInt64, below limit: UInt64 = .max) throws(Errno) -> UInt64 {
        try memory.place(length, hint: hint, below: limit, owner: memoryOwner)
    }

    /// - Throws: `ENOMEM` if putting `area` into the map would pass RLIMIT_AS or RLIMIT_DATA.
    public func checkMemoryLimits(_ area: MemoryArea) throws(Errno) {
        let limits = process.limits.values
        try memory.checkLimits(area, addressSpace: limits[ResourceLimits.RLIMIT_AS].soft, data: limits[ResourceLimits.RLIMIT_DATA].soft)
    }

    /// Whether `length` more bytes may be locked under RLIMIT_MEMLOCK.
    public func mayLockMemory(_ length: UInt64) -> Bool {
        if credentials.has(.CAP_IPC_LOCK) { return true }
        let (total, overflow) = memory.map.lockedLength.addingReportingOverflow(length)
        return !overflow && total <= process.limits.values[ResourceLimits.RLIMIT_MEMLOCK].soft
    }
}

extension Kernel {
    /// Says which host process holds `memory`, and how to find another of its threads when that one has ended before the rest.
    func attach(_ memory: AddressSpace, to host: Int32) {
        memory.hostProcess = host
        memory.findHostThread = { [unowned self, weak memory] in
            for task in tasks.values where task.memory === memory && !task.isDead {
                if let thread = task.thread, thread.hostThreadID != 0, thread.hostThreadID != host { return thread.hostThreadID }
            }
            return 0
        }
    }
}
