import HostSyscalls

/// Deadlines that are not a thread's own sleep: alarms, interval timers, time limits. One host thread waits for the earliest.
///
/// Guarded by the kernel lock.
public final class TimerQueue {
    /// A scheduled body; cancelled by ``TimerQueue/cancel(_:)``.
    public final class Timer {
        public let deadline: UInt64
        fileprivate let sequence: UInt64
        fileprivate var body: (() -> Void)?

        fileprivate init(deadline: UInt64, sequence: UInt64, body: @escaping () -> Void) {
            self.deadline = deadline
            self.sequence = sequence
            self.body = body
        }
    }

    private let lock: FutexLock
    private let changed = HostSemaphore()
    /// A binary heap by deadline, then age.
    private var heap: [Timer] = []
    private var sequence: UInt64 = 0

    init(lock: FutexLock) { self.lock = lock }

    /// Runs `body` under the kernel lock once CLOCK_MONOTONIC reaches `deadline` (ns).
    @discardableResult
    public func schedule(at deadline: UInt64, _ body: @escaping () -> Void) -> Timer {
        sequence += 1
        let timer = Timer(deadline: deadline, sequence: sequence, body: body)
        heap.append(timer)
        siftUp(heap.count - 1)
        if heap[0] === timer { changed.post() }
        return timer
    }

    /// Makes sure the body does not run. Its place in the heap goes when its time comes, or when cancelled ones are the majority.
    public func cancel(_ timer: Timer) {
        guard timer.body != nil else { return }
        timer.body = nil
        cancelled += 1
        if cancelled > 64 && cancelled > heap.count / 2 {
            heap.removeAll { $0.body == nil }
            cancelled = 0
            for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
        }
    }

    private var cancelled = 0

    func start(afterwards drain: @escaping () -> Void) {
        HostThread.start("timers") { [self] in
            while true {
                lock.lock()
                let now = HostClock.monotonic
                while let first = heap.first, first.deadline <= now || first.body == nil {
                    removeFirst()
                    if first.body == nil { cancelled = max(0, cancelled - 1) }
                    let body = first.body
                    first.body = nil
                    body?()
                }
                let next = heap.first?.deadline
                drain()
                lock.unlock()
                changed.wait(until: next)
            }
        }
    }

    private func isBefore(_ left: Timer, _ right: Timer) -> Bool {
        left.deadline != right.deadline ? left.deadline < right.deadline : left.sequence < right.sequence
    }

    private func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard isBefore(heap[index], heap[parent]) else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    private func siftDown(_ start: Int) {
        var index = start
        while true {
            let left = 2 * index + 1
            guard left < heap.count else { return }
            let right = left + 1
            let least = right < heap.count && isBefore(heap[right], heap[left]) ? right : left
            guard isBefore(heap[least], heap[index]) else { return }
            heap.swapAt(index, least)
            index = least
        }
    }

    private func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        siftDown(0)
    }
}
