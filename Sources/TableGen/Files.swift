// The repository's files: the tables, the handlers, the outputs.
import FoundationEssentials

struct Repository {
    var root: String

    /// The tables, in a fixed order, so that outputs do not depend on the directory's.
    func sources() throws -> [TableSource] {
        let directory = root + "/syscall-tables"
        return try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".tbl") }.sorted().map {
            TableSource(name: $0, text: try String(contentsOfFile: directory + "/" + $0, encoding: .utf8))
        }
    }

    func read(_ path: String) -> String? { try? String(contentsOfFile: root + "/" + path, encoding: .utf8) }

    /// Writes only what changed, so that a build does not start over.
    func write(_ output: Output) throws {
        if read(output.path) == output.text { return }
        let path = root + "/" + output.path
        if let slash = path.lastIndex(of: "/") {
            try FileManager.default.createDirectory(atPath: String(path[..<slash]), withIntermediateDirectories: true)
        }
        try output.text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// The names of the top-level functions `sysXxx` in Sources/Syscalls.
    func handlers() throws -> Set<String> {
        var found: Set<String> = []
        for path in try FileManager.default.subpathsOfDirectory(atPath: root + "/Sources/Syscalls").sorted() {
            guard path.hasSuffix(".swift"), !path.hasPrefix("Generated/"), let text = read("Sources/Syscalls/" + path) else { continue }
            for line in text.split(separator: "\n") {
                for prefix in ["func sys", "public func sys"] where line.hasPrefix(prefix) {
                    let name = line.dropFirst(prefix.count).prefix { $0.isLetter || $0.isNumber }
                    if name.first?.isUppercase == true { found.insert("sys" + name) }
                }
            }
        }
        return found
    }

    /// Turns `missing` into `full` in the rows of `calls`.
    func route(_ calls: [Syscall]) throws {
        for source in try sources() {
            let lines = source.text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
                guard line.hasSuffix(" missing"), let number = Int(line.prefix { $0.isNumber }) else { return String(line) }
                guard calls.contains(where: { $0.number == number }) else { return String(line) }
                return line.dropLast("missing".count) + "full"
            }
            let text = lines.joined(separator: "\n")
            if text != source.text { try write(Output(path: "syscall-tables/" + source.name, text: text)) }
        }
    }
}
