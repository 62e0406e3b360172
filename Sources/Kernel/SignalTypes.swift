import LinuxABI

/// Signal numbers that the kernel itself deals with (signal(7), x86-64).
public enum Signal {
    public static let SIGHUP: Int32 = 1
    public static let SIGINT: Int32 = 2
    public static let SIGQUIT: Int32 = 3
    public static let SIGILL: Int32 = 4
    public static let SIGTRAP: Int32 = 5
    public static let SIGABRT: Int32 = 6
    public static let SIGBUS: Int32 = 7
    public static let SIGFPE: Int32 = 8
    public static let SIGKILL: Int32 = 9
    public static let SIGSEGV: Int32 = 11
    public static let SIGPIPE: Int32 = 13
    public static let SIGALRM: Int32 = 14
    public static let SIGTERM: Int32 = 15
    public static let SIGCHLD: Int32 = 17
    public static let SIGCONT: Int32 = 18
    public static let SIGSTOP: Int32 = 19
    public static let SIGTSTP: Int32 = 20
    public static let SIGTTIN: Int32 = 21
    public static let SIGTTOU: Int32 = 22
    public static let SIGURG: Int32 = 23
    public static let SIGXCPU: Int32 = 24
    public static let SIGWINCH: Int32 = 28
    public static let SIGSYS: Int32 = 31

    /// A mask's bit for `signal`, which is 1 to 64.
    public static func bit(_ signal: Int32) -> UInt64 { 1 << UInt64(signal - 1) }

    /// SIGKILL and SIGSTOP cannot be blocked, caught or ignored.
    public static let unblockable = bit(SIGKILL) | bit(SIGSTOP)
    static let stopping = bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU)
    static let ignoredByDefault = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH)
    /// Faults: delivered first, and fatal if blocked.
    static let synchronous = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGFPE) | bit(SIGSYS)
    /// Whose default action dumps core (we never do; the status says so only if a dump was written).
    static let isRealtime = 32
}

/// `struct sigaction` of the kernel.
public struct SignalAction: BitwiseCopyable, Sendable {
    public static let byDefault: UInt64 = 0
    public static let ignore: UInt64 = 1
    public static let SA_NOCLDSTOP: UInt64 = 1
    public static let SA_NOCLDWAIT: UInt64 = 2
    public static let SA_SIGINFO: UInt64 = 4
    public static let SA_ONSTACK: UInt64 = 0x0800_0000
    public static let SA_RESTART: UInt64 = 0x1000_0000
    public static let SA_NODEFER: UInt64 = 0x4000_0000
    public static let SA_RESETHAND: UInt64 = 0x8000_0000
    public static let SA_RESTORER: UInt64 = 0x0400_0000

    public var handler: UInt64 = byDefault
    public var flags: UInt64 = 0
    public var restorer: UInt64 = 0
    public var mask: UInt64 = 0

    public init() {}
}

/// The actions of a process (Linux's `sighand_struct`).
public final class SignalActions {
    private var actions = [SignalAction](repeating: SignalAction(), count: 64)

    /// The action of `signal`, 1 to 64.
    public subscript(signal: Int32) -> SignalAction {
        get { actions[Int(signal) - 1] }
        set { actions[Int(signal) - 1] = newValue }
    }

    func copy() -> SignalActions {
        let copy = SignalActions()
        copy.actions = actions
        return copy
    }

    /// execve(2): handlers go, ignored signals stay ignored.
    func resetForExec() {
        for index in actions.indices {
            let isIgnored = actions[index].handler == SignalAction.ignore
            actions[index] = SignalAction()
            if isIgnored { actions[index].handler = SignalAction.ignore }
        }
    }

    /// Whether a pending `signal` would be dropped: ignored, or ignored by default.
    func discards(_ signal: Int32) -> Bool {
        let handler = self[signal].handler
        return handler == SignalAction.ignore || handler == SignalAction.byDefault && Signal.ignoredByDefault & Signal.bit(signal) != 0
    }
}

/// What a signal carries: the first words of `siginfo_t`, enough to build its 128 bytes.
public struct SignalInfo {
    public var signal: Int32
    /// `si_code`: SI_USER 0, SI_KERNEL 0x80, SI_QUEUE -1, SI_TIMER -2, SI_TKILL -6, CLD_*, SEGV_* …
    public var code: Int32 = 0
    public var errno: Int32 = 0
    /// The 112 bytes after the header, as words of 8.
    public var fields: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// The timer whose expirations it stands for: it tells the overrun when the signal is delivered.
    var timer: IntervalTimer?

