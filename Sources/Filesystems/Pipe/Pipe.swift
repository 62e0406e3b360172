// The pipe itself: a bounded ring of pages between readers and writers. Guarded by the kernel lock.
import LinuxABI
import Primitives
import Synchronization
import VFS

/// A pipe, anonymous or behind a fifo's inode (Linux's `pipe_inode_info`).
public final class Pipe {
    /// `/proc/sys/fs/pipe-max-size`.
    public static let maximumCapacity = 1 << 20
    static let defaultPages = 16
    /// `/proc/sys/fs/pipe-user-pages-soft`: past it new pipes get two pages, and none may grow. Bounds what pipes hold in the sentry.
    static let softPageLimit = 16384
    private static let pagesCharged = Atomic<Int>(0)

    private var pages: PipePages
    /// Open descriptions that read, and that write.
    private(set) var readers = 0
    private(set) var writers = 0
    /// How often a reader, a writer was ever added: opens of a fifo wait for a change.
    private(set) var readerOpenings: UInt64 = 0
    private(set) var writerOpenings: UInt64 = 0
    let waitQueue = WaitQueue()

    init() {
        pages = PipePages(limit: Self.pagesCharged.load(ordering: .relaxed) < Self.softPageLimit ? Self.defaultPages : 2)
        charge(pages.limit)
    }

    deinit { charge(-pages.limit) }

    private func charge(_ pageCount: Int) {
        Self.pagesCharged.add(pageCount, ordering: .relaxed)
    }

    /// The most bytes it holds.
    public var capacity: Int { pages.limit * PipePages.pageSize }

    /// Bytes that a read would find (FIONREAD).
    var byteCount: Int { pages.byteCount }

    // Ends.

    func addReader() {
        readers += 1
        readerOpenings += 1
        waitQueue.wake(.any)
    }

    func addWriter() {
        writers += 1
        writerOpenings += 1
        waitQueue.wake(.any)
    }

    func removeReader() {
        readers -= 1
        if readers == 0 { waitQueue.wake([.POLLERR, .writable]) }
    }

    func removeWriter() {
        writers -= 1
        if writers == 0 { waitQueue.wake([.POLLHUP, .readable]) }
    }

    // Data.

    /// - Throws: `EAGAIN` if it is empty and has a writer; `EFAULT`.
    func read(into sink: IOSink) throws(Errno) -> Int {
        if sink.remaining == 0 { return 0 }
        if pages.isEmpty {
            if writers == 0 { return 0 }
            throw .EAGAIN
        }
        let wasFull = pages.isFull
        var total = 0
        while !pages.isEmpty && sink.remaining > 0 {
            let piece = UnsafeRawBufferPointer(rebasing: pages.first.prefix(sink.remaining))
            let taken: Int
            do throws(Errno) { taken = try sink.write(piece) } catch {
                if total == 0 { throw error }
                break
            }
            // A page that could not be delivered whole stays, as on Linux.
            if taken < piece.count {
                if total == 0 { throw .EFAULT }
                break
            }
            pages.consume(taken)
            total += taken
        }
        if wasFull && !pages.isFull { waitQueue.wake(.writable) }
        return total
    }

    /// Bytes go into pages exactly as pipe_write of Linux puts them: that decides what fits, and what is lost to a fault.
    ///
    /// - Throws: `EPIPE` without readers; `EAGAIN` if nothing fits, or not all of a write of at most PIPE_BUF bytes; `EFAULT`.
    func write(from source: IOSource) throws(Errno) -> Int {
        if source.remaining == 0 { return 0 }
        if readers == 0 { throw .EPIPE }
        var total = 0
        // What is more than whole pages goes to the last page if all of it fits there.
        let tail = source.remaining % PipePages.pageSize
        if tail > 0, let room = pages.roomInLast(for: tail) {
            total = try take(tail, from: source, into: room)
            pages.extendLast(by: total)
        }
        do throws(Errno) {
            while source.remaining > 0 && !pages.isFull {
                let count = min(source.remaining, PipePages.pageSize)
                total += try take(count, from: source, into: pages.next)
                pages.append(count)
            }
        } catch {
            if total == 0 { throw error }
        }
        if total == 0 { throw .EAGAIN }
        // Every write, not only the first into an empty pipe: an edge-triggered epoll item wants an event for each, as on Linux.
        waitQueue.wake(.readable)
        return total
    }

    /// Copies `count` bytes or none.
    ///
    /// - Throws: `EFAULT` if not all could be copied.
    private func take(_ count: Int, from source: IOSource, into page: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let taken = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: page[..<count]))
        if taken < count {
            source.giveBack(taken)
            throw .EFAULT
        }
        return taken
    }

    /// tee(2): copies up to `limit` bytes into `other` and leaves them here.
    ///
    /// - Throws: `EAGAIN` if there is nothing yet, or no room; `EPIPE` if `other` has no readers.
    func tee(into other: Pipe, limit: Int) throws(Errno) -> Int {
        if limit == 0 { return 0 }
        if other.readers == 0 { throw .EPIPE }
        if pages.isEmpty {
            if writers == 0 { return 0 }
            throw .EAGAIN
        }
        if other.pages.isFull { throw .EAGAIN }
        var total = 0
        for index in 0..<pages.count where total < limit && !other.pages.isFull {
            let piece = UnsafeRawBufferPointer(rebasing: pages[index].prefix(limit - total))
            other.pages.next.copyMemory(from: piece)
            other.pages.append(piece.count)
            total += piece.count
        }
        other.waitQueue.wake(.readable)
        return total
    }

    // Size.

    /// F_SETPIPE_SZ: the capacity becomes `bytes`, rounded up to a power of two of pages.
    ///
    /// - Throws: `EINVAL` for what no pipe can hold; `EPERM` past the limits; `EBUSY` if it holds more.
    public func setCapacity(_ bytes: UInt64) throws(Errno) -> Int {
        guard bytes <= 1 << 31 else { throw .EINVAL }
        guard bytes <= UInt64(Self.maximumCapacity) else { throw .EPERM }
        var limit = 1
        while limit * PipePages.pageSize < Int(bytes) { limit *= 2 }
        let growth = limit - pages.limit
        if growth > 0 && Self.pagesCharged.load(ordering: .relaxed) + growth > Self.softPageLimit { throw .EPERM }
        if limit < pages.count { throw .EBUSY }
        let wasFull = pages.isFull
        charge(growth)
        pages.setLimit(limit)
        if wasFull && !pages.isFull { waitQueue.wake(.writable) }
        return capacity
    }

    // Readiness.

    var readerEvents: ReadyEvents { pages.isEmpty ? [] : .readable }

    var writerEvents: ReadyEvents {
        var events: ReadyEvents = pages.isFull ? [] : .writable
        if readers == 0 { events.insert(.POLLERR) }
        return events
    }
}
