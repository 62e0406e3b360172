// Where running sandboxes are known: a directory each, locked for as long as its supervisor lives.
import Glibc
import HostSyscalls
import LinuxABI

/// All sandboxes of one user: /run/palisade for root, $XDG_RUNTIME_DIR/palisade for others.
public struct StateRoot: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// The caller's own, made if it is missing.
    public static func forCaller() throws(RuntimeFailure) -> StateRoot {
        let path: String
        if geteuid() == 0 {
            path = "/run/palisade"
        } else if let runtime = getenv("XDG_RUNTIME_DIR").map({ String(cString: $0) }), runtime.hasPrefix("/"), access(runtime, W_OK) == 0 {
            path = runtime + "/palisade"
        } else {
            path = "/tmp/palisade-\(geteuid())"
        }
        let root = StateRoot(path: path)
        try root.make(path)
        return root
    }

    /// Makes a directory that is the caller's alone; refuses one that is somebody else's.
    private func make(_ path: String) throws(RuntimeFailure) {
        do throws(Errno) {
            do throws(Errno) { try HostPath.makeDirectory(path, mode: 0o700) } catch { if error != .EEXIST { throw error } }
            // O_PATH | O_DIRECTORY | O_NOFOLLOW
            let directory = try HostPath.open(path, flags: 0o10000000 | 0o200000 | 0o400000)
            let status = try HostDirectory.status(directory.rawValue)
            guard status.uid == geteuid(), status.mode & 0o022 == 0 else {
                throw Errno.EPERM
            }
        } catch { throw RuntimeFailure("state directory \(path)", error) }
    }

    /// Every sandbox that runs. What dead ones left is removed.
    public func list() -> [SandboxState] {
        HostPath.names(in: path).sorted().compactMap { name in
            guard SandboxID.isValid(name) else { return nil }
            if removeIfStale(name) { return nil }
            return state(of: name)
        }
    }

    /// The sandbox of this id, or the only one whose id begins so.
    public func find(_ id: String) throws(RuntimeFailure) -> SandboxState {
        let all = list()
        let matches = all.filter { $0.id == id }.isEmpty ? all.filter { !id.isEmpty && $0.id.hasPrefix(id) } : all.filter { $0.id == id }
        guard let match = matches.first else { throw RuntimeFailure("sandbox \(id): no such sandbox", exitStatus: 1) }
        guard matches.count == 1 else { throw RuntimeFailure("sandbox \(id): more than one begins so", exitStatus: 1) }
        return match
    }

    private func state(of name: String) -> SandboxState? {
        guard let bytes = try? HostPath.read("\(path)/\(name)/state.json"), let json = try? JSON(parsing: bytes) else { return nil }
        return SandboxState(json)
    }

    /// Whether nobody holds the directory's lock; then it is gone.
    private func removeIfStale(_ name: String) -> Bool {
        guard let lock = try? HostPath.open("\(path)/\(name)/lock", flags: 0) else { return false }
        // LOCK_EX | LOCK_NB
        guard rawHostCall(HostSyscall.flock, Int(lock.rawValue), 2 | 4) == 0 else { return false }
        StateDirectory.remove("\(path)/\(name)")
        return true
    }

    /// A descriptor that holds number `number` of the user range for this supervisor; nil if another one has it.
    func lockUserSlot(_ number: Int) -> HostFD? {
        _ = try? HostPath.makeDirectory("\(path)/users", mode: 0o700)
        // O_RDWR | O_CREAT
        guard let file = try? HostPath.open("\(path)/users/\(number)", flags: 0o2 | 0o100) else { return nil }
        guard rawHostCall(HostSyscall.flock, Int(file.rawValue), 2 | 4) == 0 else { return nil }
        return file
    }

    /// Keeps a dead sentry's log, and of all such logs the newest sixteen. Where it is now.
    func keepCrashLog(_ log: String, of id: String) -> String? {
        let directory = path + "/crashes"
        _ = try? HostPath.makeDirectory(directory, mode: 0o700)
        var logs = HostPath.names(in: directory).map { (name: $0, time: modificationTime("\(directory)/\($0)")) }
        logs.sort { $0.time < $1.time }
        for old in logs.dropLast(15) { HostPath.remove("\(directory)/\(old.name)") }
        let target = "\(directory)/\(id).log"
        guard (try? HostPath.rename(log, to: target)) != nil else { return nil }
        return target
    }

    private func modificationTime(_ path: String) -> Int64 {
        (try? HostDirectory.status(-100, Array(path.utf8)).modificationTime.seconds) ?? 0
    }
}

