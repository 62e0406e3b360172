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
        let usable = min(UInt64(count), GuestLayout.workloadEnd - address.rawValue)
        var done = 0
        while done < Int(usable) {
            var local = (buffer + done, Int(usable) - done)
            var remote = (address.rawValue + UInt64(done), usable - UInt64(done))
            let result = withUnsafePointer(to: &local) { localPointer in
                withUnsafePointer(to: &remote) { remotePointer in
                    rawHostCall(call, Int(hostProcess), Int(bitPattern: localPointer), 1, Int(bitPattern: remotePointer), 1, 0)
                }
            }
            if result <= 0 { break }
            done += result
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

    /// A NUL-terminated string without its NUL. Never reads past the page that holds the NUL.
    ///
    /// - Throws: `EFAULT`; `ENAMETOOLONG` if no NUL lies within `limit` bytes.
    public func copyInString(_ address: UserAddress, limit: Int) throws(Errno) -> [UInt8] {
        var result: [UInt8] = []
        var position = address
        while result.count < limit {
            let toPageEnd = Int(4096 - position.rawValue % 4096)
            let count = min(toPageEnd, limit - result.count)
            let chunk = withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer -> (bytes: [UInt8], isEnd: Bool)? in
                let read = copyInPartial(position, into: buffer)
                if read == 0 { return nil }
                let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<read])
                if let end = bytes.firstIndex(of: 0) { return ([UInt8](bytes[..<end]), true) }
                return read == count ? ([UInt8](bytes), false) : nil
            }
            guard let chunk else { throw .EFAULT }
            result.append(contentsOf: chunk.bytes)
            if chunk.isEnd { return result }
            position = position + count
        }
        throw .ENAMETOOLONG
    }
}
