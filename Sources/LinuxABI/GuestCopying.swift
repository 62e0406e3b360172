// Copying between the sentry and a guest, as handlers of every layer see it.

/// Copies between the sentry and the calling guest's memory: what ioctl handlers need, without knowing the task.
public protocol GuestCopying: AnyObject {
    /// - Throws: `EFAULT` if not all bytes could be copied.
    func copyIn(_ address: UserAddress, into buffer: UnsafeMutableRawBufferPointer) throws(Errno)
    /// - Throws: `EFAULT` if not all bytes could be copied.
    func copyOut(_ bytes: UnsafeRawBufferPointer, to address: UserAddress) throws(Errno)
}

extension GuestCopying {
    /// A plain value (integers, imported C structures) from guest memory: one copy.
    public func copyIn<T: BitwiseCopyable>(_ address: UserAddress, as type: T.Type = T.self) throws(Errno) -> T {
        // On the stack: most copies are of a few words.
        let result: Result<T, Errno> = withUnsafeTemporaryAllocation(byteCount: max(1, MemoryLayout<T>.size), alignment: 16) { storage in
            do throws(Errno) {
                try copyIn(address, into: UnsafeMutableRawBufferPointer(rebasing: storage[..<MemoryLayout<T>.size]))
                return .success(storage.loadUnaligned(as: T.self))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    public func copyOut<T: BitwiseCopyable>(_ value: T, to address: UserAddress) throws(Errno) {
        var copy = value
        let result: Result<Void, Errno> = withUnsafeBytes(of: &copy) { bytes in
            do throws(Errno) { return .success(try copyOut(bytes, to: address)) } catch { return .failure(error) }
        }
        try result.get()
    }

    public func copyIn(_ address: UserAddress, count: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result: Result<Void, Errno> = bytes.withUnsafeMutableBytes { buffer in
            do throws(Errno) { return .success(try copyIn(address, into: buffer)) } catch { return .failure(error) }
        }
        try result.get()
        return bytes
    }

    public func copyOut(_ bytes: [UInt8], to address: UserAddress) throws(Errno) {
        let result: Result<Void, Errno> = bytes.withUnsafeBytes { buffer in
            do throws(Errno) { return .success(try copyOut(buffer, to: address)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
