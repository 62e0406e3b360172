import Kernel
import LinuxABI
import Memory
import Platform

private let FUTEX_WAIT: Int32 = 0
private let FUTEX_WAIT_BITSET: Int32 = 9
private let FUTEX_PRIVATE_FLAG: Int32 = 128
private let FUTEX_CLOCK_REALTIME: Int32 = 256

/// Implements what of futex(2) does not pass natively: waits with a timeout.
///
/// - Throws: `EINVAL` for a bad timeout or operation; `ENOSYS` for the priority-inheritance operations.
func sysFutex(
    _ task: Task, _ word: UserAddress, _ operation: Int32, _ value: UInt32, _ timeout: UserAddress, _ word2: UserAddress, _ value3: UInt32
) throws(Errno) -> Outcome {
    let command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
    guard command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET else { throw .ENOSYS }
    guard !timeout.isNull else { throw .EINVAL }
    let time = try task.memory.copyIn(timeout, as: Timespec.self)
    guard time.isValid else { throw .EINVAL }
    if word.rawValue >= GuestLayout.workloadEnd { throw .EFAULT }
    var flags = operation & FUTEX_PRIVATE_FLAG
    let deadline: Timespec
    if command == FUTEX_WAIT {
        // Relative, on CLOCK_MONOTONIC whatever the clock flag says: only its absolute form looks at it.
        let (sum, overflow) = task.kernel.monotonicNow.addingReportingOverflow(time.totalNanoseconds)
        deadline = Timespec(nanoseconds: overflow ? UInt64(Int64.max) : sum)
    } else {
        flags |= operation & FUTEX_CLOCK_REALTIME
        deadline = time
    }
    let bits = command == FUTEX_WAIT ? UInt32.max : value3
    let arguments = SyscallArguments(
        word.rawValue, UInt64(UInt32(bitPattern: FUTEX_WAIT_BITSET | flags)), UInt64(value), 0, 0, UInt64(bits))
    return task.waitForFutex(arguments, deadline: deadline, isRelative: command == FUTEX_WAIT)
}

/// Implements set_tid_address(2): the host's own thread exit clears the word, so the host is told by an order.
func sysSetTidAddress(_ task: Task, _ address: UserAddress) throws(Errno) -> Outcome {
    if address.rawValue >= GuestLayout.workloadEnd { throw .EFAULT }
    task.clearTID = address.rawValue
    return .orders(OrderPlan([.setTIDAddress(address.rawValue)], result: Int64(task.tid)))
}

/// Implements arch_prctl(2): the segment bases, by order of the thread itself.
///
/// - Throws: `EPERM` for an address outside the workload's range; `EINVAL` for other codes.
func sysArchPrctl(_ task: Task, _ code: Int32, _ base: UserAddress) throws(Errno) -> Outcome {
    let address = base.rawValue
    switch code {
    case 0x1001, 0x1002:  // ARCH_SET_GS, ARCH_SET_FS
        if address >= GuestLayout.workloadEnd { throw .EPERM }
    case 0x1003, 0x1004:  // ARCH_GET_FS, ARCH_GET_GS: the host writes to the guest's own memory
        if address > GuestLayout.workloadEnd - 8 { throw .EFAULT }
    default: throw .EINVAL
    }
    return .orders(OrderPlan([.archPrctl(UInt64(UInt32(bitPattern: code)), address)], result: 0))
}

/// Implements rseq(2): registered with the host for this very thread; it touches only the workload's memory.
func sysRseq(_ task: Task, _ area: UserAddress, _ length: UInt32, _ flags: Int32, _ signature: UInt32) throws(Errno) -> Outcome {
    let (end, overflow) = area.rawValue.addingReportingOverflow(UInt64(length))
    if overflow || end > GuestLayout.workloadEnd { throw .EFAULT }
    return .orders(
        OrderPlan([.rseq(area.rawValue, UInt64(length), UInt64(UInt32(bitPattern: flags)), UInt64(signature))], result: 0))
}
