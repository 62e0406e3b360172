// A sandbox's life with a sentry that plays a script: statuses, signals, the cage, the end.
import Glibc
import Runtime
import Testing

private func run(_ words: String...) throws -> Finished { try Child(product("FakeSentry"), ["run"] + words).finish() }

/// Ids of this machine's processes that are `sandbox` roles of the fake: what a dead sandbox must not leave behind.
private func childrenLeft(of pid: pid_t) -> Int {
    guard let directory = opendir("/proc") else { return -1 }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard Int(name) != nil, let file = fopen("/proc/\(name)/stat", "r") else { continue }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, file) != nil else { continue }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { continue }
        let fields = text[text.index(after: end)...].split(separator: " ")
        if fields.count > 3, fields[3] == "\(pid)" || fields[1] == "\(pid)" { count += 1 }
    }
    return count
}

@Suite(.serialized) struct SupervisorTests {
    @Test func theCommandsExitStatusIsTheSandboxs() throws {
        #expect(try run("exit", "0").status == 0)
        #expect(try run("exit", "7").status == 7)
        #expect(try run("exit", "255").status == 255)
    }

    @Test func aSignalledCommandGives128AndTheSignal() throws { #expect(try run("signalled", "11").status == 139) }

    @Test func aMissingCommandGives127AndOneThatCannotBeExecuted126() throws {
        let missing = try run("missing", "2")
        #expect(missing.status == 127)
        #expect(missing.errors == "sandbox: missing: command not found\n")
        #expect(try run("missing", "13").status == 126)
        #expect(try run("missing", "8").status == 126)
    }

    @Test func aDeadSentryIsReportedAndGives125() throws {
        let dead = try run("die")
        #expect(dead.status == 125)
        #expect(dead.errors.hasPrefix("sandbox: the sentry died unexpectedly (exit status 9); nothing of the sandbox is left; log: /"))
    }

    @Test func aSentryThatTalksNonsenseIsEnded() throws {
        let result = try run("nonsense")
        #expect(result.status == 125)
        #expect(result.errors == "sandbox: the sentry sent a message that makes no sense\n")
    }

    @Test func aTimeoutGives124EvenIfTheSentryHangs() throws {
        #expect(try run("--timeout", "0.1", "wait").status == 124)
        #expect(try run("--timeout", "0.1", "hang").status == 124)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1])
    func signalsArePassedIn(_ signal: Int32) throws {
        let child = try Child(product("FakeSentry"), ["run", "wait"])
        #expect(child.readErrorLine() == "ready")
        kill(child.pid, signal)
        #expect(child.finish().status == 128 + signal)
    }

    @Test func killingTheSupervisorLeavesNoProcess() throws {
        let child = try Child(product("FakeSentry"), ["run", "hang"])
        #expect(child.readErrorLine() == "ready")
        #expect(childrenLeft(of: child.pid) > 0)
        kill(child.pid, SIGKILL)
        #expect(child.finish().status == -SIGKILL)
        var left = 1
        for _ in 0..<100 where left > 0 {
            left = childrenLeft(of: child.pid)
            if left > 0 { usleep(10_000) }
        }
        #expect(left == 0)
        // What it left in the state directory goes with the next look.
        #expect(try !StateRoot.forCaller().list().contains { $0.supervisor == child.pid })
    }

    @Test func theSentryIsLockedIn() throws {
        let result = try run("--env", "MINE=2", "facts")
        #expect(result.status == 0)
        let facts = Dictionary(
            uniqueKeysWithValues: result.errors.split(separator: "\n").map { line in
                let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
            })
        #expect(facts["pid"] == "1")
        #expect(facts["parent"] == "0")
        #expect(facts["capabilities"] == "0")
        #expect(facts["noNewPrivileges"] == "1")
        #expect(facts["dumpable"] == "0")
        #expect(facts["root"] == "proc")
        #expect(facts["proc"] == "fd")
        for name in ["identity", "groups", "passwd", "mkdir", "setuid", "mount", "environment", "descriptors", "twin"] {
            #expect(facts[name] == "true", "\(name)")
        }
        #expect(facts["variables"] == "HOME=/root MINE=2 PATH=/usr/bin:/bin")
        #expect(facts["mounts"]?.hasPrefix("/ ") == true)
    }

    @Test func theCallersStreamsReachTheSandbox() throws {
        let result = try run("echo")
        #expect(result.output == "stream\n")
        #expect(result.errors == "stream\n")
    }

    @Test func controlRequestsReachTheSentry() throws {
        let name = "test-\(getpid())"
        let child = try Child(product("FakeSentry"), ["run", "--name", name, "serve"])
        #expect(child.readErrorLine() == "ready")
        let root = try StateRoot.forCaller()
        var found: SandboxState?
        for _ in 0..<100 where found == nil {
            found = try? root.find(name)
            if found == nil { usleep(10_000) }
        }
        #expect(found?.command == ["serve"])

        let taken = try Child(product("FakeSentry"), ["run", "--name", name, "exit"]).finish()
        #expect(taken.status == 125)
        #expect(taken.errors == "sandbox: name \(name): in use by a running sandbox\n")

        let client = try ControlClient(root: root, id: name)
        guard case .processes(let processes) = try client.ask(.processes) else { throw RuntimeFailure("no processes") }
        #expect(processes.map(\.pid) == [1])
        #expect(try client.ask(.kill(.all, signal: 1)) == .failed(errno: ESRCH, text: ""))

        let executed = try Child(product("FakeSentry"), ["exec", name, "a", "b"]).finish()
        #expect(executed.status == 42)
        #expect(executed.output == "a+b\n")
        #expect(try Child(product("FakeSentry"), ["exec", name, "absent"]).finish().status == 127)

        try client.send(.kill(.first, signal: 15))
        #expect(child.finish().status == 143)
        #expect(throws: RuntimeFailure.self) { try root.find(name) }
    }

    @Test func killEndsASandboxThatDoesNotAnswer() throws {
        let name = "hung-\(getpid())"
        let child = try Child(product("FakeSentry"), ["run", "--name", name, "hang"])
        #expect(child.readErrorLine() == "ready")
        let root = try StateRoot.forCaller()
        var found: SandboxState?
        for _ in 0..<100 where found == nil {
            found = try? root.find(name)
            if found == nil { usleep(10_000) }
        }
        try root.end(try #require(found))
        #expect(child.finish().status == 125)
    }
}
