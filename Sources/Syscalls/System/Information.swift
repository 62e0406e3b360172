// sysinfo(2), getrandom(2), getcpu(2).
import HostSyscalls
import Kernel
import LinuxABI

/// `struct sysinfo`, 112 bytes.
private struct SystemInformation: BitwiseCopyable {
    var uptime: Int64 = 0
    var loads: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var totalMemory: UInt64 = 0
    var freeMemory: UInt64 = 0
    var sharedMemory: UInt64 = 0
    var bufferMemory: UInt64 = 0
    var totalSwap: UInt64 = 0
    var freeSwap: UInt64 = 0
    var processes: UInt16 = 0
    var totalHigh: UInt64 = 0
    var freeHigh: UInt64 = 0
    var unit: UInt32 = 1
    var tail: UInt32 = 0
}

/// Implements sysinfo(2): the host's memory and time since boot (which CLOCK_BOOTTIME shows too), the sandbox's own tasks.
/// Loads and swap are 0: the one is not measured, the other is not the guest's.
///
/// - Throws: `EFAULT`.
func sysSysinfo(_ task: Task, _ buffer: UserAddress) throws(Errno) -> Outcome {
    let host = HostSystem.memory()
    var information = SystemInformation()
    information.uptime = Int64(clamping: host.uptime)
    information.totalMemory = host.total
    information.freeMemory = host.free
    information.processes = UInt16(clamping: task.kernel.tasks.count)
    try task.memory.copyOut(information, to: buffer)
    return .done
}

private let GRND_NONBLOCK: UInt32 = 1
private let GRND_RANDOM: UInt32 = 2
private let GRND_INSECURE: UInt32 = 4

/// The most that one getrandom gives: a larger request ends early, as if a signal had come, so that nobody waits for it long.
private let randomLimit: UInt64 = 1 << 20

/// Implements getrandom(2).
///
/// - Throws: `EINVAL` for unknown or contradictory flags; `EAGAIN` with GRND_NONBLOCK before the host's generator is ready; `EFAULT`.
func sysGetrandom(_ task: Task, _ buffer: UserAddress, _ count: UInt64, _ flags: UInt32) throws(Errno) -> Outcome {
    guard flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) == 0 else { throw .EINVAL }
    guard flags & (GRND_RANDOM | GRND_INSECURE) != GRND_RANDOM | GRND_INSECURE else { throw .EINVAL }
    let wanted = Int(min(count, randomLimit))
    var chunk = [UInt8](repeating: 0, count: min(wanted, 65_536))
    var done = 0
    while done < wanted {
        let part = min(chunk.count, wanted - done)
        let filled: Result<Void, HostErrno> = chunk.withUnsafeMutableBytes { bytes in
            do throws(HostErrno) {
                let buffer = UnsafeMutableRawBufferPointer(rebasing: bytes[..<part])
                return .success(try HostSystem.random(buffer, flags: flags & GRND_NONBLOCK))
            } catch { return .failure(error) }
        }
        if case .failure(let error) = filled { throw error.guestErrno }
        let copied = chunk.withUnsafeBytes { task.memory.copyOutPartial(UnsafeRawBufferPointer(rebasing: $0[..<part]), to: buffer + done) }
        done += copied
        if copied < part { break }
    }
    if done == 0 && wanted > 0 { throw .EFAULT }
    return .value(Int64(done))
}

/// Implements getcpu(2): the host answers, since the processors are the host's (rseq and RDPID show them as well).
///
/// - Throws: `EFAULT`.
func sysGetcpu(_ task: Task, _ cpu: UserAddress, _ node: UserAddress, _ cache: UserAddress) throws(Errno) -> Outcome {
    try cpu.requireBelowStub(count: 4)
    try node.requireBelowStub(count: 4)
    return .native
}
