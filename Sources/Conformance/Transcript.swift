// What a program of cases printed: its lines, by case.
import Foundation

struct Transcript {
    /// The cases in the order of their first line.
    private(set) var names: [String] = []
    private(set) var linesByCase: [String: [String]] = [:]

    init(contentsOf path: String) {
        let text = (try? Data(contentsOf: URL(fileURLWithPath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        for line in text.split(separator: "\n") {
            let name = line.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
            if !name.isEmpty, line.dropFirst(name.count).first == "." {
                add(String(line.dropFirst(name.count + 1)), to: String(name))
            } else {
                // What a program that a case runs prints itself.
                add(String(line), to: names.last ?? "-")
            }
        }
    }

    private mutating func add(_ line: String, to name: String) {
        if linesByCase[name] == nil { names.append(name) }
        linesByCase[name, default: []].append(line)
    }

    func lines(of name: String) -> [String] { linesByCase[name] ?? [] }

    /// The reason why the case cannot run here.
    func skipReason(of name: String) -> String? {
        lines(of: name).first { $0.hasPrefix("SKIP ") }.map { String($0.dropFirst(5)) }
    }

    /// The lines by which a case admits that it does not hold where it ran.
    func complaints(of name: String) -> [String] {
        lines(of: name).filter { $0.hasPrefix("NEED ") || $0.hasSuffix(": false") || $0.contains(": false (") }
            + (lines(of: name).last == "END: exited 0" ? [] : ["does not end well: \(lines(of: name).last ?? "no output")"])
    }
}
