/// What a waiter waits for and a waker announces: Linux's poll bits (`POLLIN` …), so that one queue serves reads, writes and epoll.
public struct ReadyEvents: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    @inlinable public static var POLLIN: ReadyEvents { .init(rawValue: 0x001) }
    @inlinable public static var POLLPRI: ReadyEvents { .init(rawValue: 0x002) }
    @inlinable public static var POLLOUT: ReadyEvents { .init(rawValue: 0x004) }
    @inlinable public static var POLLERR: ReadyEvents { .init(rawValue: 0x008) }
    @inlinable public static var POLLHUP: ReadyEvents { .init(rawValue: 0x010) }
    @inlinable public static var POLLNVAL: ReadyEvents { .init(rawValue: 0x020) }
    @inlinable public static var POLLRDNORM: ReadyEvents { .init(rawValue: 0x040) }
    @inlinable public static var POLLWRNORM: ReadyEvents { .init(rawValue: 0x100) }
    @inlinable public static var POLLRDHUP: ReadyEvents { .init(rawValue: 0x2000) }

    /// Data can be read.
    @inlinable public static var readable: ReadyEvents { [.POLLIN, .POLLRDNORM] }
    /// Data can be written.
    @inlinable public static var writable: ReadyEvents { [.POLLOUT, .POLLWRNORM] }
    /// Anything at all.
    @inlinable public static var any: ReadyEvents { .init(rawValue: .max) }
}

/// Somebody who waits on one ``WaitQueue``: a parked call, an epoll item. Preallocated by its owner, linked into the queue itself.
///
/// Guarded by the kernel lock, like the queue.
open class Waiter {
    public final var interest: ReadyEvents
    /// The queue holds its waiters unretained: the owner removes a waiter before it lets go of it.
    fileprivate final unowned(unsafe) var next: Waiter?
    fileprivate final unowned(unsafe) var previous: Waiter?
    public final private(set) var queue: WaitQueue?

    public init(interest: ReadyEvents = .any) { self.interest = interest }

    deinit { precondition(queue == nil, "a waiter died in its queue") }

    /// Called with the kernel lock held when something of ``interest`` happened. It must only note the fact (queue a task
    /// for resumption): no copying of guest memory, no attempt of the call itself. It may remove itself from the queue.
    open func wake(_ events: ReadyEvents) {}

    /// Leaves its queue, if it is in one.
    public final func leave() { queue?.remove(self) }

    fileprivate final func setQueue(_ queue: WaitQueue?) { self.queue = queue }
}

/// The waiters for one object's state, in order of arrival. Guarded by the kernel lock.
public final class WaitQueue {
    private unowned(unsafe) var first: Waiter?
    private unowned(unsafe) var last: Waiter?

    public init() {}

    public var isEmpty: Bool { first == nil }

    /// Appends `waiter`, which must be in no queue.
    public func add(_ waiter: Waiter) {
        precondition(waiter.queue == nil, "a waiter is in one queue at a time")
        waiter.setQueue(self)
        waiter.previous = last
        waiter.next = nil
        if let last { last.next = waiter } else { first = waiter }
        last = waiter
    }

    public func remove(_ waiter: Waiter) {
        guard waiter.queue === self else { return }
        if let previous = waiter.previous { previous.next = waiter.next } else { first = waiter.next }
        if let next = waiter.next { next.previous = waiter.previous } else { last = waiter.previous }
        waiter.next = nil
        waiter.previous = nil
        waiter.setQueue(nil)
    }

    /// Wakes every waiter that has an interest in `events`. `POLLERR` and `POLLHUP` interest everybody, as in poll(2).
    public func wake(_ events: ReadyEvents = .any) {
        var current = first
        while let waiter = current {
            current = waiter.next
            if !waiter.interest.union([.POLLERR, .POLLHUP]).isDisjoint(with: events) { waiter.wake(events) }
        }
    }
}
