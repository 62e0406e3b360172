internal import CHost

/// A plain lock: an atomic word, a short spin, the host's futex.
///
/// Our own because `Synchronization.Mutex` on Linux is a priority-inheritance futex: its fair hand-over makes convoys, and its cached
/// thread id is stale after a raw clone (../shared/style.md, section 5). The word lies in memory of its own: a futex needs its address.
public final class FutexLock: @unchecked Sendable {
    /// 0 free, 1 held, 2 held and somebody may sleep.
    private let word: UnsafeMutablePointer<UInt32>

    public init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    public func lock() {
        if chost_compare_exchange(word, 0, 1) != 0 { return }
        lockSlowly()
    }

    @inline(never)
    private func lockSlowly() {
        for _ in 0..<100 {
            if chost_load_acquire(word) == 0, chost_compare_exchange(word, 0, 1) != 0 { return }
            chost_pause()
        }
        while chost_exchange(word, 2) != 0 {
            _ = rawHostCall(HostSyscall.futex, Int(bitPattern: word), 128, 2, 0)
        }
    }

    public func unlock() {
        if chost_exchange(word, 0) == 2 { _ = rawHostCall(HostSyscall.futex, Int(bitPattern: word), 129, 1, 0) }
    }
}

/// A counting signal between host threads: `post` wakes one `wait`.
public final class HostSemaphore: @unchecked Sendable {
    private let word: UnsafeMutablePointer<UInt32>

    public init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    public func post() {
        while true {
            let count = chost_load_acquire(word)
            if chost_compare_exchange(word, count, count &+ 1) != 0 { break }
        }
        _ = rawHostCall(HostSyscall.futex, Int(bitPattern: word), 129, 1, 0)
    }

    /// Takes one post, or gives up at `deadline` (CLOCK_MONOTONIC ns). Whether one was taken.
    @discardableResult
    public func wait(until deadline: UInt64? = nil) -> Bool {
        while true {
            let count = chost_load_acquire(word)
            if count > 0 {
                if chost_compare_exchange(word, count, count - 1) != 0 { return true }
                continue
            }
            var timeout: (Int64, Int64) = (0, 0)
            if let deadline {
                timeout = (Int64(deadline / 1_000_000_000), Int64(deadline % 1_000_000_000))
            }
            let result = withUnsafePointer(to: &timeout) { pointer in
                // FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG: the timeout is absolute.
                rawHostCall(HostSyscall.futex, Int(bitPattern: word), 9 | 128, 0, deadline == nil ? 0 : Int(bitPattern: pointer), 0, -1)
            }
            if result == -110 { return false }
        }
    }
}
