internal import CHost
import LinuxABI

/// One seccomp notification: a system call that a guest's host thread has made.
public struct SeccompNotification {
    public let id: UInt64
    public let thread: Int32
    public let number: UInt64
    public let instruction: UInt64
    public let arguments: SyscallArguments
}

/// The receiving end of a filter's notifications.
public final class SeccompListener: @unchecked Sendable {
    private let fd: HostFD
    private let buffer: UnsafeMutablePointer<chost_notification>

    public init(_ fd: consuming HostFD) {
        self.fd = fd
        buffer = .allocate(capacity: 1)
    }

    deinit { buffer.deallocate() }

    /// Asks for synchronous wake-up (Linux 6.6 on); whether the kernel has it.
    public func setSynchronousWakeUp() -> Bool { chost_notification_set_sync(fd.rawValue) == 0 }

    /// Waits for the next call; nil after a spurious return. Only one thread may receive at a time.
    public func receive() throws(HostErrno) -> SeccompNotification? {
        let result = chost_notification_receive(fd.rawValue, buffer)
        if result < 0 {
            if result == -4 || result == -2 { return nil }
            throw HostErrno(Int32(-result))
        }
        let arguments = buffer.pointee.arguments
        return SeccompNotification(
            id: buffer.pointee.id, thread: Int32(bitPattern: buffer.pointee.thread),
            number: UInt64(UInt32(bitPattern: buffer.pointee.number)),
            instruction: buffer.pointee.instruction,
            arguments: SyscallArguments(arguments.0, arguments.1, arguments.2, arguments.3, arguments.4, arguments.5))
    }

    /// Answers with a result, as the kernel returns it (negative: -errno). The caller may be gone: that is no error.
    public func answer(_ id: UInt64, _ result: Int64) {
        if result < 0 && result >= -4095 {
            _ = chost_notification_send(fd.rawValue, id, 0, Int32(result), 0)
        } else {
            _ = chost_notification_send(fd.rawValue, id, result, 0, 0)
        }
    }

    /// Lets the host kernel run the call.
    public func answerNative(_ id: UInt64) { _ = chost_notification_send(fd.rawValue, id, 0, 0, 1) }

    /// Puts `descriptor` into the caller's table at `number`.
    public func addDescriptor(_ id: UInt64, _ descriptor: Int32, at number: Int32) throws(HostErrno) {
        let result = chost_notification_add_fd(fd.rawValue, id, descriptor, number)
        if result < 0 { throw HostErrno(Int32(-result)) }
    }
}

/// Starts the zygote (see CHost.h).
public func startZygote(image: Int32, slots: Int32, descriptorLimit: UInt64) throws(HostErrno) -> Int32 {
    let result = chost_start_zygote(image, slots, descriptorLimit)
    if result < 0 { throw HostErrno(Int32(-result)) }
    return Int32(result)
}

/// Stores to and loads from a word that a guest shares.
public func storeRelease(_ word: UnsafeMutablePointer<UInt32>, _ value: UInt32) { chost_store_release(word, value) }
public func loadAcquire(_ word: UnsafeMutablePointer<UInt32>) -> UInt32 { chost_load_acquire(word) }
