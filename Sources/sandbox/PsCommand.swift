// `sandbox ps`.
import ArgumentParser
import Control
import HostSyscalls
import Runtime

struct PsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ps", abstract: "Lists running sandboxes, or the processes of one.")

    @Flag(help: "Prints JSON.")
    var json = false

    @Argument(help: ArgumentHelp("A sandbox's id or its beginning.", valueName: "id"))
    var id: String?

    func run() throws {
        let root = try StateRoot.forCaller()
        if let id {
            try listProcesses(root, try root.find(id))
        } else {
            listSandboxes(root.list())
        }
    }

    private func listSandboxes(_ sandboxes: [SandboxState]) {
        if json { return print(JSON.array(sandboxes.map(\.json)).text, toDescriptor: 1) }
        let now = HostClock.realtime.seconds
        let rows = sandboxes.map { sandbox in
            [sandbox.id, String(sandbox.sentry), duration(max(0, now - sandbox.started)), sandbox.command.joined(separator: " ")]
        }
        printTable(["ID", "SENTRY", "RUNNING", "COMMAND"], rows)
    }

    private func listProcesses(_ root: StateRoot, _ sandbox: SandboxState) throws {
        let client = try ControlClient(root: root, id: sandbox.id)
        guard case .processes(let processes) = try client.ask(.processes) else {
            throw RuntimeFailure("the sentry sent a message that makes no sense")
        }
        if json {
            let list = processes.map { process in
                JSON.object([
                    ("pid", .integer(Int64(process.pid))), ("parent", .integer(Int64(process.parent))),
                    ("uid", .integer(Int64(process.uid))), ("state", .string(state(process))),
                    ("threads", .integer(Int64(process.threadCount))), ("arguments", .array(process.arguments.map { .string(text($0)) })),
                ])
            }
            return print(JSON.array(list).text, toDescriptor: 1)
        }
        let rows = processes.map { process in
            [
                String(process.pid), String(process.parent), String(process.uid), state(process), String(process.threadCount),
                process.arguments.map(text).joined(separator: " "),
            ]
        }
        printTable(["PID", "PPID", "UID", "STATE", "THREADS", "COMMAND"], rows)
    }

    private func state(_ process: ProcessRecord) -> String { String(Unicode.Scalar(process.state)) }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func duration(_ seconds: Int64) -> String {
        seconds < 60 ? "\(seconds)s" : seconds < 3600 ? "\(seconds / 60)m\(seconds % 60)s" : "\(seconds / 3600)h\(seconds / 60 % 60)m"
    }
}

/// Columns as wide as their widest entry; what a sandbox says is shown without control characters.
func printTable(_ head: [String], _ rows: [[String]]) {
    let clean = rows.map { row in row.map { String($0.printable.map { $0 == "\n" || $0 == "\t" ? " " : $0 }) } }
    let widths = head.indices.map { column in ([head] + clean).map { $0[column].count }.max() ?? 0 }
    for row in [head] + clean {
        let cells = row.enumerated().map { column, cell in
            column + 1 == row.count ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
        }
        print(cells.joined(separator: "  "), toDescriptor: 1)
    }
}
