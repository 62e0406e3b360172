// epoll(7): watches descriptions through their wait queues, and keeps those that may be ready in a list.
//
// Nothing is ever scanned: a wake puts an item on the ready list, and epoll_wait looks at that list only.
import LinuxABI
import Primitives
import Synchronization
import VFS

/// `struct epoll_event` as the guest gives it: Linux's bits, and a word of the guest's own.
public struct EpollEvent: Equatable, Sendable {
    public static let EPOLLEXCLUSIVE: UInt32 = 1 << 28
    public static let EPOLLWAKEUP: UInt32 = 1 << 29
    public static let EPOLLONESHOT: UInt32 = 1 << 30
    public static let EPOLLET: UInt32 = 1 << 31
    /// The structure's size for the guest (packed on x86-64).
    public static let size = 12

    public var events: UInt32
    public var data: UInt64

    public init(events: UInt32, data: UInt64) {
        self.events = events
        self.data = data
    }
}

/// An epoll instance. Guarded by the kernel lock.
public final class EpollDescription: FileDescription {
    /// `/proc/sys/fs/epoll/max_user_watches`, for the whole sandbox.
    public static let maximumWatches = 262_144
    /// Linux's EP_MAX_NESTS, and one: how many instances may watch one another in a chain.
    private static let maximumNesting = 5
    private static let watchCount = Atomic<Int>(0)

    private struct Key: Hashable {
        let fd: Int32
        let description: ObjectIdentifier
    }

    private var items: [Key: EpollItem] = [:]
    /// How many of them watch other epoll instances.
    private var nestedCount = 0
    private var ready = ReadyList()
    private let queue = WaitQueue()
    private let node = AnonymousInode.make()

    public init(flags: OpenFlags) { super.init(flags: flags.union(.O_RDWR), path: nil) }

    // epoll_ctl(2).

    /// EPOLL_CTL_ADD.
    ///
    /// - Throws: `EEXIST`; `EPERM` if `description` cannot be waited for; `EINVAL`, `ELOOP` for epoll instances that would watch
    ///   themselves; `ENOSPC` past ``maximumWatches``.
    public func add(_ fd: Int32, _ description: FileDescription, _ event: EpollEvent) throws(Errno) {
        guard description !== self else { throw .EINVAL }
        guard let queue = description.waitQueue else { throw .EPERM }
        let key = Key(fd: fd, description: ObjectIdentifier(description))
        guard items[key] == nil else { throw .EEXIST }
        let nested = description as? EpollDescription
        if event.events & EpollEvent.EPOLLEXCLUSIVE != 0 {
            let allowed = EpollEvent.EPOLLEXCLUSIVE | EpollEvent.EPOLLET | EpollEvent.EPOLLWAKEUP | 0x1 | 0x4 | 0x8 | 0x10
            guard nested == nil, event.events & ~allowed == 0 else { throw .EINVAL }
        }
        if let nested { try checkNesting(nested) }
        guard Self.watchCount.load(ordering: .relaxed) < Self.maximumWatches else { throw .ENOSPC }
        Self.watchCount.add(1, ordering: .relaxed)
        let item = EpollItem(epoll: self, fd: fd, description: description, event: event)
        items[key] = item
        if nested != nil { nestedCount += 1 }
        description.epollItems.append(item)
        queue.add(item)
        noteIfReady(item)
    }

    /// EPOLL_CTL_MOD: also arms a one-shot item again.
    ///
    /// - Throws: `ENOENT`; `EINVAL` for EPOLLEXCLUSIVE.
    public func modify(_ fd: Int32, _ description: FileDescription, _ event: EpollEvent) throws(Errno) {
        guard description !== self else { throw .EINVAL }
        guard let item = items[Key(fd: fd, description: ObjectIdentifier(description))] else { throw .ENOENT }
        guard (event.events | item.event.events) & EpollEvent.EPOLLEXCLUSIVE == 0 else { throw .EINVAL }
        item.arm(event)
        noteIfReady(item)
    }

