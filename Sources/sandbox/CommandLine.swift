// The command line: one file per verb.
import ArgumentParser
import HostSyscalls
import Runtime

struct Sandbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Runs programs that nobody trusts on a kernel of their own.",
        version: "0.1.0",
        subcommands: [RunCommand.self, PsCommand.self, ExecCommand.self, KillCommand.self, DoctorCommand.self])
}

func commandLine() -> Never {
    occupyStandardDescriptors()
    let arguments = RunCommand.expandingTrace(Array(CommandLine.arguments.dropFirst()))
    do {
        var command = try Sandbox.parseAsRoot(arguments)
        try command.run()
        exit(status: 0)
    } catch let failure as RuntimeFailure {
        print("sandbox: " + failure.message, toDescriptor: 2)
        exit(status: failure.exitStatus)
    } catch let status as ExitStatus {
        exit(status: status.rawValue)
    } catch {
        let status = Sandbox.exitCode(for: error)
        let message = Sandbox.fullMessage(for: error)
        if !message.isEmpty { print(message, toDescriptor: status.isSuccess ? 1 : 2) }
        exit(status: status.isSuccess ? 0 : RuntimeFailure.usage)
    }
}

/// Puts /dev/null where the caller had closed 0, 1 or 2: else the next file that is opened takes that number, and would be handed to the
/// program inside as its standard stream.
private func occupyStandardDescriptors() {
    for number in 0..<3 where rawHostCall(HostSyscall.fcntl, number, 1) == -9 {
        // O_RDWR; the lowest free number is the one that is missing.
        let opened = "/dev/null".withCString { rawHostCall(HostSyscall.openat, -100, Int(bitPattern: $0), 2, 0) }
        if opened != number { exit(status: RuntimeFailure.ownFailure) }
    }
}

/// An exit status that a verb passes on, without a message.
struct ExitStatus: Error {
    let rawValue: Int32
}

/// Ends at once: nothing is buffered, and nothing is registered to run.
func exit(status: Int32) -> Never {
    while true { _ = rawHostCall(HostSyscall.exit_group, Int(status)) }
}

/// The last `count` arguments of the command line as the bytes they are: a command need not be UTF-8.
func rawArguments(last count: Int) -> [[UInt8]] {
    let total = Int(CommandLine.argc)
    return (max(0, total - count)..<total).compactMap { index in
        CommandLine.unsafeArgv[index].map { pointer in
            var bytes: [UInt8] = []
            var next = pointer
            while next.pointee != 0 {
                bytes.append(UInt8(bitPattern: next.pointee))
                next += 1
            }
            return bytes
        }
    }
}

/// A command as it stood on the command line.
///
/// - Throws: usage, if there is none, or if an option stands in its place.
func passedCommand(_ words: [String], of verb: any ParsableCommand.Type) throws -> [[UInt8]] {
    // The parser takes nothing for its own from where a command may begin.
    if words.first == "--help" || words.first == "-h" { throw CleanExit.helpRequest(verb) }
    if words.first == "--" {
        guard words.count > 1 else { throw ValidationError("a command is missing") }
        return rawArguments(last: words.count - 1)
    }
    guard let first = words.first else { throw ValidationError("a command is missing") }
    guard !first.hasPrefix("-") else { throw ValidationError("unknown option '\(first)'") }
    return rawArguments(last: words.count)
}
