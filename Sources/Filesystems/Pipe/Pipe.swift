// The pipe itself: a bounded ring of bytes between readers and writers. Guarded by the kernel lock.
import LinuxABI
import Primitives
import Synchronization
import VFS

/// `PIPE_BUF`: a write of at most so many bytes goes in whole or not at all.
let pipeAtomicWriteSize = 4096

/// A pipe, anonymous or behind a fifo's inode (Linux's `pipe_inode_info`).
public final class Pipe {
    /// `/proc/sys/fs/pipe-max-size`.
    public static let maximumCapacity = 1 << 20
    static let defaultCapacity = 65536
    /// `/proc/sys/fs/pipe-user-pages-soft`: past it new pipes get two pages, and none may grow. Bounds what pipes hold in the sentry.
    static let softPageLimit = 16384
    private static let pagesCharged = Atomic<Int>(0)

    private var ring = RingBuffer()
    /// The most bytes it holds.
    public private(set) var capacity: Int
    /// Open descriptions that read, and that write.
    private(set) var readers = 0
    private(set) var writers = 0
    /// How often a reader, a writer was ever added: opens of a fifo wait for a change.
    private(set) var readerOpenings: UInt64 = 0
    private(set) var writerOpenings: UInt64 = 0
    let waitQueue = WaitQueue()

    init() {
        capacity = Self.pagesCharged.load(ordering: .relaxed) < Self.softPageLimit ? Self.defaultCapacity : 2 * Int(pageSize)
        charge(capacity)
    }

    deinit { charge(-capacity) }

    private func charge(_ bytes: Int) {
        Self.pagesCharged.add(bytes / Int(pageSize), ordering: .relaxed)
    }

    /// Bytes that a read would find (FIONREAD).
    var byteCount: Int { ring.count }

    /// Whether poll(2) calls it writable: room for a write that must go in whole.
    private var hasRoom: Bool { capacity - ring.count >= pipeAtomicWriteSize }

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
        if ring.isEmpty {
            if writers == 0 { return 0 }
            throw .EAGAIN
        }
        let hadRoom = hasRoom
        var total = 0
        while !ring.isEmpty && sink.remaining > 0 {
            let piece = ring.filled
            let taken: Int
            do throws(Errno) { taken = try sink.write(piece) } catch {
                if total == 0 { throw error }
                break
            }
            ring.consume(taken)
            total += taken
            if taken < piece.count { break }
        }
        if !hadRoom && hasRoom { waitQueue.wake(.writable) }
        return total
    }

    /// - Throws: `EPIPE` without readers; `EAGAIN` if nothing fits, or not all of a write of at most PIPE_BUF bytes; `EFAULT`.
    func write(from source: IOSource) throws(Errno) -> Int {
        if source.remaining == 0 { return 0 }
        if readers == 0 { throw .EPIPE }
        let room = capacity - ring.count
        if room < min(source.remaining, pipeAtomicWriteSize) && (room == 0 || source.remaining <= pipeAtomicWriteSize) {
            throw .EAGAIN
        }
        var wanted = min(room, source.remaining)
        ring.reserve(wanted)
        var total = 0
        while wanted > 0 {
            let piece = ring.free(upTo: wanted)
            let taken: Int
            do throws(Errno) { taken = try source.read(into: piece) } catch {
                if total == 0 { throw error }
                break
            }
            ring.commit(taken)
            total += taken
            wanted -= taken
            if taken < piece.count { break }
        }
        // Every write, not only the first into an empty pipe: an edge-triggered epoll item wants an event for each, as on Linux.
        if total > 0 { waitQueue.wake(.readable) }
        return total
    }

    // Size.

    /// F_SETPIPE_SZ: the capacity becomes `bytes`, rounded up to a power of two of pages.
    ///
    /// - Throws: `EINVAL` for what no pipe can hold; `EPERM` past the limits; `EBUSY` if it holds more.
    public func setCapacity(_ bytes: UInt64) throws(Errno) -> Int {
        guard bytes <= 1 << 31 else { throw .EINVAL }
        guard bytes <= UInt64(Self.maximumCapacity) else { throw .EPERM }
        var size = Int(pageSize)
        while size < Int(bytes) { size *= 2 }
        if size > capacity && Self.pagesCharged.load(ordering: .relaxed) + (size - capacity) / Int(pageSize) > Self.softPageLimit {
            throw .EPERM
        }
        if size < ring.count { throw .EBUSY }
        let hadRoom = hasRoom
        charge(size - capacity)
        capacity = size
        if !hadRoom && hasRoom { waitQueue.wake(.writable) }
        return size
    }

    // Readiness.

    var readerEvents: ReadyEvents { ring.isEmpty ? [] : .readable }

    var writerEvents: ReadyEvents {
        var events: ReadyEvents = hasRoom ? .writable : []
        if readers == 0 { events.insert(.POLLERR) }
        return events
    }
}
