// `sandbox kill`.
import ArgumentParser
import Control
import Runtime

struct KillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Sends a signal to a sandbox's first process.",
        discussion: "KILL ends the whole sandbox, whether its sentry answers or not.")

    @Flag(help: "Sends it to every process.")
    var all = false

    @Argument(help: ArgumentHelp("A sandbox's id or its beginning.", valueName: "id"))
    var id: String

    @Argument(help: ArgumentHelp("A name (TERM, SIGTERM) or number.", valueName: "signal"))
    var signal: String = "TERM"

    func validate() throws {
        if SignalName.number(signal) == nil { throw ValidationError("signal \(signal): there is no such signal") }
    }

    func run() throws {
        guard let number = SignalName.number(signal) else { return }
        let root = try StateRoot.forCaller()
        let sandbox = try root.find(id)
        // SIGKILL
        if number == 9 && !all { return try root.end(sandbox) }
        let client = try ControlClient(root: root, id: sandbox.id)
        switch try client.ask(.kill(all ? .all : .first, signal: number)) {
        case .done: return
        case .failed(let errno, let text): throw RuntimeFailure(controlError: errno, text)
        default: throw RuntimeFailure("the sentry sent a message that makes no sense")
        }
    }
}
