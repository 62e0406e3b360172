// `sandbox run`.
import ArgumentParser
import Control
import Runtime

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a command in a new sandbox.",
        discussion: """
            By default the root is a read-only view of this machine's system directories with an in-memory layer above it; the current \
            directory is there too, and what is written to it stays in memory unless --writable names it. Nothing else of the host is \
            visible. Of the environment only PATH, HOME, USER, TERM and LANG pass.

            The exit status is the command's; 128 and the signal's number if a signal ended it; 124 after --timeout; 127 or 126 if the \
            command is not there or cannot be executed; 125 if the sandbox itself failed; 2 for bad usage.
            """)

    @Option(help: ArgumentHelp("The sandbox's name.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("A directory that becomes the root, under an in-memory layer.", valueName: "dir"))
    var rootfs: String?

    @Option(
        name: .customLong("bind"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Shows a host directory or file inside, read-only unless rw is said.", valueName: "src:dst[:ro|rw]"))
    var binds: [String] = []

    @Option(parsing: .unconditionalSingleValue, help: ArgumentHelp("An empty directory in memory.", valueName: "dst[:size=n]"))
    var tmpfs: [String] = []

    @Option(
        parsing: .unconditionalSingleValue, help: ArgumentHelp("A host directory that takes writes, under its own path.", valueName: "dir"))
    var writable: [String] = []

    @Option(help: ArgumentHelp("Where the command starts.", valueName: "dir"))
    var workdir: String?

    @Option(
        parsing: .unconditionalSingleValue, help: ArgumentHelp("A variable, or the name of one that passes.", valueName: "name[=value]"))
    var env: [String] = []

    @Option(help: ArgumentHelp("Who the command is inside.", valueName: "uid[:gid]"))
    var user: String?

    @Option(help: ArgumentHelp("The host name inside.", valueName: "name"))
    var hostname: String = "sandbox"

    @Option(help: ArgumentHelp("Ends everything after so many seconds, with status 124.", valueName: "seconds"))
    var timeout: Double?

    @Option(help: ArgumentHelp("How system calls are caught: auto or systrap.", valueName: "platform"))
    var platform: String = "auto"

    @Option(help: ArgumentHelp("Writes every system call, decoded, to standard error or a file.", valueName: "file"))
    var strace: String?

    @Flag(help: "Reports at the end what the host kernel was asked to do.")
    var stats = false

    @Option(help: ArgumentHelp("The sentry's log.", valueName: "file"))
    var log: String?

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("The command and its arguments.", valueName: "command"))
    var command: [String] = []

    func validate() throws { _ = try makeOptions() }

    func run() throws { throw ExitStatus(rawValue: try Supervisor(try makeOptions()).run()) }

    private func makeOptions() throws -> RunOptions {
        var options = RunOptions(command: try passedCommand(command, of: Self.self))
        options.name = name
        options.rootDirectory = rootfs.map(bytes)
        options.binds = try binds.map { text in
            guard let bind = RunOptions.Bind(bytes(text)) else { throw ValidationError("--bind \(text): SRC:DST[:ro|rw] is wanted") }
            return bind
        }
        options.memoryMounts = try tmpfs.map { text in
            guard let mount = RunOptions.MemoryMount(bytes(text)) else { throw ValidationError("--tmpfs \(text): DST[:size=N] is wanted") }
            return mount
        }
        options.writableDirectories = writable.map(bytes)
        options.workingDirectory = workdir.map(bytes)
        for text in env where text.isEmpty || text.hasPrefix("=") { throw ValidationError("--env \(text): NAME[=VALUE] is wanted") }
        options.environment = env.map(bytes)
        if let user {
            guard let parsed = UserOption.parse(user) else { throw ValidationError("--user \(user): UID[:GID], numbers, is wanted") }
            options.user = parsed.user
            options.group = parsed.group
        }
        guard (1...64).contains(hostname.utf8.count) else { throw ValidationError("--hostname: 1 to 64 characters") }
        options.hostName = bytes(hostname)
        if let timeout {
            guard timeout > 0, timeout < 1e9 else { throw ValidationError("--timeout \(timeout): a positive number of seconds is wanted") }
            options.timeoutSeconds = timeout
        }
        switch platform {
        case "auto": options.platform = .automatic
        case "systrap": options.platform = .systrap
        default: throw ValidationError("--platform \(platform): auto or systrap is wanted")
        }
        options.traceFile = strace.map { $0 == Self.traceToStandardError ? [] : bytes($0) }
        options.reportsStatistics = stats
        options.logFile = log.map(bytes)
        return options
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    // MARK: --strace without a file

    private static let traceToStandardError = "-"
    private static let flags: Set<String> = ["--stats", "--help", "-h"]

    /// `--strace` alone becomes `--strace=-`, as the parser knows no option whose value may be left out. Looks at the options of `run`
    /// only, not at the command's.
    static func expandingTrace(_ arguments: [String]) -> [String] {
        guard arguments.first == configuration.commandName else { return arguments }
        var result = arguments
        var index = 1
        while index < result.count, result[index].hasPrefix("-"), result[index] != "--" {
            if result[index] == "--strace" {
                result[index] += "=" + traceToStandardError
                index += 1
            } else {
                index += result[index].contains("=") || flags.contains(result[index]) ? 1 : 2
            }
        }
        return result
    }
}
