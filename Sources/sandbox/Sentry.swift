// Assembles a sentry from its configuration: kernel, file systems, platform, first process.
import Auth
import Control
import Filesystems
import HostSyscalls
import Kernel
import LinuxABI
import Platform
import PlatformSystrap
import Primitives
import Syscalls
import Trace
import VFS

/// Runs a sandbox until its first process has ended. Never returns.
func runSentry(_ configuration: SentryConfiguration, _ link: SupervisorLink) -> Never {
    let sentry = Sentry(configuration, link)
    sentry.run()
}

/// The sentry process.
final class Sentry: @unchecked Sendable {
    let configuration: SentryConfiguration
    let kernel: Kernel
    let supervisor: SupervisorLink
    private(set) var platform: SystrapPlatform?
    private(set) var terminal: HostTerminal?
    let terminals = TerminalRegistry()
    private(set) var namespace: MountNamespace?
    private(set) var poller: HostPoller?
    private var control: ControlServer?
    let start = HostClock.monotonic

    init(_ configuration: SentryConfiguration, _ link: SupervisorLink) {
        self.configuration = configuration
        supervisor = link
        kernel = Kernel(dispatch: dispatchSyscall)
        kernel.log = { line in writeLog("sentry: " + line) }
    }

    func run() -> Never {
        do {
            try assemble()
        } catch let failure as MountFailure {
            fail(failure.text)
        } catch {
            fail("\(error)")
        }
        guard let platform else { fail("no platform") }
        platform.receiveForever()
    }

    private func assemble() throws {
        if configuration.traces && configuration.descriptors.trace >= 0 {
            kernel.tracer = SyscallTracer(output: configuration.descriptors.trace)
        }
        kernel.lock.lock()
        defer { kernel.lock.unlock() }
        do throws(HostErrno) {
            platform = try SystrapPlatform(lock: kernel.lock, delegate: kernel, routes: routes())
        } catch {
            fail("the systrap platform cannot start: \(error); see `sandbox doctor`")
        }
        guard let platform else { return }

        let poller = try HostPoller { [kernel] body in kernel.withLock(body) }
        self.poller = poller
        let program = configuration.program
        let streams = try StandardStreams(
            configuration.descriptors.streams.map { $0 < 0 ? nil : SharedHostFD(HostFD(owning: $0)) }, kernel: kernel, poller: poller,
            terminals: terminals, uid: program.uid, gid: program.gid)
        terminal = streams.terminal

        let host = configuration.hostFacts
        var mounts = SentryMounts(
            kernel: kernel,
            facts: SandboxFacts(
                cpus: host.cpus, hostCPUInfo: host.cpuInfo, memoryTotal: host.memoryTotal, memoryAvailable: host.memoryTotal),
            terminals: terminals, goferSockets: configuration.descriptors.gofers)
        for mount in configuration.mounts { try mounts.mount(mount) }
        for directory in configuration.directories { mounts.makeDirectory(directory) }
        namespace = mounts.namespace
        guard let root = mounts.namespace.root else { fail("the configuration mounts nothing") }
        if !configuration.hostName.isEmpty { kernel.hostName = configuration.hostName }

        kernel.initExited = { [weak self] status in self?.end(status) }
        kernel.initStopped = { [supervisor] signal in supervisor.report(.stopped(signal: signal)) }
        kernel.start(on: platform)
        poller.start()
        HostThread.start("reaper") { platform.reapForever() }
        startFirstProcess(streams.descriptions, root: root)

        HostThread.start("supervisor") { [self] in
            supervisor.serveForever { request in self.handle(request) }
        }
        if configuration.descriptors.control >= 0 {
            let server = ControlServer(listener: configuration.descriptors.control, delegate: SentryControl(self))
            control = server
            server.start()
        }
    }

    /// What the filter does, by number.
    private func routes() -> [SyscallRoute] {
        (0..<UInt64(SyscallNumber.count)).map { number in
            switch syscallClass(number) {
            case .trap: .trap
            case .express, .notify: .notify
            case .native: .native
            }
        }
    }

