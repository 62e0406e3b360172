// Counts calls of what is not there, and names each in the log once.
import LinuxABI

/// How often each missing system call was made. Guarded by the kernel lock.
public struct MissingSyscalls {
    /// By number; the last element stands for all unknown numbers together, so that a workload cannot make this grow.
    public private(set) var counts = [UInt64](repeating: 0, count: SyscallNumber.count + 1)

    /// Counts one call; whether it was the first of its number.
    mutating func count(_ number: UInt64) -> Bool {
        let index = Int(min(number, UInt64(SyscallNumber.count)))
        counts[index] &+= 1
        return counts[index] == 1
    }
}

extension Kernel {
    /// Answers a call that has no handler: ENOSYS, counted; the log names each number once.
    public func missingSyscall(_ number: UInt64) -> Errno {
        if missingSyscalls.count(number) {
            log("missing system call \(number) (\(SyscallNumber.name(of: number) ?? "unknown")): ENOSYS")
        }
        return .ENOSYS
    }
}
