// Reads the tables: lines into rows and flag sets, then the checks that span all files.

/// One file's text with the name that errors give.
struct TableSource {
    var name: String
    var text: String
}

struct TableParser {
    private var table = Table()
    private var family = ""
    private var place = ""

    static func parse(_ sources: [TableSource]) throws(TableError) -> Table {
        var parser = TableParser()
        for source in sources { try parser.parse(source) }
        return try parser.checked()
    }

    private func fail(_ message: String) -> TableError { TableError(place: place, message: message) }

    private mutating func parse(_ source: TableSource) throws(TableError) {
        family = ""
        for (number, line) in Self.logicalLines(source.text) {
            place = "\(source.name):\(number)"
            var scanner = Scanner(line, place: place)
            if scanner.skipWord("family") {
                family = try scanner.identifier()
                if !table.families.contains(family) { table.families.append(family) }
            } else if scanner.skipWord("flags") {
                table.flagSets.append(try flagSet(&scanner, isEnumeration: false))
            } else if scanner.skipWord("enum") {
                table.flagSets.append(try flagSet(&scanner, isEnumeration: true))
            } else {
                table.syscalls.append(try syscall(&scanner))
            }
            try scanner.expectEnd()
        }
    }

    /// Lines without comments; an indented line continues the one before.
    private static func logicalLines(_ text: String) -> [(Int, String)] {
        var lines: [(Int, String)] = []
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let isContinuation = raw.first == " " || raw.first == "\t"
            let line = raw.drop { $0 == " " || $0 == "\t" }
            if line.isEmpty || line.first == "#" { continue }
            if isContinuation, let last = lines.indices.last {
                lines[last].1 += " " + line
            } else {
                lines.append((index + 1, String(line)))
            }
        }
        return lines
    }

    private func flagSet(_ scanner: inout Scanner, isEnumeration: Bool) throws(TableError) -> FlagSet {
        let name = try scanner.identifier()
        try scanner.expect(":")
        let word = try scanner.identifier()
        guard let scalar = Scalar(rawValue: word) else { throw fail("'\(word)' is no scalar") }
        var entries: [FlagSet.Entry] = []
        while !scanner.isAtEnd {
            let entry = try scanner.identifier()
            try scanner.expect("=")
            let value = try scanner.integer()
            var mask = isEnumeration ? UInt64.max : value
            if scanner.skip("/") { mask = try scanner.integer() }
            if mask == 0 { throw fail("\(entry) needs a mask") }
            entries.append(FlagSet.Entry(name: entry, value: value, mask: mask))
        }
        return FlagSet(name: name, isEnumeration: isEnumeration, scalar: scalar, entries: entries)
    }

    private func syscall(_ scanner: inout Scanner) throws(TableError) -> Syscall {
        if family.isEmpty { throw fail("a row before the first 'family'") }
        let number = try scanner.integer()
        let name = try scanner.identifier()
        try scanner.expect("(")
        var pending: [(name: String, type: PendingType)] = []
        while !scanner.skip(")") {
            if !pending.isEmpty { try scanner.expect(",") }
            let argument = try scanner.identifier()
            try scanner.expect(":")
            pending.append((argument, try pendingType(&scanner)))
        }
        if pending.count > 6 { throw fail("\(name) has more than six arguments") }
        try scanner.expect("->")
        let resultName = try scanner.identifier()
        guard let result = Scalar(rawValue: resultName) else { throw fail("'\(resultName)' is no scalar") }
        try scanner.expect("=")
        let className = try scanner.identifier()
        guard let syscallClass = SyscallClass(rawValue: className) else { throw fail("'\(className)' is no class") }
        let (support, reason) = try support(&scanner)

        var arguments: [Argument] = []
        for (argument, type) in pending {
            arguments.append(Argument(name: argument, type: try resolve(type, names: pending.map(\.name))))
        }
        return Syscall(
            number: Int(number), name: name, arguments: arguments, result: result, syscallClass: syscallClass, support: support,
            nativeReason: reason, family: family)
    }

    /// A type whose length still names an argument.
    private enum PendingType {
        case integer(String)
        case pointer(Direction, String, count: String?, fixed: Int?, orResult: Bool)
    }

    private func pendingType(_ scanner: inout Scanner) throws(TableError) -> PendingType {
        let word = try scanner.identifier()
        guard let direction = Direction(rawValue: word) else { return .integer(word) }
        let pointee = try scanner.identifier()
        guard scanner.skip("[") else { return .pointer(direction, pointee, count: nil, fixed: nil, orResult: false) }
        if let fixed = scanner.optionalInteger() {
            try scanner.expect("]")
            return .pointer(direction, pointee, count: nil, fixed: Int(fixed), orResult: false)
        }
        let count = try scanner.identifier()
        let orResult = scanner.skip("|")
        if orResult {
            let word = try scanner.identifier()
            if word != "ret" { throw fail("'ret' expected after '|'") }
        }
        try scanner.expect("]")
        return .pointer(direction, pointee, count: count, fixed: nil, orResult: orResult)
    }

    private func resolve(_ type: PendingType, names: [String]) throws(TableError) -> ArgumentType {
        switch type {
        case .integer(let word):
            if let scalar = Scalar(rawValue: word) { return .scalar(scalar) }
            return .flags(word)
        case .pointer(let direction, let word, let count, let fixed, let orResult):
            guard let pointee = Pointee(rawValue: word) else { throw fail("'\(word)' is no pointee") }
            if let fixed { return .pointer(direction, pointee, .fixed(fixed)) }
            guard let count else { return .pointer(direction, pointee, .one) }
            guard let index = names.firstIndex(of: count) else { throw fail("no argument '\(count)'") }
            return .pointer(direction, pointee, orResult ? .argumentOrResult(index) : .argument(index))
        }
    }

    private func support(_ scanner: inout Scanner) throws(TableError) -> (Support, String?) {
        let word = try scanner.identifier()
        let support: Support
        switch word {
        case "full": support = .full
        case "partial": support = .partial(missing: try scanner.quoted())
        case "missing": support = .missing
        case "native": return (.native, try scanner.quoted())
        case "errno":
            let name = try scanner.identifier()
            support = .errno(name, why: try scanner.quoted())
        default: throw fail("'\(word)' is no support level")
        }
        if scanner.skipWord("native") { return (support, try scanner.quoted()) }
        return (support, nil)
    }

    /// What no single line can show: duplicates and names that lead nowhere.
    private func checked() throws(TableError) -> Table {
        var table = table
        table.syscalls.sort { $0.number < $1.number }
        var names: Set<String> = []
        for (index, call) in table.syscalls.enumerated() {
            if index > 0, table.syscalls[index - 1].number == call.number {
                throw TableError(place: call.name, message: "number \(call.number) twice")
            }
            if !names.insert(call.name).inserted { throw TableError(place: call.name, message: "two rows") }
            for argument in call.arguments {
                if case .flags(let name) = argument.type, table.flagSet(name) == nil {
                    throw TableError(place: call.name, message: "'\(name)' is no scalar and no flag set")
                }
            }
            if call.syscallClass == .native, call.support != .native {
                throw TableError(place: call.name, message: "class native needs support native")
            }
        }
        var sets: Set<String> = []
        for set in table.flagSets where !sets.insert(set.name).inserted {
            throw TableError(place: set.name, message: "two flag sets")
        }
        return table
    }
}

