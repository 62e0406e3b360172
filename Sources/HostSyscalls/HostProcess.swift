// Processes of ours: the sentry and the gofers, started by the runtime.
internal import CHost

/// A child process: its id and a descriptor that names it for as long as it is open.
public struct HostProcess: ~Copyable {
    public let pid: Int32
    public let descriptor: HostFD

    /// Namespaces of a new process (clone(2)).
    public struct Namespaces: OptionSet, Sendable {
        public let rawValue: UInt64

        public init(rawValue: UInt64) { self.rawValue = rawValue }

        public static let mount = Namespaces(rawValue: 0x0002_0000)
        public static let uts = Namespaces(rawValue: 0x0400_0000)
        public static let ipc = Namespaces(rawValue: 0x0800_0000)
        public static let user = Namespaces(rawValue: 0x1000_0000)
        public static let pid = Namespaces(rawValue: 0x2000_0000)
        public static let network = Namespaces(rawValue: 0x4000_0000)
    }

    /// Starts `executable` with `descriptors` as its 0, 1, 2 …, nothing else open, no environment, in a session of its own. It dies
    /// with the calling thread. If `gate` is given, it waits for one byte from there first.
    ///
    /// - Throws: the host's error of the clone. A failing exec shows as exit status 111.
    public static func start(
        executable: borrowing HostFD, arguments: [String], descriptors: [Int32], namespaces: Namespaces, gate: Int32? = nil
    ) throws(HostErrno) -> HostProcess {
        var pidfd: Int32 = -1
        let result = withCStrings(arguments) { pointers in
            descriptors.withUnsafeBufferPointer { numbers in
                var request = chost_spawn(
                    namespaces: namespaces.rawValue, executable: executable.rawValue, arguments: pointers, descriptors: numbers.baseAddress,
                    descriptor_count: numbers.count, start_gate: gate ?? -1)
                return chost_spawn(&request, &pidfd)
            }
        }
        guard result > 0 else { throw HostErrno(Int32(-result)) }
        return HostProcess(pid: Int32(result), descriptor: HostFD(owning: pidfd))
    }

    /// Sends it a signal; one that has ended is no error.
    public borrowing func signal(_ number: Int32) {
        _ = rawHostCall(HostSyscall.pidfd_send_signal, Int(descriptor.rawValue), Int(number), 0, 0)
    }

    /// Its wait status if it has ended; takes it off the kernel's table, so this answers once.
    public borrowing func reap(waits: Bool) -> Int32? {
        var status: Int32 = 0
        while true {
            let result = withUnsafeMutablePointer(to: &status) {
                rawHostCall(HostSyscall.wait4, Int(pid), Int(bitPattern: $0), waits ? 0 : 1, 0)
            }
            if result == Int(pid) { return status }
            if result != -4 { return nil }
        }
    }
}

/// Calls `body` with a NULL-terminated array of C strings.
private func withCStrings<T>(_ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> T) -> T {
    var storage: [CChar] = []
    var offsets: [Int] = []
    for string in strings {
        offsets.append(storage.count)
        storage.append(contentsOf: string.utf8CString)
    }
    return storage.withUnsafeMutableBufferPointer { characters in
        var pointers: [UnsafeMutablePointer<CChar>?] = offsets.map { offset in characters.baseAddress.map { $0 + offset } }
        pointers.append(nil)
        return pointers.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("the array has its NULL at least") }
            return body(base)
        }
    }
}
