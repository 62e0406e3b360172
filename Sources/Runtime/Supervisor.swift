// The supervisor: outside of the cage, it starts the others, passes signals in and the exit status out, and ends everything when the
// sentry ends. It treats the sentry as hostile.
import Control
import Glibc
import HostSyscalls
import LinuxABI

/// Runs one sandbox from start to end, on the calling thread.
public final class Supervisor {
    /// Signals that are passed in. SIGCHLD is not ours to pass; SIGKILL and SIGSTOP cannot be.
    private static let passedSignals: [Int32] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGTSTP, SIGWINCH]
    /// How long a sentry has to end by itself once it was told to.
    private static let graceNanoseconds: UInt64 = 300_000_000

    private let options: RunOptions
    private let executablePath: String
    private var firstStatus: Int32?
    private var failure: RuntimeFailure?
    private var timedOut = false
    private var linkIsOpen = true
    private let outside = SavedTerminal()

    /// `executablePath` is what is started in the roles of ``ProcessRole``: this program itself.
    public init(_ options: RunOptions, executablePath: String = "/proc/self/exe") {
        self.options = options
        self.executablePath = executablePath
    }

    /// The exit status for the shell: the command's own, 128 and the signal that ended it, or one of ``RuntimeFailure``'s.
    ///
    /// - Throws: what kept the sandbox from starting or going on.
    public func run() throws(RuntimeFailure) -> Int32 {
        let caller = Caller.current()
        let privilege = Privilege.detect()
        let plan = try MountPlan(options, caller: caller, privilege: privilege)
        let root = try StateRoot.forCaller()
        let state = try StateDirectory(root, name: options.name)
        defer { state.remove() }
        let signals = try SignalInbox(Supervisor.passedSignals)
        let launch = Launch(
            options: options, plan: plan, caller: caller, privilege: privilege, users: privilege == .root ? HostUsers.take(root) : nil,
            executable: try open(executablePath, flags: 0, what: "this program"), log: try openLog(state),
            null: try open("/dev/null", flags: 0o2, what: "/dev/null"),
            control: SharedHostFD(try ControlSocket.listen(in: state.path)), trace: try openTrace())
        let processes = try launch.start()
        plan.releaseDescriptors()
        defer { end(processes) }
        try state.write(
            SandboxState(
                id: state.id, supervisor: getpid(), sentry: processes.sentry.pid, started: HostClock.realtime.seconds,
                command: options.command.map(text), log: options.logFile.map(text) ?? state.logPath))
        let sentryStatus = watch(processes, signals)
        outside.restore()
        return try conclude(sentryStatus, root, state)
    }

    // MARK: Files

    private func open(_ path: String, flags: Int, what: String) throws(RuntimeFailure) -> SharedHostFD {
        do throws(Errno) { return SharedHostFD(try HostPath.open(path, flags: flags)) } catch { throw RuntimeFailure(what, error) }
    }

    private func openLog(_ state: StateDirectory) throws(RuntimeFailure) -> SharedHostFD {
        // O_WRONLY | O_CREAT | O_APPEND
        try open(options.logFile.map(text) ?? state.logPath, flags: 0o1 | 0o100 | 0o2000, what: "log file")
    }

    private func openTrace() throws(RuntimeFailure) -> SharedHostFD? {
        guard let file = options.traceFile else { return nil }
        if !file.isEmpty { return try open(text(file), flags: 0o1 | 0o100 | 0o1000 | 0o2000, what: "trace file \(text(file))") }
        do throws(HostErrno) { return SharedHostFD(try StreamDonation.prepare(2)) } catch {
            throw RuntimeFailure("--strace: standard error", error.guestErrno)
        }
    }

    // MARK: The loop

    /// Passes signals in and hears reports until the sentry has ended; its wait status.
    private func watch(_ processes: borrowing SandboxProcesses, _ signals: SignalInbox) -> Int32 {
        var deadline = options.timeoutSeconds.map { HostClock.monotonic + UInt64($0 * 1e9) }
        var goferCount = processes.gofers.count
        while true {
            // A link whose other end is gone would always be ready; poll(2) passes over negative descriptors.
            let link = linkIsOpen ? processes.link.rawValue : -1
            var entries = [processes.sentry.descriptor.rawValue, link, signals.descriptor].map { PollEntry($0) }
            entries.append(contentsOf: processes.gofers.prefix(goferCount).map { PollEntry($0.process.descriptor.rawValue) })
            let now = HostClock.monotonic
            PollEntry.wait(&entries, nanoseconds: deadline.map { $0 > now ? $0 - now : 0 })
            if entries[1].isReady { hear(processes) }
            if entries[2].isReady {
                for signal in signals.take() { pass(signal, to: processes) }
            }
            if entries[0].isReady, let status = processes.sentry.reap(waits: false) {
                hear(processes)
                return status
            }
            if goferCount > 0, entries[3...].contains(where: \.isReady) {
                // Expected once the sentry has let go of its sockets; before that the sandbox has lost its files.
                goferCount = 0
                hear(processes)
                if failure != nil || firstStatus != nil || !linkIsOpen { continue }
                failure = RuntimeFailure("a gofer has ended unexpectedly: the sandbox has lost its files")
                tell(.end, processes)
                deadline = HostClock.monotonic + Supervisor.graceNanoseconds
            }
            if let end = deadline, HostClock.monotonic >= end {
                if timedOut || failure != nil {
                    processes.sentry.signal(SIGKILL)
                    deadline = nil
                } else {
                    timedOut = true
                    tell(.end, processes)
                    deadline = HostClock.monotonic + Supervisor.graceNanoseconds
                }
            }
        }
    }

    private func tell(_ request: SupervisorRequest, _ processes: borrowing SandboxProcesses) {
        try? HostSocket.send(processes.link.rawValue, request.encoded(), waits: false)
    }

    private func pass(_ signal: Int32, to processes: borrowing SandboxProcesses) {
        tell(.signal(signal), processes)
    }

    /// Takes every report that is there.
    private func hear(_ processes: borrowing SandboxProcesses) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ControlLimits.message, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            // MSG_DONTWAIT
            let count = rawHostCall(
                HostSyscall.recvfrom, Int(processes.link.rawValue), Int(bitPattern: buffer.baseAddress), buffer.count, 0x40, 0, 0)
            if count == -4 { continue }
            guard count > 0 else {
                linkIsOpen = count == -11
                return
            }
            guard let report = try? SentryReport(decoding: Array(buffer[..<count])) else {
                failure = RuntimeFailure("the sentry sent a message that makes no sense")
                processes.sentry.signal(SIGKILL)
                return
            }
            take(report, processes)
        }
    }

    private func take(_ report: SentryReport, _ processes: borrowing SandboxProcesses) {
        switch report {
        case .started: break
        case .startFailed(let errno, let text): failure = RuntimeFailure(starting: options.command[0], Errno(errno), text)
        case .exited(let status): firstStatus = status
        case .stopped: stopWithFirst(processes)
        case .text(let text): write(2, text.hasSuffix("\n") ? text : text + "\n")
        case .failed(let text): failure = RuntimeFailure(text.printable + HostProbe.whatIsMissing().map { " (\($0))" }.joined())
        }
    }

    /// The first process has been stopped (Ctrl-Z): so does this one, so that the caller's shell notices; SIGCONT resumes both. Not
    /// without a person at a terminal, and not when there is a timeout to keep: a program must not hold up its supervisor by stopping itself.
    private func stopWithFirst(_ processes: borrowing SandboxProcesses) {
        guard options.timeoutSeconds == nil, SavedTerminal.isForeground else { return }
        let inside = SavedTerminal()
        outside.restore()
        kill(getpid(), SIGSTOP)
        inside.restore()
        tell(.signal(SIGCONT), processes)
    }

    // MARK: The end

    private func conclude(_ sentryStatus: Int32, _ root: StateRoot, _ state: StateDirectory) throws(RuntimeFailure) -> Int32 {
        if timedOut { return RuntimeFailure.timedOut }
        if let failure { throw failure }
        if let firstStatus { return WaitStatus.exitStatus(firstStatus) }
        let log = options.logFile.map(text) ?? root.keepCrashLog(state.logPath, of: state.id) ?? "none"
        throw RuntimeFailure(
            "the sentry died unexpectedly (\(WaitStatus.description(sentryStatus))); nothing of the sandbox is left; log: \(log)")
    }

    private func end(_ processes: borrowing SandboxProcesses) {
        processes.sentry.signal(SIGKILL)
        _ = processes.sentry.reap(waits: true)
        for gofer in processes.gofers { gofer.process.signal(SIGKILL) }
        for gofer in processes.gofers { _ = gofer.process.reap(waits: true) }
    }

    private func write(_ descriptor: Int32, _ text: String) { try? HostPath.write(descriptor, Array(text.printable.utf8)) }
}

