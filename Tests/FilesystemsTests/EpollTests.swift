import LinuxABI
import Primitives
import Testing
import VFS

@testable import Filesystems

@Suite struct EpollTests {
    let context = makeContext()
    let epoll = EpollDescription(flags: [])
    let reader: PipeDescription
    let writer: PipeDescription

    init() {
        (reader, writer) = PipeDescription.makePipe(flags: [], context)
        for description in [epoll, reader, writer] { description.retain() }
    }

    private func write(_ count: Int = 1) throws {
        _ = try writer.write(from: ArraySource([UInt8](repeating: 1, count: count)), at: nil, context)
    }

    private func drain() throws {
        _ = try reader.read(into: ArraySink(capacity: 65536), at: nil, context)
    }

    private func wait(_ instance: EpollDescription? = nil, limit: Int = 10) throws -> [EpollEvent] {
        var events: [EpollEvent] = []
        _ = try (instance ?? epoll).deliver(limit: limit) { (all: [EpollEvent]) throws(Errno) in events = all }
        return events
    }

    private let input = ReadyEvents.POLLIN.rawValue

    @Test func levelTriggeredReportsWhileReady() throws {
        try epoll.add(3, reader, EpollEvent(events: input, data: 42))
        #expect(try wait().isEmpty)
        try write()
        #expect(try wait() == [EpollEvent(events: input, data: 42)])
        #expect(try wait() == [EpollEvent(events: input, data: 42)])
        #expect(epoll.poll() == .readable)
        try drain()
        #expect(try wait().isEmpty)
        #expect(epoll.poll() == [])
    }

    @Test func edgeTriggeredReportsEachWriteOnce() throws {
        try epoll.add(3, reader, EpollEvent(events: input | EpollEvent.EPOLLET, data: 1))
        try write()
        #expect(try wait().count == 1)
        #expect(try wait().isEmpty)
        try write()
        #expect(try wait().count == 1)
    }

    @Test func oneShotReportsOnceUntilArmedAgain() throws {
        let event = EpollEvent(events: input | EpollEvent.EPOLLONESHOT, data: 1)
        try epoll.add(3, reader, event)
        try write()
        #expect(try wait().count == 1)
        try write()
        #expect(try wait().isEmpty)
        try epoll.modify(3, reader, event)
        #expect(try wait().count == 1)
    }

    @Test func hangUpIsAlwaysReported() throws {
        try epoll.add(3, reader, EpollEvent(events: 0, data: 9))
        writer.release(context)
        #expect(try wait() == [EpollEvent(events: ReadyEvents.POLLHUP.rawValue, data: 9)])
    }

    @Test func closingADescriptionRemovesItsItems() throws {
        try epoll.add(3, reader, EpollEvent(events: input, data: 9))
        try epoll.add(4, reader, EpollEvent(events: input, data: 10))
        try write()
        reader.release(context)
        #expect(try wait().isEmpty)
        #expect(errno { () throws(Errno) in try epoll.remove(3, reader) } == .ENOENT)
    }

    @Test func releasingTheInstanceLeavesTheDescriptionsAlone() throws {
        try epoll.add(3, reader, EpollEvent(events: input, data: 9))
        epoll.release(context)
        #expect(reader.epollItems.isEmpty)
        try write()
    }

    @Test func controlErrors() throws {
        #expect(errno { () throws(Errno) in try epoll.modify(3, reader, EpollEvent(events: 1, data: 0)) } == .ENOENT)
        try epoll.add(3, reader, EpollEvent(events: 1, data: 0))
        #expect(errno { () throws(Errno) in try epoll.add(3, reader, EpollEvent(events: 1, data: 0)) } == .EEXIST)
        #expect(errno { () throws(Errno) in try epoll.add(5, epoll, EpollEvent(events: 1, data: 0)) } == .EINVAL)
        let null = try CharacterDevices.open(DeviceNumber.null, inode: nil, path: nil, flags: [], context)
        #expect(errno { () throws(Errno) in try epoll.add(6, null, EpollEvent(events: 1, data: 0)) } == .EPERM)
    }

    @Test func aFaultKeepsTheEvent() throws {
        try epoll.add(3, reader, EpollEvent(events: input | EpollEvent.EPOLLET, data: 1))
        try write()
        #expect(
            errno { () throws(Errno) in
                _ = try epoll.deliver(limit: 1) { (_: [EpollEvent]) throws(Errno) in throw .EFAULT }
            } == .EFAULT)
        #expect(try wait().count == 1)
    }

    @Test func instancesNestButNotInCirclesNorTooDeep() throws {
        var chain = [epoll]
        for _ in 1..<5 {
            let outer = EpollDescription(flags: [])
            outer.retain()
            guard let inner = chain.last else { return }
            try outer.add(3, inner, EpollEvent(events: input, data: 7))
            chain.append(outer)
        }
        let sixth = EpollDescription(flags: [])
        #expect(errno { () throws(Errno) in try sixth.add(3, chain[4], EpollEvent(events: 1, data: 0)) } == .ELOOP)
        #expect(errno { () throws(Errno) in try chain[0].add(3, chain[2], EpollEvent(events: 1, data: 0)) } == .ELOOP)
        try epoll.add(3, reader, EpollEvent(events: input, data: 1))
        #expect(try wait(chain[4]).isEmpty)
        try write()
        #expect(try wait(chain[4]) == [EpollEvent(events: input, data: 7)])
        for description in chain.reversed() { description.release(context) }
    }

    @Test func eventFDCounts() throws {
        let event = EventFDDescription(initialValue: 0, isSemaphore: false, flags: [])
        event.retain()
        try epoll.add(3, event, EpollEvent(events: input, data: 5))
        #expect(try wait().isEmpty)
        let five: [UInt8] = [5, 0, 0, 0, 0, 0, 0, 0]
        #expect(try event.write(from: ArraySource(five), at: nil, context) == 8)
        #expect(try wait().count == 1)
        let sink = ArraySink(capacity: 8)
        #expect(try event.read(into: sink, at: nil, context) == 8)
        #expect(sink.bytes == five)
        #expect(errno { () throws(Errno) in _ = try event.read(into: ArraySink(capacity: 8), at: nil, context) } == .EAGAIN)
        #expect(
            errno { () throws(Errno) in
                _ = try event.write(from: ArraySource([UInt8](repeating: 0xff, count: 8)), at: nil, context)
            } == .EINVAL)
        event.release(context)
    }
}
