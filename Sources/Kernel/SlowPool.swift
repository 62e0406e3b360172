import HostSyscalls

/// Threads for calls that wait for the outside world (a gofer): a few, so that a hung mount stalls only itself (design, section 5).
///
/// Guarded by the kernel lock; a job runs with it held and releases it in ``TaskContext/blocking(_:)``.
final class SlowPool {
    private let lock: FutexLock
    private let threadCount: Int
    private let available = HostSemaphore()
    /// nil: taken. A job that stayed would keep what it holds, a caller's pipe among it.
    private var jobs: [(() -> Void)?] = []
    private var first = 0

    init(lock: FutexLock, threadCount: Int) {
        self.lock = lock
        self.threadCount = threadCount
    }

    func submit(_ job: @escaping () -> Void) {
        jobs.append(job)
        available.post()
    }

    func start(afterwards drain: @escaping () -> Void) {
        for index in 0..<threadCount {
            HostThread.start("slow-\(index)") { [self] in
                while true {
                    available.wait()
                    lock.lock()
                    let job = take()
                    job?()
                    drain()
                    lock.unlock()
                }
            }
        }
    }

    private func take() -> (() -> Void)? {
        guard first < jobs.count else { return nil }
        let job = jobs[first]
        jobs[first] = nil
        first += 1
        if first > 64 && first * 2 > jobs.count {
            jobs.removeFirst(first)
            first = 0
        }
        return job
    }
}