/// Wait statuses, as wait(2) has them.
public enum WaitStatus {
    /// As a shell shows it: the exit status, or 128 and the signal.
    public static func exitStatus(_ status: Int32) -> Int32 {
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }

    static func description(_ status: Int32) -> String {
        let signal = status & 0x7f
        if signal == 0 { return "exit status \(status >> 8 & 0xff)" }
        return strsignal(signal).map { String(cString: $0) } ?? "signal \(signal)"
    }
}

/// One descriptor to wait for input on: `struct pollfd`.
struct PollEntry {
    private var raw: pollfd

    init(_ descriptor: Int32) { raw = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0) }

    var isReady: Bool { raw.revents != 0 }

    /// Waits until one is ready, `nanoseconds` have passed (nil: for ever), or a signal came.
    static func wait(_ entries: inout [PollEntry], nanoseconds: UInt64?) {
        var time = timespec()
        time.tv_sec = Int((nanoseconds ?? 0) / 1_000_000_000)
        time.tv_nsec = Int((nanoseconds ?? 0) % 1_000_000_000)
        entries.withUnsafeMutableBytes { buffer in
            withUnsafePointer(to: &time) { time in
                let limit = nanoseconds == nil ? 0 : Int(bitPattern: time)
                _ = rawHostCall(
                    HostSyscall.ppoll, Int(bitPattern: buffer.baseAddress), buffer.count / MemoryLayout<PollEntry>.stride, limit, 0, 8)
            }
        }
    }
}

