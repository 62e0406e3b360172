import FoundationEssentials
import Testing

@testable import TableGen

@Suite struct GrammarTests {
    private func parse(_ rows: String) throws -> Table {
        try TableParser.parse([TableSource(name: "test.tbl", text: "family File\n" + rows)])
    }

    @Test func aRowIsReadWhole() throws {
        let table = try parse("0 read(fd: fd, buf: out bytes[count|ret], count: size) -> size = trap partial \"no rings\" native \"some\"")
        let call = try #require(table.syscalls.first)
        #expect(call.handler == "sysRead")
        #expect(call.arguments.map(\.type) == [.scalar(.fd), .pointer(.output, .bytes, .argumentOrResult(2)), .scalar(.size)])
        #expect(call.support == .partial(missing: "no rings"))
        #expect(call.nativeReason == "some")
        #expect(call.syscallClass == .trap)
    }

    @Test func handlerNamesFollowTheCall() throws {
        let table = try parse("13 rt_sigaction() -> int = express missing\n156 _sysctl() -> int = express missing")
        #expect(table.syscalls.map(\.handler) == ["sysRtSigaction", "sysSysctl"])
    }

    @Test func linesContinueAndComment() throws {
        let table = try parse("# a note\nflags f: int\n    # another\n    A=1 B=0x2\n    C=3/0xf\n1 x(a: f) -> int\n    = trap full")
        #expect(table.flagSet("f")?.entries.map(\.mask) == [1, 2, 15])
        #expect(table.syscalls.first?.support == .full)
    }

    @Test(arguments: [
        "1 x(a: nothing) -> int = trap full", "1 x(a: in nothing) -> int = trap full", "1 x(a: in bytes[n]) -> int = trap full",
        "1 x() -> int = sometimes full", "1 x() -> int = trap maybe", "1 x() -> int = trap partial", "1 x() -> int = trap full more",
        "1 x() -> int = native full", "1 x() -> int = trap full\n1 y() -> int = trap full", "x() -> int = trap full",
        "1 x(a: int, b: int, c: int, d: int, e: int, f: int, g: int) -> int = trap full", "1 x() -> int = trap errno EPERM \"no",
    ])
    func mistakesAreRefused(row: String) {
        #expect(throws: TableError.self) { try parse(row) }
    }
}

@Suite struct CommittedTableTests {
    private let repository = Repository(root: #filePath.components(droppingLast: 3))

    @Test func everyCallUpTo6_18HasARow() throws {
        let table = try TableParser.parse(repository.sources())
        #expect(table.syscalls.map(\.number) == Array(0...336) + Array(424...469))
    }

    @Test func outputsAreInStep() throws {
        for output in try TableParser.parse(repository.sources()).outputs {
            #expect(repository.read(output.path) == output.text, "run `swift run TableGen`: \(output.path)")
        }
    }

    /// A handler may leave its call to the host only if the row says why.
    @Test func whatStaysNativeHasItsReason() throws {
        let reasoned = Set(try TableParser.parse(repository.sources()).syscalls.filter { $0.nativeReason != nil }.map(\.handler))
        var handler = ""
        for path in try FileManager.default.subpathsOfDirectory(atPath: repository.root + "/Sources/Syscalls") {
            guard path.hasSuffix(".swift"), !path.hasPrefix("Generated/"), let text = repository.read("Sources/Syscalls/" + path) else {
                continue
            }
            for line in text.split(separator: "\n") {
                if line.hasPrefix("func ") { handler = String(line.dropFirst(5).prefix { $0.isLetter || $0.isNumber }) }
                if line.contains("return .native") { #expect(reasoned.contains(handler), "\(path): \(handler)") }
            }
        }
    }

    @Test func everyHandlerIsRouted() throws {
        let routed = Set(try TableParser.parse(repository.sources()).syscalls.filter(\.support.isRouted).map(\.handler))
        #expect(try repository.handlers().subtracting(routed).sorted() == [])
    }
}

extension String {
    /// The path without its last `count` components.
    fileprivate func components(droppingLast count: Int) -> String {
        split(separator: "/", omittingEmptySubsequences: false).dropLast(count).joined(separator: "/")
    }
}