/// Words, numbers and punctuation of one line.
struct Scanner {
    private let characters: [Character]
    private var position = 0
    private let place: String

    init(_ text: String, place: String) {
        characters = Array(text)
        self.place = place
    }

    private func fail(_ message: String) -> TableError {
        TableError(place: place, message: "\(message) at '\(String(characters[position...].prefix(24)))'")
    }

    private mutating func skipBlanks() {
        while position < characters.count, characters[position] == " " || characters[position] == "\t" { position += 1 }
    }

    var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return position == characters.count
        }
    }

    mutating func skip(_ text: String) -> Bool {
        skipBlanks()
        let wanted = Array(text)
        guard characters[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    /// Skips `word` if it stands there as a whole word.
    mutating func skipWord(_ word: String) -> Bool {
        let start = position
        if let found = try? identifier(), found == word { return true }
        position = start
        return false
    }

    mutating func expect(_ text: String) throws(TableError) {
        if !skip(text) { throw fail("'\(text)' expected") }
    }

    mutating func expectEnd() throws(TableError) {
        if !isAtEnd { throw fail("the line should end") }
    }

    mutating func identifier() throws(TableError) -> String {
        skipBlanks()
        let start = position
        while position < characters.count, characters[position] == "_" || characters[position].isLetter || characters[position].isNumber {
            position += 1
        }
        if position == start { throw fail("a name expected") }
        return String(characters[start..<position])
    }

    mutating func optionalInteger() -> UInt64? {
        skipBlanks()
        guard position < characters.count, characters[position].isNumber else { return nil }
        return try? integer()
    }

    mutating func integer() throws(TableError) -> UInt64 {
        let start = position
        let word = try identifier()
        let value = word.hasPrefix("0x") ? UInt64(word.dropFirst(2), radix: 16) : UInt64(word)
        guard let value else {
            position = start
            throw fail("a number expected")
        }
        return value
    }

    mutating func quoted() throws(TableError) -> String {
        try expect("\"")
        let start = position
        while position < characters.count, characters[position] != "\"" { position += 1 }
        if position == characters.count { throw fail("the quotation does not end") }
        position += 1
        return String(characters[start..<position - 1])
    }
}
