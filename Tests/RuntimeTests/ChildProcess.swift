// Runs a program and collects what it says.
import Glibc
import Testing

struct Finished {
    var status: Int32
    var output: String
    var errors: String
}

/// A running child whose standard error can be read line by line.
final class Child {
    let pid: pid_t
    private let output: Int32
    private let errors: Int32

    /// `group`: in a process group of its own.
    init(_ path: String, _ arguments: [String], environment: [String] = ["PATH=/usr/bin:/bin", "HOME=/root", "SECRET=1"]) throws {
        var out: [Int32] = [0, 0], err: [Int32] = [0, 0]
        try #require(pipe(&out) == 0 && pipe(&err) == 0)
        for descriptor in out + err { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, out[1], 1)
        posix_spawn_file_actions_adddup2(&actions, err[1], 2)
        var pid: pid_t = 0
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        let result = posix_spawn(&pid, path, &actions, nil, &words, &variables)
        for word in words + variables { free(word) }
        close(out[1])
        close(err[1])
        try #require(result == 0)
        self.pid = pid
        output = out[0]
        errors = err[0]
    }

    deinit {
        close(output)
        close(errors)
    }

    /// Waits for a line on standard error.
    func readErrorLine() -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(errors, &byte, 1) == 1, byte != 0x0a { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    func finish() -> Finished {
        let text = drain(output), error = drain(errors)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return Finished(status: status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f), output: text, errors: error)
    }

    private func drain(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}

/// A product of this package, beside the test bundle.
func product(_ name: String) -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/" + name
}
