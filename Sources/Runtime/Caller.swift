// Who calls, and what of its surroundings passes into the sandbox.
import Control
import Glibc
import HostSyscalls
import LinuxABI

/// The caller of the command: identity, directory, environment, limits.
struct Caller {
    let uid: UInt32
    let gid: UInt32
    let groups: [UInt32]
    /// nil if it has been removed or cannot be named.
    let workingDirectory: [UInt8]?

    static func current() -> Caller {
        var groups = [gid_t](repeating: 0, count: 1024)
        let count = max(0, getgroups(1024, &groups))
        return Caller(
            uid: geteuid(), gid: getegid(), groups: Array(groups.prefix(Int(count))),
            workingDirectory: getcwd(nil, 0).map { pointer in
                defer { free(pointer) }
                return Array(UnsafeBufferPointer(start: pointer, count: strlen(pointer)).map { UInt8(bitPattern: $0) })
            })
    }

    /// What passes without being asked for.
    static let passedVariables = ["PATH", "HOME", "USER", "TERM", "LANG"]

    /// The environment of a program: the five variables that pass, then `additions`: `NAME=VALUE`, or `NAME` for the caller's value.
    static func environment(_ additions: [[UInt8]], passesDefaults: Bool = true) -> [[UInt8]] {
        var result: [(name: [UInt8], entry: [UInt8])] = []
        func set(_ entry: [UInt8]) {
            let name = Array(entry.prefix { $0 != 0x3d })
            result.removeAll { $0.name == name }
            result.append((name, entry))
        }
        if passesDefaults {
            for name in passedVariables { value(of: Array(name.utf8)).map(set) }
            if !result.contains(where: { $0.name == Array("PATH".utf8) }) {
                set(Array("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".utf8))
            }
        }
        for addition in additions {
            if addition.contains(0x3d) { set(addition) } else { value(of: addition).map(set) }
        }
        return result.map(\.entry)
    }

    /// `NAME=VALUE` of the caller's environment, as bytes.
    private static func value(of name: [UInt8]) -> [UInt8]? {
        let prefix = name + [0x3d]
        var entry = environ
        while let pointer = entry.pointee {
            let bytes = UnsafeBufferPointer(start: pointer, count: strlen(pointer))
            if bytes.count >= prefix.count, zip(bytes, prefix).allSatisfy({ UInt8(bitPattern: $0) == $1 }) {
                return bytes.map { UInt8(bitPattern: $0) }
            }
            entry += 1
        }
        return nil
    }

    /// The caller's own limits, for the first process.
    static func limits() -> [ResourceLimit] {
        var limits: [ResourceLimit] = []
        for resource in UInt32(0)..<16 {
            var limit: (UInt64, UInt64) = (0, 0)
            let result = withUnsafeMutablePointer(to: &limit) {
                rawHostCall(HostSyscall.prlimit64, 0, Int(resource), 0, Int(bitPattern: $0))
            }
            if result == 0 { limits.append(ResourceLimit(resource: resource, soft: limit.0, hard: limit.1)) }
        }
        return limits
    }

    /// What the sentry cannot read for itself.
    static func hostFacts() -> HostFacts {
        var facts = HostFacts()
        facts.cpuInfo = (try? HostPath.read("/proc/cpuinfo", limit: 4 << 20)) ?? []
        for line in ((try? HostPath.read("/proc/meminfo")) ?? []).split(separator: 0x0a) {
            let words = line.split(separator: 0x20)
            if words.count >= 2, words[0].elementsEqual("MemTotal:".utf8) {
                facts.memoryTotal = (UInt64(String(decoding: words[1], as: UTF8.self)) ?? 0) << 10
                break
            }
        }
        let mask = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 8)
        defer { mask.deallocate() }
        let size = rawHostCall(HostSyscall.sched_getaffinity, 0, mask.count, Int(bitPattern: mask.baseAddress))
        if size > 0 {
            for cpu in 0..<(size * 8) where mask[cpu / 8] >> UInt8(cpu % 8) & 1 != 0 { facts.cpus.append(UInt32(cpu)) }
        }
        return facts
    }
}

/// The rights that we have on the host to build a cage with.
enum Privilege: Equatable {
    /// Namespaces and identities are ours to make.
    case root
    /// Namespaces come with a user namespace, in which there is only the caller.
    case userNamespace

    static func detect() -> Privilege {
        // CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP.
        let needed: UInt64 = 1 << 21 | 1 << 7 | 1 << 6 | 1 << 8
        return effectiveCapabilities() & needed == needed ? .root : .userNamespace
    }

    static func effectiveCapabilities() -> UInt64 {
        let header: [UInt32] = [0x2008_0522, 0]
        var data = [UInt32](repeating: 0, count: 6)
        let result = header.withUnsafeBytes { header in
            data.withUnsafeMutableBytes { data in
                rawHostCall(HostSyscall.capget, Int(bitPattern: header.baseAddress), Int(bitPattern: data.baseAddress))
            }
        }
        return result == 0 ? UInt64(data[0]) | UInt64(data[3]) << 32 : 0
    }
}
