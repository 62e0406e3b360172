// getrusage(2), times(2).
import HostSyscalls
import Kernel
import LinuxABI

private let RUSAGE_SELF: Int32 = 0
private let RUSAGE_CHILDREN: Int32 = -1
private let RUSAGE_THREAD: Int32 = 1

/// Clock ticks a second: what times(2) counts in.
private let ticksPerSecond: UInt64 = 100

/// Implements getrusage(2). For the caller itself the host answers: its process on the host is the guest's. Of ended children only
/// the times are known.
///
/// - Throws: `EINVAL` for another `who`; `EFAULT`.
func sysGetrusage(_ task: Task, _ who: Int32, _ address: UserAddress) throws(Errno) -> Outcome {
    switch who {
    case RUSAGE_SELF, RUSAGE_THREAD:
        try address.requireBelowStub(count: 144)
        return .native
    case RUSAGE_CHILDREN:
        var words = [UInt64](repeating: 0, count: 18)
        words[0] = task.process.childrenUserTime / 1_000_000_000
        words[1] = task.process.childrenUserTime % 1_000_000_000 / 1000
        words[2] = task.process.childrenSystemTime / 1_000_000_000
        words[3] = task.process.childrenSystemTime % 1_000_000_000 / 1000
        try task.memory.copyOut(words.flatMap(littleEndianBytes), to: address)
        return .done
    default:
        throw .EINVAL
    }
}

/// Implements times(2). The caller's own time is all told as user time: the host does not tell the two apart for another process.
///
/// - Throws: `EFAULT`.
func sysTimes(_ task: Task, _ address: UserAddress) throws(Errno) -> Outcome {
    let ticks = 1_000_000_000 / ticksPerSecond
    if !address.isNull {
        let words = [
            task.process.processorTime / ticks, 0, task.process.childrenUserTime / ticks, task.process.childrenSystemTime / ticks,
        ]
        try task.memory.copyOut(words.flatMap(littleEndianBytes), to: address)
    }
    return .value(Int64(clamping: HostClock.boottime / ticks))
}
