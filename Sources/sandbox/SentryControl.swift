// What `sandbox ps`, `exec` and `kill` ask of a running sentry.
import Control
import Filesystems
import HostSyscalls
import Kernel
import LinuxABI
import VFS

/// Serves the control socket: its threads take the kernel lock for each request.
final class SentryControl: ControlDelegate, @unchecked Sendable {
    private unowned let sentry: Sentry
    /// Wait statuses of processes that `exec` started. Guarded by the kernel lock.
    private var executed: [Int32: Executed] = [:]

    private final class Executed {
        let ended = HostSemaphore()
        var status: Int32?
    }

    init(_ sentry: Sentry) { self.sentry = sentry }

    func processes() -> [ProcessRecord] {
        sentry.kernel.withLock {
            sentry.kernel.processes.values.sorted { $0.pid < $1.pid }.map { process in
                var arguments: [[UInt8]] = []
                if let leader = process.leader, !process.isZombie, !process.argumentArea.isEmpty {
                    let count = min(process.argumentArea.count, 8192)
                    let bytes = (try? leader.memory.copyIn(UserAddress(process.argumentArea.lowerBound), count: count)) ?? []
                    arguments = bytes.split(separator: 0).map(Array.init)
                }
                return ProcessRecord(
                    pid: process.pid, parent: process.parent?.pid ?? 0, uid: process.leader?.credentials.uid ?? process.lastUID,
                    state: UInt8(ascii: process.isZombie ? "Z" : process.isStopped ? "T" : "S"), threadCount: UInt32(process.tasks.count),
                    arguments: arguments)
            }
        }
    }

    func start(_ request: ExecRequest, streams: [Int32]) throws(ControlFailure) -> Int32 {
        let answered = HostSemaphore()
        nonisolated(unsafe) var outcome: Result<Int32, Errno> = .failure(.EIO)
        let kernel = sentry.kernel
        kernel.withLock {
            let program = sentry.configuration.program
            guard let root = sentry.namespace?.root,
                let donated = try? StandardStreams(
                    streams.map { $0 < 0 ? nil : SharedHostFD(HostFD(owning: $0)) }, kernel: kernel, poller: sentry.poller,
                    terminals: sentry.terminals, uid: request.user ?? program.uid, gid: request.group ?? program.gid)
            else {
                answered.post()
                return
            }
            let spec = sentry.spec(
                request.arguments, request.environment + program.environment, request.workingDirectory ?? program.workingDirectory,
                request.user ?? program.uid, request.group ?? program.gid, donated.descriptions, root,
                terminal: donated.terminal)
            kernel.startProcess(spec) { result in
                switch result {
                case .success(let process):
                    let record = Executed()
                    self.executed[process.pid] = record
                    donated.terminal?.session = process.session
                    donated.terminal?.foregroundGroup = process.processGroup
                    let terminals = self.sentry.terminals
                    // Not `donated` itself: the caller reads to the end of its pipe, which comes when the streams are let go.
                    let terminal = donated.terminal
                    process.ended = { status in
                        if let terminal { terminals.remove(terminal) }
                        record.status = status
                        record.ended.post()
                    }
                    outcome = .success(process.pid)
                case .failure(let failure): outcome = .failure(failure.errno)
                }
                answered.post()
            }
        }
        answered.wait()
        switch outcome {
        case .success(let pid): return pid
        case .failure(let error): throw ControlFailure(errno: error.rawValue)
        }
    }

    func signal(_ target: SignalTarget, _ signal: Int32) throws(ControlFailure) {
        guard (1...64).contains(signal) else { throw ControlFailure(errno: Errno.EINVAL.rawValue) }
        let kernel = sentry.kernel
        let found = kernel.withLock {
            let targets: [ThreadGroup]
            switch target {
            case .first: targets = kernel.initProcess.map { [$0] } ?? []
            case .all: targets = kernel.processes.values.filter { !$0.isZombie }
            case .process(let pid): targets = kernel.processes[pid].map { [$0] } ?? []
            }
            for process in targets { try? process.send(SignalInfo(signal: signal, code: 0x80)) }
            return !targets.isEmpty
        }
        if !found { throw ControlFailure(errno: Errno.ESRCH.rawValue) }
    }

    func statistics() -> String { sentry.kernel.withLock { sentry.statistics() } }

    func wait(pid: Int32) throws(ControlFailure) -> Int32 {
        guard let record = sentry.kernel.withLock({ executed[pid] }) else { throw ControlFailure(errno: Errno.ECHILD.rawValue) }
        record.ended.wait()
        return sentry.kernel.withLock {
            executed[pid] = nil
            return record.status ?? 0
        }
    }
}
