// Texts of options, JSON, names.
import Testing

@testable import Runtime

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Test func bindsAreReadOnlyAndSharedUnlessSaid() {
    #expect(
        RunOptions.Bind(bytes("/a:/b")) == RunOptions.Bind(source: bytes("/a"), target: bytes("/b"), isWritable: false, isShared: true))
    #expect(RunOptions.Bind(bytes("/a"))?.target == bytes("/a"))
    #expect(RunOptions.Bind(bytes("a:/b/../c//d:rw"))?.target == bytes("/c/d"))
    #expect(RunOptions.Bind(bytes("/a:/b:rw"))?.isWritable == true)
    #expect(RunOptions.Bind(bytes("/a:/b:ro:exclusive"))?.isShared == false)
    for wrong in ["", ":", "a", "a:b", "/a:/b:xx", "/a:/b:"] { #expect(RunOptions.Bind(bytes(wrong)) == nil, "\(wrong)") }
}

@Test func sizesHaveUnits() {
    #expect(RunOptions.MemoryMount(bytes("/t:size=64m"))?.size == 64 << 20)
    #expect(RunOptions.MemoryMount(bytes("/t"))?.size == 0)
    for wrong in [
        "t", "/t:size=", "/t:size=0", "/t:size=-1", "/t:size=1x", "/t:size=99999999999999999999", "/t:size=99999999999999g", "/t:mode=1",
    ] {
        #expect(RunOptions.MemoryMount(bytes(wrong)) == nil, "\(wrong)")
    }
}

@Test func usersAreNumbers() {
    #expect(UserOption.parse("5")?.user == 5)
    #expect(UserOption.parse("5:6")?.group == 6)
    for wrong in ["", "a", "5:", ":5", "5:6:7", "-1", "4294967295"] { #expect(UserOption.parse(wrong) == nil, "\(wrong)") }
}

@Test func pathsAreNormalizedByText() {
    #expect(GuestPath.normalized(bytes("a/./b/../c"), from: bytes("/x")) == bytes("/x/a/c"))
    #expect(GuestPath.normalized(bytes("/../..")) == bytes("/"))
    #expect(GuestPath.isInside(bytes("/a/b"), bytes("/a")))
    #expect(!GuestPath.isInside(bytes("/ab"), bytes("/a")))
}

@Test func theRootViewCoversWhatItShowsAndWhatIsReplaced() {
    for path in ["/", "/usr/share", "/etc", "/proc/1", "/dev"] { #expect(RootView.covers(bytes(path)), "\(path)") }
    for path in ["/home/a", "/root", "/tmp/x", "/work", "/usrlocal", "/var/lib"] { #expect(!RootView.covers(bytes(path)), "\(path)") }
}

@Test func signalsHaveNames() {
    #expect(SignalName.number("TERM") == 15)
    #expect(SignalName.number("sigkill") == 9)
    #expect(SignalName.number("64") == 64)
    #expect(SignalName.number("65") == nil)
    #expect(SignalName.number("NOPE") == nil)
}

@Test func sandboxNamesStayInTheirDirectory() {
    for wrong in ["", ".", "..", "a/b", "-a", ".a", "users", "crashes", String(repeating: "a", count: 65)] {
        #expect(!SandboxID.isValid(wrong), "\(wrong)")
    }
    #expect(SandboxID.isValid("web-1.a_B"))
}

@Test func jsonSurvivesItself() throws {
    let value = JSON.object([
        ("text", .string("a\"\\\n\u{1}é😀")), ("list", .array([.integer(-1), .bool(true), .null, .array([]), .object([])])),
    ])
    #expect(try JSON(parsing: value.text.utf8) == value)
    #expect(try JSON(parsing: #""\u00e9\ud83d\ude00""#.utf8) == .string("é😀"))
    for wrong in ["", "{", "[1,]", "{\"a\"}", "1 2", "\"\\ud800\"", "nul", String(repeating: "[", count: 100)] {
        #expect(throws: JSONError.self) { try JSON(parsing: wrong.utf8) }
    }
}
