// Host identities for sandboxes: every running one has two user ids that nothing else on the machine has.
import Control
import HostSyscalls

/// The unprivileged users of one sandbox; the lock keeps them its own.
final class HostUsers {
    let sentry: CageConfiguration.Identity
    let gofer: CageConfiguration.Identity
    private let lock: HostFD

    private init(first: UInt32, lock: consuming HostFD) {
        sentry = CageConfiguration.Identity(uid: first, gid: first)
        gofer = CageConfiguration.Identity(uid: first + 1, gid: first + 1)
        self.lock = lock
    }

    /// The ranges that ids are taken from, best first: one far from every distribution's own, and for hosts that are containers
    /// themselves, with 65,536 ids, the end of Debian's.
    private static let ranges: [(base: UInt32, sandboxes: Int)] = [(1_879_000_000, 8192), (64_000, 480)]

    /// Takes the first pair that is free; nil if no range is usable here: then a user namespace has to do.
    static func take(_ root: StateRoot) -> HostUsers? {
        let mapped = mappedIDs("/proc/self/uid_map"), mappedGroups = mappedIDs("/proc/self/gid_map")
        for range in ranges {
            let last = range.base + UInt32(2 * range.sandboxes)
            guard mapped.contains(where: { $0.contains(range.base) && $0.contains(last) }),
                mappedGroups.contains(where: { $0.contains(range.base) && $0.contains(last) })
            else { continue }
            for number in 0..<range.sandboxes {
                if let lock = root.lockUserSlot(number) { return HostUsers(first: range.base + UInt32(2 * number), lock: lock) }
            }
        }
        return nil
    }

    /// The ids that exist in the caller's user namespace.
    private static func mappedIDs(_ path: String) -> [Range<UInt32>] {
        let lines = ((try? HostPath.read(path)) ?? []).split(separator: 0x0a)
        return lines.compactMap { line in
            let numbers = line.split(separator: 0x20).compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count == 3 else { return nil }
            let (end, overflow) = numbers[0].addingReportingOverflow(numbers[2])
            return numbers[0]..<(overflow ? .max : end)
        }
    }
}
