import Auth
import LinuxABI
import Primitives
import Testing
import VFS

@testable import Filesystems

/// Counts wakes.
final class CountingWaiter: Waiter {
    var wakes = 0
    var events: ReadyEvents = []

    override func wake(_ events: ReadyEvents) {
        wakes += 1
        self.events.formUnion(events)
    }
}

/// A source that has only some of the bytes it promises, as memory with an unmapped page does.
final class FaultingSource: IOSource {
    private var available: Int

    init(count: Int, available: Int) {
        self.available = available
        super.init(count: count)
    }

    override func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let taken = min(available, buffer.count)
        if taken == 0 { throw .EFAULT }
        for index in 0..<taken { buffer[index] = 0x61 }
        available -= taken
        remaining -= taken
        return taken
    }

    override func giveBack(_ count: Int) {
        available += count
        remaining += count
    }
}

func makeContext() -> VFSContext {
    VFSContext(credentials: Credentials(user: 1000, group: 1000, capabilities: []))
}

func errno(_ body: () throws(Errno) -> Void) -> Errno? {
    do throws(Errno) { try body() } catch { return error }
    return nil
}

@Suite struct PipeTests {
    let context = makeContext()

    private func pipe() -> (reader: PipeDescription, writer: PipeDescription) {
        let ends = PipeDescription.makePipe(flags: [], context)
        ends.reader.retain()
        ends.writer.retain()
        return ends
    }

    @discardableResult
    private func write(_ count: Int, _ end: FileDescription, byte: UInt8 = 0x62) throws(Errno) -> Int {
        try end.write(from: ArraySource([UInt8](repeating: byte, count: count)), at: nil, context)
    }

    private func read(_ count: Int, _ end: FileDescription) throws(Errno) -> [UInt8] {
        let sink = ArraySink(capacity: count)
        _ = try end.read(into: sink, at: nil, context)
        return sink.bytes
    }

    @Test func bytesComeOutInOrderAcrossTheRingsEnd() throws {
        let ends = pipe()
        var next: UInt8 = 0
        var expected: UInt8 = 0
        for round in 0..<200 {
            let count = 1 + round * 37 % 3000
            let data = (0..<count).map { _ in
                next &+= 1; return next
            }
            #expect(try ends.writer.write(from: ArraySource(data), at: nil, context) == count)
            for byte in try read(count, ends.reader) {
                expected &+= 1
                #expect(byte == expected)
            }
        }
    }

    @Test func emptyPipeWouldBlockAndEndsWithItsLastWriter() throws {
        let ends = pipe()
        #expect(errno { () throws(Errno) in _ = try read(1, ends.reader) } == .EAGAIN)
        #expect(ends.reader.poll() == [])
        try write(1, ends.writer)
        ends.writer.release(context)
        #expect(ends.reader.poll() == [.POLLIN, .POLLRDNORM, .POLLHUP])
        #expect(try read(5, ends.reader).count == 1)
        #expect(try read(5, ends.reader).isEmpty)
        #expect(ends.reader.poll() == .POLLHUP)
    }

    @Test func smallWritesAreAtomicAndLargeOnesPartial() throws {
        let ends = pipe()
        #expect(try write(65536 - 4096, ends.writer) == 61440)
        #expect(try write(4000, ends.writer) == 4000)
        #expect(try write(50, ends.writer) == 50)
        #expect(ends.writer.poll() == [])
        #expect(errno { () throws(Errno) in try write(47, ends.writer) } == .EAGAIN)
        #expect(errno { () throws(Errno) in try write(4096, ends.writer) } == .EAGAIN)
        #expect(errno { () throws(Errno) in try write(5000, ends.writer) } == .EAGAIN)
        #expect(try write(46, ends.writer) == 46)
        _ = try read(4096, ends.reader)
        #expect(try write(5000, ends.writer) == 4096)
        #expect(try write(0, ends.writer) == 0)
    }

    @Test func writersAreWokenWhenThereIsRoomForAnAtomicWrite() throws {
        let ends = pipe()
        try write(65536, ends.writer)
        let waiter = CountingWaiter(interest: .writable)
        ends.writer.waitQueue?.add(waiter)
        defer { waiter.leave() }
        _ = try read(4095, ends.reader)
        #expect(waiter.wakes == 0)
        _ = try read(1, ends.reader)
        #expect(waiter.wakes == 1)
        _ = try read(4096, ends.reader)
        #expect(waiter.wakes == 1)
    }

    @Test func writeWithoutReaderIsEPIPE() throws {
        let ends = pipe()
        ends.reader.release(context)
        #expect(ends.writer.poll().contains(.POLLERR))
        #expect(errno { () throws(Errno) in try write(1, ends.writer) } == .EPIPE)
    }

    @Test func faultKeepsWhatWasCopied() throws {
        let ends = pipe()
        // Whole pages before the fault count; the one with the fault does not.
        #expect(try ends.writer.write(from: FaultingSource(count: 8192, available: 5000), at: nil, context) == 4096)
        #expect(
            errno { () throws(Errno) in
                _ = try ends.writer.write(from: FaultingSource(count: 100, available: 40), at: nil, context)
            } == .EFAULT)
        #expect(
            errno { () throws(Errno) in
                _ = try ends.writer.write(from: FaultingSource(count: 100, available: 0), at: nil, context)
            } == .EFAULT)
        #expect(try read(10_000, ends.reader).count == 4096)
    }

    @Test func capacityChangesWithinItsBounds() throws {
        let ends = pipe()
        #expect(try ends.writer.pipe.setCapacity(5000) == 8192)
        #expect(try write(20000, ends.writer) == 8192)
        #expect(errno { () throws(Errno) in _ = try ends.writer.pipe.setCapacity(4096) } == .EBUSY)
        #expect(errno { () throws(Errno) in _ = try ends.writer.pipe.setCapacity(0) } == .EBUSY)
        #expect(errno { () throws(Errno) in _ = try ends.writer.pipe.setCapacity(1 << 40) } == .EINVAL)
        #expect(errno { () throws(Errno) in _ = try ends.writer.pipe.setCapacity(2 << 20) } == .EPERM)
        #expect(try ends.writer.pipe.setCapacity(1 << 20) == 1 << 20)
    }

    @Test func fifoOpensWaitForEachOther() throws {
        let node = Inode(fileSystem: AnonymousFileSystem.pipes, number: 1, type: .fifo)
        #expect(
            errno { () throws(Errno) in
                _ = try PipeDescription.openFIFO(node, path: nil, flags: [.O_WRONLY, .O_NONBLOCK], context)
            } == .ENXIO)
        #expect(node.attachment == nil)
        let reader = try PipeDescription.openFIFO(node, path: nil, flags: [], context)
        #expect(reader.isOpening)
        let writer = try PipeDescription.openFIFO(node, path: nil, flags: .O_WRONLY, context)
        #expect(!writer.isOpening)
        #expect(!reader.isOpening)
        reader.retain()
        writer.retain()
        writer.release(context)
        #expect(reader.poll() == .POLLHUP)
        reader.release(context)
        #expect(node.attachment == nil)
    }

    @Test func abandonedFifoOpenLeavesNothingBehind() throws {
        let node = Inode(fileSystem: AnonymousFileSystem.pipes, number: 1, type: .fifo)
        do { _ = try PipeDescription.openFIFO(node, path: nil, flags: [], context) }
        #expect(node.attachment == nil)
        let quiet = try PipeDescription.openFIFO(node, path: nil, flags: .O_NONBLOCK, context)
        #expect(!quiet.isOpening)
        #expect(quiet.poll() == [])
    }
}
