// For calls that the host carries out as they stand (Outcome.native): their pointers must not lead into the stub.
import LinuxABI
import Platform

extension UserAddress {
    /// Checks that `count` bytes from here end below the stub: 0 passes, the host answers EFAULT or takes it for "not given".
    ///
    /// - Throws: `EFAULT`.
    func requireBelowStub(count: UInt64) throws(Errno) {
        let (end, overflow) = rawValue.addingReportingOverflow(count)
        guard !overflow, end <= GuestLayout.workloadEnd else { throw .EFAULT }
    }
}