    public init(signal: Int32, code: Int32) {
        self.signal = signal
        self.code = code
    }

    /// From kill(2) and kin: the sender's pid and uid.
    public static func sent(_ signal: Int32, code: Int32, pid: Int32, uid: UInt32, value: UInt64 = 0) -> SignalInfo {
        var info = SignalInfo(signal: signal, code: code)
        info.fields.0 = UInt64(UInt32(bitPattern: pid)) | UInt64(uid) << 32
        info.fields.1 = value
        return info
    }

    /// A fault at `address`.
    public static func fault(_ signal: Int32, code: Int32, address: UInt64) -> SignalInfo {
        var info = SignalInfo(signal: signal, code: code)
        info.fields.0 = address
        return info
    }

    /// SIGCHLD: the child's pid, uid and status.
    public static func child(_ signal: Int32, code: Int32, pid: Int32, uid: UInt32, status: Int32) -> SignalInfo {
        var info = SignalInfo.sent(signal, code: code, pid: pid, uid: uid)
        info.fields.1 = UInt64(UInt32(bitPattern: status))
        return info
    }

    /// `siginfo_t`: 128 bytes.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(128)
        func put<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value.littleEndian) { result.append(contentsOf: $0) } }
        put(signal)
        put(errno)
        put(code)
        put(Int32(0))
        put(fields.0)
        put(fields.1)
        put(fields.2)
        put(fields.3)
        result.append(contentsOf: [UInt8](repeating: 0, count: 128 - result.count))
        return result
    }
}

/// Signals that wait for delivery: one of each standard signal, real-time ones queued in order.
struct PendingSignals {
    private(set) var set: UInt64 = 0
    private var queue: [SignalInfo] = []

    /// Most real-time signals that one set holds, whatever RLIMIT_SIGPENDING says.
    static let capacity = 4096

    /// - Parameter limit: RLIMIT_SIGPENDING: how many real-time signals may wait.
    /// - Throws: `EAGAIN` if a real-time signal with a value finds the queue full; one of kill(2) is then merged with a pending one.
    mutating func add(_ info: SignalInfo, limit: UInt64 = .max) throws(Errno) {
        let bit = Signal.bit(info.signal)
        if info.signal < 32 {
            if set & bit != 0 { return }
        } else if queue.count >= Int(clamping: min(limit, UInt64(PendingSignals.capacity))) {
            if info.code != 0 { throw .EAGAIN }
            if set & bit != 0 { return }
        }
        set |= bit
        queue.append(info)
    }

    /// Takes the next signal of `allowed`: faults first, then the lowest number, oldest first.
    mutating func take(_ allowed: UInt64) -> SignalInfo? {
        let candidates = set & allowed
        if candidates == 0 { return nil }
        let urgent = candidates & Signal.synchronous
        let number = Int32((urgent != 0 ? urgent : candidates).trailingZeroBitCount) + 1
        guard let index = queue.firstIndex(where: { $0.signal == number }) else { preconditionFailure("a pending bit without its entry") }
        var info = queue.remove(at: index)
        if let timer = info.timer { timer.completeDelivery(of: &info) }
        if !queue.contains(where: { $0.signal == number }) { set &= ~Signal.bit(number) }
        return info
    }

    mutating func remove(_ signals: UInt64) {
        if set & signals == 0 { return }
        set &= ~signals
        queue.removeAll { signals & Signal.bit($0.signal) != 0 }
    }
}

/// `stack_t`: a thread's alternate signal stack.
public struct SignalStack: Sendable {
    public static let SS_ONSTACK: Int32 = 1
    public static let SS_DISABLE: Int32 = 2
    public static let SS_AUTODISARM: Int32 = Int32(bitPattern: 1 << 31)

    public var base: UInt64 = 0
    public var size: UInt64 = 0
    public var autoDisarms = false
    public var isEnabled: Bool { size != 0 }

    public init() {}

    /// Whether `stackPointer` lies on it.
    public func contains(_ stackPointer: UInt64) -> Bool {
        isEnabled && !autoDisarms && stackPointer > base && stackPointer &- base <= size
    }
}
