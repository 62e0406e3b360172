// A sentry that plays a script instead of running a program: `FakeSentry run [--timeout N] SCRIPT [WORD…]` starts a sandbox whose
// "command" is the script. What is real: supervisor, namespaces, cage, gofers' start, messages.
import Control
import Glibc
import HostSyscalls
import LinuxABI
import Runtime

func sentry() -> Never {
    guard let configuration = try? RoleConfiguration.sentry() else { exit(97) }
    let link = SupervisorLink(socket: configuration.descriptors.supervisor)
    do { try Cage.enter(configuration.cage) } catch {
        link.report(.failed(error.message))
        exit(96)
    }
    let words = configuration.program.arguments.map { String(decoding: $0, as: UTF8.self) }
    let number = Int32(words.dropFirst().first ?? "") ?? 0
    switch words[0] {
    case "exit":
        link.report(.started)
        link.report(.exited(waitStatus: number << 8))
    case "signalled": link.report(.exited(waitStatus: number))
    case "die": exit(9)
    case "missing": link.report(.startFailed(errno: number, text: ""))
    case "nonsense":
        _ = rawHostCall(HostSyscall.write, Int(configuration.descriptors.supervisor), Int(bitPattern: CommandLine.unsafeArgv), 3)
    case "wait":
        link.report(.started)
        link.report(.text("ready"))
        link.serveForever { request in
            switch request {
            case .signal(let signal):
                link.report(.exited(waitStatus: signal))
                exit(0)
            case .end: exit(0)
            }
        }
    case "hang":
        link.report(.text("ready"))
        while true { pause() }
    case "serve":
        let delegate = FakeDelegate(link)
        ControlServer(listener: configuration.descriptors.control, delegate: delegate).start()
        link.report(.text("ready"))
        while true { pause() }
    case "facts":
        link.report(.text(facts(configuration)))
        link.report(.exited(waitStatus: 0))
    case "echo":
        for stream in configuration.descriptors.streams where stream >= 0 {
            var text = "stream\n"
            text.withUTF8 { _ = write(stream, $0.baseAddress, $0.count) }
        }
        link.report(.exited(waitStatus: 0))
    default: link.report(.failed("no such script"))
    }
    exit(0)
}

/// What this process, locked in, can see and do.
func facts(_ configuration: SentryConfiguration) -> String {
    var lines = ["pid=\(getpid())", "parent=\(getppid())"]
    let header: [UInt32] = [0x2008_0522, 0]
    var data = [UInt32](repeating: 1, count: 6)
    _ = header.withUnsafeBytes { header in
        data.withUnsafeMutableBytes {
            rawHostCall(HostSyscall.capget, Int(bitPattern: header.baseAddress), Int(bitPattern: $0.baseAddress))
        }
    }
    lines.append("capabilities=\(data.reduce(0, |))")
    lines.append("identity=\(configuration.cage.identity.map { $0.uid == getuid() && $0.uid != 0 && $0.gid == getgid() } ?? true)")
    lines.append("groups=\(getgroups(0, nil) == 0 || configuration.cage.identity == nil)")
    lines.append("noNewPrivileges=\(rawHostCall(HostSyscall.prctl, 39))")
    lines.append("dumpable=\(rawHostCall(HostSyscall.prctl, 3))")
    lines.append("root=\(names("/"))")
    lines.append("proc=\(names("/proc/self"))")
    lines.append("passwd=\(open("/etc/passwd", O_RDONLY) < 0)")
    lines.append("mkdir=\(mkdir("/new", 0o700) < 0)")
    lines.append("setuid=\(rawHostCall(HostSyscall.setresuid, 12345, 12345, 12345) < 0)")
    lines.append("mount=\(mount("none", "/", "tmpfs", 0, nil) < 0)")
    lines.append("environment=\(environ.pointee == nil)")
    // Its own: 0 to 2, streams, gofers, link, control socket, and the directory that is being read.
    let expected = 3 + configuration.descriptors.streams.count { $0 >= 0 } + configuration.descriptors.gofers.count + 2 + 1
    lines.append("descriptors=\(names("/proc/self/fd").split(separator: " ").count == expected)")
    let file = rawHostCall(HostSyscall.memfd_create, Int(bitPattern: "x".utf8CString.withUnsafeBufferPointer { $0.baseAddress }), 1)
    let twin = open("/proc/self/fd/\(file)", O_RDONLY)
    lines.append("twin=\(twin >= 0)")
    lines.append("mounts=\(configuration.mounts.map { String(decoding: $0.target, as: UTF8.self) }.joined(separator: " "))")
    lines.append("directory=\(String(decoding: configuration.program.workingDirectory, as: UTF8.self))")
    lines.append(
        "variables=\(configuration.program.environment.map { String(decoding: $0, as: UTF8.self) }.sorted().joined(separator: " "))")
    return lines.joined(separator: "\n")
}

