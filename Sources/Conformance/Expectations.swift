// The cases that may fail, each with its reason: `fail FILE/CASE reason…` or `skip FILE/CASE reason…`, a line each.
import Foundation

struct Expectations {
    enum Kind: String {
        /// It fails, and must be taken off the list when it passes.
        case fail
        /// It is not run inside.
        case skip
        /// It may do either; for what depends on the machine. The reason says what.
        case either
    }

    private var entries: [String: (kind: Kind, reason: String)] = [:]
    var names: [String] { entries.keys.sorted() }

    struct FormatError: Error, CustomStringConvertible {
        let description: String
    }

    init(path: String) throws(FormatError) {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return }
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.prefix { $0 != "#" }
            if line.allSatisfy(\.isWhitespace) { continue }
            let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
            guard words.count == 3, let kind = Kind(rawValue: String(words[0])) else {
                throw FormatError(description: "\(path):\(index + 1): expected `fail|skip|either FILE/CASE reason`")
            }
            entries[String(words[1])] = (kind, String(words[2]))
        }
    }

    subscript(name: String) -> (kind: Kind, reason: String)? { entries[name] }
}