/// Names of sandboxes.
public enum SandboxID {
    public static func isValid(_ id: String) -> Bool {
        let letters = id.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x2d || $0 == 0x5f || $0 == 0x2e
        }
        return letters && (1...64).contains(id.utf8.count) && id.first != "." && id.first != "-" && !["users", "crashes"].contains(id)
    }

    /// Twelve hexadecimal digits.
    static func random() -> String {
        let digits = String(UInt64.random(in: 0..<(1 << 48)), radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }
}

/// What is known of a running sandbox.
public struct SandboxState: Equatable, Sendable {
    public var id: String
    public var supervisor: Int32
    public var sentry: Int32
    /// Seconds since 1970.
    public var started: Int64
    public var command: [String]
    public var log: String

    public init(id: String, supervisor: Int32, sentry: Int32, started: Int64, command: [String], log: String) {
        self.id = id
        self.supervisor = supervisor
        self.sentry = sentry
        self.started = started
        self.command = command
        self.log = log
    }

    init?(_ json: JSON) {
        guard let id = json["id"]?.string, let supervisor = json["supervisor"]?.integer, let sentry = json["sentry"]?.integer,
            let started = json["started"]?.integer, let command = json["command"]?.array, let log = json["log"]?.string
        else { return nil }
        self.init(
            id: id, supervisor: Int32(truncatingIfNeeded: supervisor), sentry: Int32(truncatingIfNeeded: sentry), started: started,
            command: command.compactMap(\.string), log: log)
    }

    public var json: JSON {
        .object([
            ("id", .string(id)), ("supervisor", .integer(Int64(supervisor))), ("sentry", .integer(Int64(sentry))),
            ("started", .integer(started)), ("command", .array(command.map { .string($0) })), ("log", .string(log)),
        ])
    }
}

/// One sandbox's directory, held by its supervisor.
final class StateDirectory {
    let id: String
    let path: String
    private let lock: HostFD

    /// Makes and locks the directory of a new sandbox.
    ///
    /// - Throws: a clear line if the name is taken.
    init(_ root: StateRoot, name: String?) throws(RuntimeFailure) {
        if let name, !SandboxID.isValid(name) {
            throw RuntimeFailure("name \(name): letters, digits, . _ - only, 64 at most", exitStatus: RuntimeFailure.usage)
        }
        id = name ?? SandboxID.random()
        path = "\(root.path)/\(id)"
        // Made and locked under another name, so that nobody sees it unlocked and takes it for stale.
        let hidden = "\(root.path)/.\(id).\(getpid())"
        do throws(Errno) {
            try HostPath.makeDirectory(hidden, mode: 0o700)
            // O_RDWR | O_CREAT
            lock = try HostPath.open(hidden + "/lock", flags: 0o2 | 0o100)
            _ = rawHostCall(HostSyscall.flock, Int(lock.rawValue), 2 | 4)
        } catch { throw RuntimeFailure("state directory \(hidden)", error) }
        for attempt in 0..<2 {
            do throws(Errno) {
                try HostPath.rename(hidden, to: path)
                return
            } catch {
                if attempt == 0 && (error == .ENOTEMPTY || error == .EEXIST) {
                    // A dead one of this name goes; a living one stays.
                    _ = root.list()
                    continue
                }
                StateDirectory.remove(hidden)
                throw RuntimeFailure("name \(id): in use by a running sandbox")
            }
        }
    }

    var logPath: String { path + "/log" }

    /// Written whole or not at all.
    func write(_ state: SandboxState) throws(RuntimeFailure) {
        do throws(Errno) {
            // O_WRONLY | O_CREAT | O_TRUNC
            try HostPath.write(path + "/.state.json", state.json.text + "\n", flags: 0o1 | 0o100 | 0o1000)
            try HostPath.rename(path + "/.state.json", to: path + "/state.json")
        } catch { throw RuntimeFailure("state file", error) }
    }

    func remove() { StateDirectory.remove(path) }

    static func remove(_ path: String) {
        for name in HostPath.names(in: path) { HostPath.remove("\(path)/\(name)") }
        HostPath.remove(path, isDirectory: true)
    }
}
