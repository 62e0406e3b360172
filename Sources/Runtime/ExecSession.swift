// `sandbox exec`: a program in a running sandbox, with this terminal, until it ends.
import Control
import Glibc
import HostSyscalls
import LinuxABI

public struct ExecSession {
    private let root: StateRoot
    private let sandbox: SandboxState

    public init(root: StateRoot, sandbox: SandboxState) {
        self.root = root
        self.sandbox = sandbox
    }

    /// The exit status for the shell.
    ///
    /// - Precondition: the request names a command.
    public func run(_ request: ExecRequest) throws(RuntimeFailure) -> Int32 {
        var request = request
        request.environment = Caller.environment(request.environment, passesDefaults: false)
        let signals = try SignalInbox([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])
        let terminal = SavedTerminal()
        let client = try ControlClient(root: root, id: sandbox.id)
        for number in Int32(0)..<3 {
            let stream = try prepared(number)
            try client.send(.stream(UInt8(number)), descriptor: stream.rawValue)
            _ = consume stream
        }
        let pid: Int32
        switch try client.ask(.exec(request)) {
        case .started(let started): pid = started
        case .failed(let errno, let text):
            throw RuntimeFailure(starting: request.arguments[0], Errno(errno), text)
        default: throw RuntimeFailure("the sentry sent a message that makes no sense")
        }
        let status = try wait(client, pid, signals)
        terminal.restore()
        return WaitStatus.exitStatus(status)
    }

    private func prepared(_ number: Int32) throws(RuntimeFailure) -> HostFD {
        do throws(HostErrno) { return try StreamDonation.prepare(number) } catch {
            throw RuntimeFailure("descriptor \(number)", error.guestErrno)
        }
    }

    private func wait(_ client: borrowing ControlClient, _ pid: Int32, _ signals: SignalInbox) throws(RuntimeFailure) -> Int32 {
        // Waiting holds its connection; signals go over another.
        let second = try ControlClient(root: root, id: sandbox.id)
        try client.send(.wait(pid: pid))
        while true {
            var entries = [PollEntry(client.descriptor), PollEntry(signals.descriptor)]
            PollEntry.wait(&entries, nanoseconds: nil)
            if entries[1].isReady {
                for signal in signals.take() { _ = try? second.ask(.kill(.process(pid), signal: signal)) }
            }
            guard entries[0].isReady else { continue }
            switch try client.receive() {
            case .exited(let status): return status
            case .failed(let errno, let text): throw RuntimeFailure(controlError: errno, text)
            default: throw RuntimeFailure("the sentry sent a message that makes no sense")
            }
        }
    }
}
