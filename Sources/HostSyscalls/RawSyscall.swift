internal import CHost

/// One host system call by number. The result is the kernel's: a value, or -errno.
///
/// The funnel below all others in this module; prefer ``hostCall(_:_:_:_:_:_:_:)``.
@inline(__always)
public func rawHostCall(
    _ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
) -> Int {
    chost_syscall(number, a, b, c, d, e, f)
}

/// One host system call by number, EINTR retried.
///
/// - Throws: the host's error. EBADF and EFAULT are bugs of ours and trap.
@discardableResult
public func hostCall(
    _ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
) throws(HostErrno) -> Int {
    while true {
        let result = rawHostCall(number, a, b, c, d, e, f)
        if result >= 0 || result < -4095 { return result }
        if result == -4 { continue }
        if result == -9 { preconditionFailure("host call \(number): EBADF on our own descriptor") }
        throw HostErrno(Int32(-result))
    }
}