func names(_ path: String) -> String {
    guard let directory = opendir(path) else { return "error" }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted().joined(separator: " ")
}

final class FakeDelegate: ControlDelegate {
    let link: SupervisorLink

    init(_ link: SupervisorLink) { self.link = link }

    func processes() -> [ProcessRecord] {
        [ProcessRecord(pid: 1, parent: 0, uid: 7, state: 0x52, threadCount: 3, arguments: [Array("one".utf8), Array("two".utf8)])]
    }

    func start(_ request: ExecRequest, streams: [Int32]) throws(ControlFailure) -> Int32 {
        defer { for stream in streams { close(stream) } }
        if request.arguments[0] == Array("absent".utf8) { throw ControlFailure(errno: ENOENT, text: "absent") }
        var text = request.arguments.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "+") + "\n"
        text.withUTF8 { _ = write(streams[1], $0.baseAddress, $0.count) }
        return 5
    }

    func signal(_ target: SignalTarget, _ signal: Int32) throws(ControlFailure) {
        guard target == .first else { throw ControlFailure(errno: ESRCH) }
        link.report(.exited(waitStatus: signal))
        exit(0)
    }

    func statistics() -> String { "none" }

    func wait(pid: Int32) throws(ControlFailure) -> Int32 {
        guard pid == 5 else { throw ControlFailure(errno: ECHILD) }
        return 42 << 8
    }
}

/// Waits until the supervisor closes the socket: this gofer serves nothing.
func gofer() -> Never {
    guard let launch = try? RoleConfiguration.gofer(), (try? Cage.enter(launch.cage)) != nil else { exit(98) }
    var byte: UInt8 = 0
    while read(launch.socket, &byte, 1) > 0 {}
    exit(0)
}

func leave(_ failure: RuntimeFailure) -> Never {
    var line = "sandbox: \(failure.message)\n"
    line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    exit(failure.exitStatus)
}

func run(_ words: [String]) -> Never {
    var options = RunOptions(command: [])
    var rest = words[...]
    while let word = rest.first, word.hasPrefix("--") {
        rest.removeFirst()
        let value = rest.popFirst() ?? ""
        switch word {
        case "--timeout": options.timeoutSeconds = Double(value)
        case "--name": options.name = value
        case "--bind": options.binds.append(contentsOf: [RunOptions.Bind(Array(value.utf8))].compactMap { $0 })
        case "--env": options.environment.append(Array(value.utf8))
        default: exit(95)
        }
    }
    options.command = rest.map { Array($0.utf8) }
    do { exit(try Supervisor(options).run()) } catch {
        leave(error)
    }
}

let words = Array(CommandLine.arguments.dropFirst())
switch words.first {
case ProcessRole.sentry.rawValue: sentry()
case ProcessRole.gofer.rawValue: gofer()
case "run": run(Array(words.dropFirst()))
case "exec":
    do throws(RuntimeFailure) {
        let root = try StateRoot.forCaller()
        let request = ExecRequest(arguments: words.dropFirst(2).map { Array($0.utf8) })
        exit(try ExecSession(root: root, sandbox: try root.find(words[1])).run(request))
    } catch {
        leave(error)
    }
default: exit(94)
}
