// timerfd_create(2): a timer whose expirations are read.
import HostSyscalls
import Kernel
import LinuxABI
import Primitives
import VFS

/// A timerfd object. Guarded by the kernel lock.
///
/// Like Linux's, it asks for one event at a time: until the expirations are read, an interval timer only counts on paper, so that an
/// interval of a nanosecond costs nobody anything.
public final class TimerFDDescription: FileDescription {
    /// The clocks that timerfd_create(2) takes.
    public enum Clock {
        case realtime
        case monotonic
        case boottime

        /// What to add to CLOCK_MONOTONIC to get this clock, ns.
        var offset: UInt64 {
            switch self {
            case .realtime: HostClock.realtime.totalNanoseconds &- HostClock.monotonic
            case .monotonic: 0
            case .boottime: HostClock.boottime &- HostClock.monotonic
            }
        }
    }

    private unowned let kernel: Kernel
    private let clock: Clock
    /// CLOCK_MONOTONIC of the next expiration that has not been counted; nil: disarmed.
    private var deadline: UInt64?
    /// 0: expires once.
    private var interval: UInt64 = 0
    private var expirations: UInt64 = 0
    private var timer: TimerQueue.Timer?
    private let queue = WaitQueue()
    private let node = AnonymousInode.make()

    public init(kernel: Kernel, clock: Clock, flags: OpenFlags) {
        self.kernel = kernel
        self.clock = clock
        super.init(flags: flags.union(.O_RDWR), path: nil)
    }

    override public var inode: Inode? { node }

    /// Time to the next expiration and interval, ns; (0, interval) when disarmed.
    public var setting: (remaining: UInt64, interval: UInt64) {
        guard deadline != nil else { return (0, interval) }
        let now = kernel.monotonicNow
        count(upTo: now)
        guard let deadline else { return (0, interval) }
        return (deadline > now ? deadline - now : 1, interval)
    }

    /// timerfd_settime(2): `value` nil disarms. The previous setting is read before.
    public func arm(_ value: UInt64?, interval: UInt64, isAbsolute: Bool) {
        cancel()
        expirations = 0
        self.interval = interval
        guard let value else {
            deadline = nil
            return
        }
        let now = kernel.monotonicNow
        if isAbsolute {
            let offset = clock.offset
            deadline = value > offset ? value - offset : 0
        } else {
            let (sum, overflow) = now.addingReportingOverflow(value)
            deadline = overflow ? .max : sum
        }
        schedule()
    }

    private func schedule() {
        guard timer == nil, let deadline else { return }
        timer = kernel.timers.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            self.timer = nil
            self.count(upTo: self.kernel.monotonicNow)
            if self.expirations > 0 { self.queue.wake(.readable) } else { self.schedule() }
        }
    }

    private func cancel() {
        if let timer { kernel.timers.cancel(timer) }
        timer = nil
    }

    /// Counts the expirations up to `now`.
    private func count(upTo now: UInt64) {
        guard let due = deadline, due <= now else { return }
        if interval == 0 {
            expirations &+= 1
            deadline = nil
        } else {
            let periods = (now - due) / interval + 1
            expirations &+= periods
            let (span, overflow) = periods.multipliedReportingOverflow(by: interval)
            let (next, carry) = due.addingReportingOverflow(span)
            deadline = overflow || carry ? .max : next
        }
    }

    /// - Throws: `EINVAL` for less than 8 bytes; `EAGAIN` before the next expiration.
    override public func read(into sink: IOSink, at offset: Int64?, _ context: VFSContext) throws(Errno) -> Int {
        if offset != nil { throw .ESPIPE }
        guard sink.remaining >= 8 else { throw .EINVAL }
        count(upTo: kernel.monotonicNow)
        guard expirations > 0 else { throw .EAGAIN }
        try deliverWord(expirations, into: sink)
        expirations = 0
        // One event at a time: the next is asked for now.
        schedule()
        return 8
    }

    override public func poll() -> ReadyEvents {
        if expirations > 0 { return .readable }
        guard let deadline, deadline <= kernel.monotonicNow else { return [] }
        return .readable
    }

    override public var waitQueue: WaitQueue? { queue }
    override public func released(_ context: VFSContext) { cancel() }
    /// noop_llseek of Linux.
    override public func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 { 0 }
    override public var displayName: String { "anon_inode:[timerfd]" }
}
