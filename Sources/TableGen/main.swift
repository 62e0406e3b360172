// TableGen: writes what is generated from syscall-tables/ (its README says how to use this tool).
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

func complain(_ message: String) -> Never {
    let line = Array("TableGen: \(message)\n".utf8)
    _ = write(2, line, line.count)
    exit(1)
}

let repository = Repository(root: FileManager.default.currentDirectoryPath)
let arguments = CommandLine.arguments.dropFirst()

do {
    let table = try TableParser.parse(repository.sources())
    switch arguments.first {
    case nil:
        for output in table.outputs { try repository.write(output) }
    case "--check":
        let drifted = table.outputs.filter { repository.read($0.path) != $0.text }
        if !drifted.isEmpty { complain("not in step with the tables: \(drifted.map(\.path).joined(separator: ", "))") }
    case "--list-unrouted":
        let routed = Set(table.syscalls.filter(\.support.isRouted).map(\.handler))
        for handler in try repository.handlers().subtracting(routed).sorted() { print(handler) }
    case "--route":
        let handlers = try repository.handlers()
        let wanted = Set(arguments.dropFirst())
        try repository.route(
            table.syscalls.filter { handlers.contains($0.handler) && (wanted.isEmpty || wanted.contains($0.name)) })
        for output in try TableParser.parse(repository.sources()).outputs { try repository.write(output) }
    default:
        complain("usage: TableGen [--check | --list-unrouted | --route [NAME…]]")
    }
} catch {
    complain("\(error)")
}