    /// EPOLL_CTL_DEL. - Throws: `ENOENT`.
    public func remove(_ fd: Int32, _ description: FileDescription) throws(Errno) {
        guard description !== self else { throw .EINVAL }
        guard let item = items[Key(fd: fd, description: ObjectIdentifier(description))] else { throw .ENOENT }
        description.epollItems.removeAll { $0 === item }
        forget(item)
    }

    /// Takes `item` out of everything of this instance; the watched description no longer knows it.
    fileprivate func forget(_ item: EpollItem) {
        item.leave()
        ready.remove(item)
        items[Key(fd: item.fd, description: ObjectIdentifier(item.description))] = nil
        if item.description is EpollDescription { nestedCount -= 1 }
        Self.watchCount.subtract(1, ordering: .relaxed)
    }

    private func noteIfReady(_ item: EpollItem) {
        if item.currentEvents != 0 { note(item) }
    }

    /// `item` may have become ready.
    fileprivate func note(_ item: EpollItem) {
        ready.append(item)
        queue.wake(.readable)
    }

    override public func released(_ context: VFSContext) {
        for item in Array(items.values) {
            item.description.epollItems.removeAll { $0 === item }
            forget(item)
        }
    }

    deinit {
        // Never installed, or released: then there is nothing left.
        for item in items.values {
            item.description.epollItems.removeAll { $0 === item }
            item.leave()
            Self.watchCount.subtract(1, ordering: .relaxed)
        }
    }

    // epoll_wait(2).

    /// Passes at most `limit` ready events to `emit`, all at once, in the order they became ready; `emit` is not called without any.
    ///
    /// - Returns: how many; 0 means that a caller has to wait on ``waitQueue``.
    /// - Throws: what `emit` throws; then nothing counts as delivered.
    public func deliver(limit: Int, _ emit: ([EpollEvent]) throws(Errno) -> Void) throws(Errno) -> Int {
        var chosen: [EpollItem] = []
        var events: [EpollEvent] = []
        var left = ready.count
        while chosen.count < limit && left > 0, let item = ready.first {
            left -= 1
            ready.remove(item)
            let current = item.currentEvents
            if current == 0 { continue }
            chosen.append(item)
            events.append(EpollEvent(events: current, data: item.event.data))
        }
        if chosen.isEmpty { return 0 }
        do throws(Errno) { try emit(events) } catch {
            for item in chosen.reversed() { ready.prepend(item) }
            throw error
        }
        for item in chosen {
            if item.event.events & EpollEvent.EPOLLONESHOT != 0 {
                item.disarm()
            } else if item.event.events & EpollEvent.EPOLLET == 0 {
                // Level-triggered: looked at again next time, after those that came meanwhile.
                ready.append(item)
            }
        }
        return chosen.count
    }

    override public func poll() -> ReadyEvents {
        while let item = ready.first {
            if item.currentEvents != 0 { return .readable }
            ready.remove(item)
        }
        return []
    }

    override public var waitQueue: WaitQueue? { queue }
    override public var inode: Inode? { node }
    /// noop_llseek of Linux.
    override public func seek(_ offset: Int64, whence: Int32, _ context: VFSContext) throws(Errno) -> Int64 { 0 }
    override public var displayName: String { "anon_inode:[eventpoll]" }

    /// What /proc/PID/fdinfo shows of its items.
    var watchLines: String {
        var text = ""
        for item in items.values {
            text +=
                "tfd: \(decimal(Int64(item.fd), width: 8)) events: \(hexadecimal(UInt64(item.event.events), width: 8)) "
                + "data: \(hexadecimal(item.event.data, width: 16))\n"
        }
        return text
    }

    // Nesting.

