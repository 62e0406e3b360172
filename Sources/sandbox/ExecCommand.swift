// `sandbox exec`.
import ArgumentParser
import Control
import Runtime

struct ExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "exec", abstract: "Runs a command in a running sandbox.")

    @Option(help: ArgumentHelp("Where the command starts; where the sandbox's first did, if not given.", valueName: "dir"))
    var workdir: String?

    @Option(
        parsing: .unconditionalSingleValue, help: ArgumentHelp("A variable, or the name of one that passes.", valueName: "name[=value]"))
    var env: [String] = []

    @Option(help: ArgumentHelp("Who the command is inside.", valueName: "uid[:gid]"))
    var user: String?

    @Argument(help: ArgumentHelp("A sandbox's id or its beginning.", valueName: "id"))
    var id: String

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("The command and its arguments.", valueName: "command"))
    var command: [String] = []

    func validate() throws { _ = try makeRequest() }

    func run() throws {
        let request = try makeRequest()
        let root = try StateRoot.forCaller()
        throw ExitStatus(rawValue: try ExecSession(root: root, sandbox: try root.find(id)).run(request))
    }

    private func makeRequest() throws -> ExecRequest {
        var request = ExecRequest(arguments: try passedCommand(command, of: Self.self))
        request.environment = env.map { Array($0.utf8) }
        request.workingDirectory = workdir.map { Array($0.utf8) }
        if let user {
            guard let parsed = UserOption.parse(user) else { throw ValidationError("--user \(user): UID[:GID], numbers, is wanted") }
            request.user = parsed.user
            request.group = parsed.group ?? parsed.user
        }
        return request
    }
}
