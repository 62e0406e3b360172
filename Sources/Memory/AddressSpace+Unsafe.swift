// SAFETY: process_vm_readv and process_vm_writev are given the sentry's own buffers, whole, and addresses of another process. The
// host checks those; a fault there is a short count.
import HostSyscalls
import LinuxABI
import Platform

extension AddressSpace {
    /// Copies from the guest as far as it is readable; the bytes copied.
    public func copyInPartial(_ address: UserAddress, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        transfer(HostSyscall.process_vm_readv, address, Int(bitPattern: buffer.baseAddress), buffer.count)
    }

    /// Copies to the guest as far as it is writable; the bytes copied.
    public func copyOutPartial(_ bytes: UnsafeRawBufferPointer, to address: UserAddress) -> Int {
        transfer(HostSyscall.process_vm_writev, address, Int(bitPattern: bytes.baseAddress), bytes.count)
    }

    private func transfer(_ call: Int, _ address: UserAddress, _ buffer: Int, _ count: Int) -> Int {
        guard count > 0, address.rawValue < GuestLayout.workloadEnd, hostProcess > 0 else { return 0 }
        // What lies beyond the workload's range faults there.
        let usable = Int(min(UInt64(count), GuestLayout.workloadEnd - address.rawValue))
        var done = 0
        var isSecondTry = false
        while done < usable {
            var local = (buffer + done, usable - done)
            var remote = (address.rawValue + UInt64(done), UInt64(usable - done))
            let result = withUnsafePointer(to: &local) { localPointer in
                withUnsafePointer(to: &remote) { remotePointer in
                    rawHostCall(call, Int(hostProcess), Int(bitPattern: localPointer), 1, Int(bitPattern: remotePointer), 1, 0)
                }
            }
            if result > 0 {
                // The host stops at the page that faults, with an exact count; trying on says EFAULT there.
                done += min(result, usable - done)
            } else if result == HostResult.ESRCH, !isSecondTry, let other = findHostThread?(), other > 0, other != hostProcess {
                // The thread that was named has ended; memory lives as long as any of them.
                hostProcess = other
                isSecondTry = true
            } else if result != HostResult.EINTR {
                break
            }
        }
        return done
    }

    /// - Throws: `EFAULT` if not all bytes could be copied.
    public func copyIn(_ address: UserAddress, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
        if copyInPartial(address, into: buffer) != buffer.count { throw .EFAULT }
    }

    /// - Throws: `EFAULT` if not all bytes could be copied.
    public func copyOut(_ bytes: UnsafeRawBufferPointer, to address: UserAddress) throws(Errno) {
        if copyOutPartial(bytes, to: address) != bytes.count { throw .EFAULT }
    }

    /// Zeroes guest memory.
    ///
    /// - Throws: `EFAULT` if not all bytes could be written.
    public func zero(_ address: UserAddress, count: Int) throws(Errno) {
        let zeros = [UInt8](repeating: 0, count: min(count, 65_536))
        var done = 0
        while done < count {
            let step = min(zeros.count, count - done)
            let copied = zeros.withUnsafeBytes { copyOutPartial(UnsafeRawBufferPointer(rebasing: $0[..<step]), to: address + done) }
            if copied != step { throw .EFAULT }
            done += step
        }
    }

    /// A NUL-terminated string without its NUL. Never reads past the page that holds the NUL.
    ///
    /// - Throws: `EFAULT`; `ENAMETOOLONG` if no NUL lies within `limit` bytes.
    public func copyInString(_ address: UserAddress, limit: Int) throws(Errno) -> [UInt8] {
        enum Step {
            case more, end, fault
        }
        var result: [UInt8] = []
        var position = address
        while result.count < limit {
            let toPageEnd = Int(pageSize - position.rawValue % pageSize)
            // Most strings are short: a first small piece costs less than the rest of the page.
            let piece = result.isEmpty ? 256 : Int(pageSize)
            let count = min(toPageEnd, piece, limit - result.count)
            let step = withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer -> Step in
                let read = copyInPartial(position, into: buffer)
                let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<read])
                if let end = bytes.firstIndex(of: 0) {
                    result.append(contentsOf: bytes[..<end])
                    return .end
                }
                result.append(contentsOf: bytes)
                return read == count ? .more : .fault
            }
            switch step {
            case .end: return result
            case .fault: throw .EFAULT
            case .more: position = position + count
            }
        }
        throw .ENAMETOOLONG
    }
}

private enum HostResult {
    static let ESRCH = -3
    static let EINTR = -4
}