/// Blocked signals, received as data.
final class SignalInbox {
    private let file: HostFD
    private let previous: sigset_t

    var descriptor: Int32 { file.rawValue }

    init(_ signals: [Int32]) throws(RuntimeFailure) {
        var set = sigset_t(), old = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        // A terminal that we are not in the foreground of must not stop us when its modes are put back.
        sigaddset(&set, SIGTTOU)
        sigprocmask(SIG_BLOCK, &set, &old)
        previous = old
        sigdelset(&set, SIGTTOU)
        // SFD_CLOEXEC | SFD_NONBLOCK
        let result = withUnsafePointer(to: &set) {
            rawHostCall(HostSyscall.signalfd4, -1, Int(bitPattern: $0), 8, 0o2000000 | 0o4000)
        }
        guard result >= 0 else { throw RuntimeFailure("signalfd", Errno(Int32(truncatingIfNeeded: -result))) }
        file = HostFD(owning: Int32(truncatingIfNeeded: result))
    }

    deinit {
        var old = previous
        sigprocmask(SIG_SETMASK, &old, nil)
    }

    /// The signals that have come, oldest first.
    func take() -> [Int32] {
        var signals: [Int32] = []
        // struct signalfd_siginfo: 128 bytes, the number first.
        withUnsafeTemporaryAllocation(byteCount: 128 * 16, alignment: 8) { buffer in
            let count = rawHostCall(HostSyscall.read, Int(file.rawValue), Int(bitPattern: buffer.baseAddress), buffer.count)
            guard count > 0 else { return }
            for offset in stride(from: 0, to: count, by: 128) {
                signals.append(Int32(buffer.load(fromByteOffset: offset, as: UInt32.self)))
            }
        }
        return signals
    }
}

/// The caller's terminal, put back as it was when a program inside left it changed.
struct SavedTerminal {
    private var modes: termios?

    init() {
        var modes = termios()
        if tcgetattr(0, &modes) == 0 { self.modes = modes }
    }

    /// Whether the caller's job is the one that the person at the terminal sees.
    static var isForeground: Bool { tcgetpgrp(0) == getpgrp() }

    func restore() {
        guard var modes, SavedTerminal.isForeground else { return }
        tcsetattr(0, TCSADRAIN, &modes)
    }
}