    private func startFirstProcess(_ files: [FileDescription?], root: VFSPath) {
        let program = configuration.program
        kernel.startProcess(
            spec(
                program.arguments, program.environment, program.workingDirectory, program.uid, program.gid, files, root,
                terminal: terminal)
        ) { [self] result in
            switch result {
            case .success(let process):
                terminal?.session = process.session
                terminal?.foregroundGroup = process.processGroup
                supervisor.report(.started)
            case .failure(let failure):
                var text = ""
                if case .workingDirectory = failure { text = "workdir " + String(decoding: program.workingDirectory, as: UTF8.self) }
                supervisor.report(.startFailed(errno: failure.errno.rawValue, text: text))
                exitProcess(1)
            }
        }
    }

    func spec(
        _ arguments: [[UInt8]], _ environment: [[UInt8]], _ workingDirectory: [UInt8], _ uid: UInt32, _ gid: UInt32,
        _ files: [FileDescription?], _ root: VFSPath, terminal: HostTerminal?
    ) -> ProcessSpec {
        let bits = Capabilities(rawValue: configuration.program.capabilities)
        let privileges: Capabilities = uid == 0 ? bits : []
        let credentials = Credentials(
            uid: uid, euid: uid, suid: uid, fsuid: uid, gid: gid, egid: gid, sgid: gid, fsgid: gid, groups: configuration.program.groups,
            permitted: privileges, effective: privileges, bounding: bits)
        var limits = ResourceLimits()
        for limit in configuration.limits where Int(limit.resource) < limits.values.count {
            limits.values[Int(limit.resource)] = ResourceLimits.Limit(soft: limit.soft, hard: limit.hard)
        }
        return ProcessSpec(
            arguments: arguments, environment: environment, credentials: credentials, root: root, workingDirectory: workingDirectory,
            limits: limits, files: files, controllingTerminal: terminal)
    }

    // MARK: The supervisor's requests

    private func handle(_ request: SupervisorRequest) {
        switch request {
        case .signal(let number): kernel.withLock { forward(number) }
        case .end: kernel.withLock { kernel.initProcess?.exitGroup(status: Signal.SIGKILL) }
        }
    }

    /// A signal from outside. SI_KERNEL: the first process dies of it unless it has a handler.
    private func forward(_ number: Int32) {
        let info = SignalInfo(signal: number, code: 0x80)
        let toTerminal = [Signal.SIGINT, Signal.SIGQUIT, Signal.SIGTSTP, Signal.SIGWINCH].contains(number)
        if toTerminal, let terminal, terminal.foregroundGroup > 0 {
            terminal.signalForeground(number)
        } else {
            try? kernel.initProcess?.send(info)
        }
    }

    // MARK: The end

    /// The first process has ended: the report goes out, and the process with its pid namespace ends.
    private func end(_ status: Int32) {
        if configuration.reportsStatistics { supervisor.report(.text(statistics())) }
        supervisor.report(.exited(waitStatus: status))
        exitProcess(0)
    }

    /// What was let through to the host, by number and reason: `--stats`.
    func statistics() -> String {
        guard let platform else { return "" }
        var lines = ["notifications \(platform.notifications)"]
        for (number, count) in platform.nativeCalls.sorted(by: { $0.key < $1.key }) {
            let reason = SyscallNumber.nativeReason(of: number) ?? "no reason in the table"
            lines.append("native \(SyscallNumber.name(of: number) ?? String(number)) \(count): \(reason)")
        }
        for (number, count) in platform.orderedCalls.sorted(by: { $0.key < $1.key }) {
            lines.append("ordered \(SyscallNumber.name(of: number) ?? String(number)) \(count)")
        }
        for (number, count) in kernel.missingSyscalls.counts.enumerated() where count > 0 {
            lines.append("missing \(SyscallNumber.name(of: UInt64(number)) ?? String(number)) \(count)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func fail(_ text: String) -> Never {
        supervisor.report(.failed(text))
        writeLog("sentry: " + text)
        exitProcess(1)
    }
}

/// Ends this process at once: as pid 1 of its namespace it takes every guest process along.
func exitProcess(_ status: Int) -> Never {
    while true { _ = rawHostCall(HostSyscall.exit_group, status) }
}

/// One line to descriptor 2, the log.
func writeLog(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { bytes in _ = rawHostCall(HostSyscall.write, 2, Int(bitPattern: bytes.baseAddress), bytes.count) }
}
