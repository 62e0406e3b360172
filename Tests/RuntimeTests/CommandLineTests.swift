// The real executable's answers to bad input, and its doctor.
import Glibc
import Runtime
import Testing

private func sandbox(_ words: String...) throws -> Finished { try Child(product("sandbox"), words).finish() }

@Suite(.serialized) struct CommandLineTests {
    @Test(arguments: [
        ["run"], ["run", "--"], ["run", "--nonsense", "true"], ["run", "--timeout"], ["run", "--timeout", "-1", "true"],
        ["run", "--timeout", "x", "true"], ["run", "--bind", "relative:dst", "true"], ["run", "--tmpfs", "/t:size=x", "true"],
        ["run", "--user", "root", "true"], ["run", "--platform", "magic", "true"], ["run", "--env", "=x", "true"],
        ["run", "--name", "a/b", "true"], ["kill"], ["kill", "x", "NOSUCH"], ["exec"], ["exec", "x"], ["nonsense"],
    ])
    func badUsageGives2AndSaysSo(_ words: [String]) throws {
        let result = try Child(product("sandbox"), words).finish()
        #expect(result.status == 2)
        #expect(result.output == "")
        #expect(!result.errors.isEmpty)
    }

    @Test func helpGives0() throws {
        for words in [["--help"], ["run", "--help"], ["exec", "--help"], ["--version"]] {
            let result = try Child(product("sandbox"), words).finish()
            #expect(result.status == 0)
            #expect(!result.output.isEmpty && result.errors.isEmpty)
        }
    }

    @Test func missingDirectoriesGiveOneClearLine() throws {
        let root = try sandbox("run", "--rootfs", "/does/not/exist", "--", "true")
        #expect(root.status == 125)
        #expect(root.errors == "sandbox: rootfs /does/not/exist: No such file or directory\n")
        let file = try sandbox("run", "--rootfs", "/etc/passwd", "--", "true")
        #expect(file.errors == "sandbox: rootfs /etc/passwd: Not a directory\n")
        let bind = try sandbox("run", "--bind", "/nope:/x", "--", "true")
        #expect(bind.errors == "sandbox: bind /nope: No such file or directory\n")
        let device = try sandbox("run", "--bind", "/dev/null:/x", "--", "true")
        #expect(device.errors == "sandbox: bind /dev/null: neither a directory nor a regular file\n")
    }

    @Test func unknownSandboxesGiveOneClearLine() throws {
        for words in [["kill", "no-such-one"], ["exec", "no-such-one", "true"], ["ps", "no-such-one"]] {
            let result = try Child(product("sandbox"), words).finish()
            #expect(result.status == 1)
            #expect(result.errors == "sandbox: sandbox no-such-one: no such sandbox\n")
        }
    }

    @Test func doctorSaysWhatIsThereAndWhatIsChosen() throws {
        let result = try sandbox("doctor", "--json")
        let json = try JSON(parsing: result.output.utf8)
        let names = (json["findings"]?.array ?? []).compactMap { $0["name"]?.string }
        for name in ["kernel", "seccomp user notification", "seccomp synchronous wake-up", "cgroups", "KVM"] {
            #expect(names.contains(name))
        }
        #expect(json["platform"] != nil)
        #expect(result.status == (json["platform"]?.string == nil ? 1 : 0))
        #expect(try sandbox("doctor").output.contains("platform: "))
    }

    @Test(arguments: ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
    func aClosedStreamIsNeverAnotherFile(_ closed: String) throws {
        let script = "'\(product("sandbox"))' run -- /bin/sh -c 'test ! -d /proc/self/fd/0 && test ! -f /proc/self/fd/0' \(closed)"
        #expect(try Child("/bin/sh", ["-c", script]).finish().status == 0)
    }

    @Test func theListOfSandboxesIsJSON() throws {
        let result = try sandbox("ps", "--json")
        #expect(result.status == 0)
        #expect(try JSON(parsing: result.output.utf8).array != nil)
    }
}

@Suite(.serialized) struct OrdinaryUserTests {
    /// Runs the fake as user 1000. Nothing if this is no root, or if user 1000 cannot reach the build.
    private func run(_ words: String...) throws -> Finished? {
        guard geteuid() == 0, access("/usr/bin/setpriv", X_OK) == 0 else { return nil }
        let dropped = ["--reuid=1000", "--regid=1000", "--clear-groups", "--bounding-set=-all", "/usr/bin/env", "-C", "/"]
        guard try Child("/usr/bin/setpriv", dropped + ["/usr/bin/test", "-x", product("FakeSentry")]).finish().status == 0 else {
            return nil
        }
        return try Child("/usr/bin/setpriv", dropped + [product("FakeSentry"), "run"] + words).finish()
    }

    @Test func aUserNeedsNoRootForACage() throws {
        guard let result = try run("facts") else { return }
        #expect(result.status == 0)
        for fact in [
            "pid=1", "capabilities=0", "root=proc", "proc=fd", "passwd=true", "setuid=true", "mount=true", "descriptors=true", "twin=true",
        ] {
            #expect(result.errors.split(separator: "\n").contains(Substring(fact)), "\(fact)")
        }
    }

    @Test func statusesAreTheSameForAUser() throws {
        guard let result = try run("exit", "7") else { return }
        #expect(result.status == 7)
        #expect(try run("--timeout", "0.1", "hang")?.status == 124)
        #expect(try run("die")?.status == 125)
    }
}
