// clock_gettime(2), clock_getres(2), gettimeofday(2), time(2). Clocks are the host's, as the vDSO shows them too.
import HostSyscalls
import Kernel
import LinuxABI

let CLOCK_REALTIME: Int32 = 0
let CLOCK_MONOTONIC: Int32 = 1
let CLOCK_PROCESS_CPUTIME_ID: Int32 = 2
let CLOCK_THREAD_CPUTIME_ID: Int32 = 3
let CLOCK_BOOTTIME: Int32 = 7
let CLOCK_TAI: Int32 = 11

/// What a clock id says (linux/posix-timers.h).
private enum Clock {
    /// One of the host's, the same for everybody.
    case system(Int32)
    /// The caller's own processor time.
    case own
    /// The processor time of a process.
    case process(ThreadGroup)
}

/// Negative ids name a process (or thread) and a kind: `~pid << 3 | thread 4 | kind 0…2`; 3 in the low bits is a clock device.
///
/// - Throws: `EINVAL` for no such clock or process, and for the clock of a single thread other than the caller.
private func clock(_ id: Int32, _ task: Task) throws(Errno) -> Clock {
    if id >= 0 {
        if id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID { return .own }
        guard id <= CLOCK_TAI else { throw .EINVAL }
        return .system(id)
    }
    guard id & 3 != 3, id & 4 == 0 else { throw .EINVAL }
    let pid = ~(id >> 3)
    if pid == 0 { return .process(task.process) }
    guard let process = task.kernel.processes[pid], !process.isZombie else { throw .EINVAL }
    return .process(process)
}

/// Implements clock_gettime(2). The caller's own processor time is read by the host itself, which knows it to the nanosecond.
///
/// - Throws: `EINVAL` for no such clock; `EFAULT`.
func sysClockGettime(_ task: Task, _ id: Int32, _ address: UserAddress) throws(Errno) -> Outcome {
    let time: Timespec
    switch try clock(id, task) {
    case .own:
        try address.requireBelowStub(count: 16)
        return .native
    case .system(let id):
        do throws(HostErrno) { time = try HostSystem.clock(id) } catch { throw error.guestErrno }
    case .process(let process):
        time = Timespec(nanoseconds: process.processorTime)
    }
    try task.memory.copyOut(time, to: address)
    return .done
}

/// Implements clock_getres(2).
///
/// - Throws: `EINVAL` for no such clock; `EFAULT`.
func sysClockGetres(_ task: Task, _ id: Int32, _ address: UserAddress) throws(Errno) -> Outcome {
    var resolution = Timespec(seconds: 0, nanoseconds: 1)
    if case .system(let id) = try clock(id, task) {
        do throws(HostErrno) { resolution = try HostSystem.clockResolution(id) } catch { throw error.guestErrno }
    }
    if !address.isNull { try task.memory.copyOut(resolution, to: address) }
    return .done
}

/// `struct timeval`.
struct Timeval: BitwiseCopyable {
    var seconds: Int64
    var microseconds: Int64
}

/// Implements gettimeofday(2): the kernel's time zone is UTC.
///
/// - Throws: `EFAULT`.
func sysGettimeofday(_ task: Task, _ time: UserAddress, _ zone: UserAddress) throws(Errno) -> Outcome {
    if !time.isNull {
        let now = task.kernel.realtimeNow
        try task.memory.copyOut(Timeval(seconds: now.seconds, microseconds: now.nanoseconds / 1000), to: time)
    }
    if !zone.isNull { try task.memory.copyOut(UInt64(0), to: zone) }
    return .done
}

/// Implements time(2).
///
/// - Throws: `EFAULT`.
func sysTime(_ task: Task, _ address: UserAddress) throws(Errno) -> Outcome {
    let now = task.kernel.realtimeNow.seconds
    if !address.isNull { try task.memory.copyOut(now, to: address) }
    return .value(now)
}