    /// - Throws: `ELOOP` if watching `target` closed a circle or made a chain too long.
    private func checkNesting(_ target: EpollDescription) throws(Errno) {
        var seen: Set<ObjectIdentifier> = []
        let below = try Self.chain(from: target, depth: 1, &seen, avoiding: self) { $0.watchedInstances }
        seen.removeAll()
        let above = try Self.chain(from: self, depth: 1, &seen, avoiding: target) { $0.watchingInstances }
        if below + above > Self.maximumNesting { throw .ELOOP }
    }

    /// The length of the longest chain from `start` on; every instance is visited once, and no deeper than allowed.
    private static func chain(
        from start: EpollDescription, depth: Int, _ seen: inout Set<ObjectIdentifier>, avoiding end: EpollDescription,
        _ next: (EpollDescription) -> [EpollDescription]
    ) throws(Errno) -> Int {
        if start === end || depth > maximumNesting { throw .ELOOP }
        var longest = 1
        for instance in next(start) where seen.insert(ObjectIdentifier(instance)).inserted {
            longest = max(longest, 1 + (try chain(from: instance, depth: depth + 1, &seen, avoiding: end, next)))
        }
        return longest
    }

    private var watchedInstances: [EpollDescription] {
        nestedCount == 0 ? [] : items.values.compactMap { $0.description as? EpollDescription }
    }

    private var watchingInstances: [EpollDescription] { epollItems.compactMap { ($0 as? EpollItem)?.epoll } }
}

/// One watched descriptor. Owned by its epoll instance, which lives as long as any of its items.
final class EpollItem: Waiter, DescriptionObserver {
    fileprivate unowned let epoll: EpollDescription
    fileprivate unowned let description: FileDescription
    fileprivate let fd: Int32
    fileprivate private(set) var event: EpollEvent
    private var isArmed = true
    /// Links of the instance's ready list; items on it are kept alive by the instance.
    fileprivate unowned(unsafe) var nextReady: EpollItem?
    fileprivate unowned(unsafe) var previousReady: EpollItem?
    fileprivate var isListed = false

    fileprivate init(epoll: EpollDescription, fd: Int32, description: FileDescription, event: EpollEvent) {
        self.epoll = epoll
        self.fd = fd
        self.description = description
        self.event = event
        super.init(interest: Self.interest(event))
    }

    private static func interest(_ event: EpollEvent) -> ReadyEvents {
        ReadyEvents(rawValue: event.events & 0x3fff).union([.POLLERR, .POLLHUP])
    }

    fileprivate func arm(_ event: EpollEvent) {
        self.event = event
        interest = Self.interest(event)
        isArmed = true
    }

    /// After a one-shot event: nothing more until EPOLL_CTL_MOD.
    fileprivate func disarm() { isArmed = false }

    /// What it would report now.
    fileprivate var currentEvents: UInt32 { isArmed ? description.poll().intersection(interest).rawValue : 0 }

    override func wake(_ events: ReadyEvents) {
        if isArmed { epoll.note(self) }
    }

    func descriptionReleased() { epoll.forget(self) }
}

/// Items that may be ready, in order of arrival, each at most once.
private struct ReadyList {
    private(set) unowned(unsafe) var first: EpollItem?
    private unowned(unsafe) var last: EpollItem?
    private(set) var count = 0

    mutating func append(_ item: EpollItem) {
        if item.isListed { return }
        item.isListed = true
        count += 1
        item.previousReady = last
        item.nextReady = nil
        if let last { last.nextReady = item } else { first = item }
        last = item
    }

    mutating func prepend(_ item: EpollItem) {
        if item.isListed { return }
        item.isListed = true
        count += 1
        item.previousReady = nil
        item.nextReady = first
        if let first { first.previousReady = item } else { last = item }
        first = item
    }

    mutating func remove(_ item: EpollItem) {
        guard item.isListed else { return }
        item.isListed = false
        count -= 1
        if let previous = item.previousReady { previous.nextReady = item.nextReady } else { first = item.nextReady }
        if let next = item.nextReady { next.previousReady = item.previousReady } else { last = item.previousReady }
        item.nextReady = nil
        item.previousReady = nil
    }
}
