import HostSyscalls
import LinuxABI
import Primitives
import Testing
import VFS

@testable import Filesystems
@testable import Kernel

@Suite struct HostStreamTests {
    let context = makeContext()
    let kernel = Kernel { (_: Task, _: UInt64, _: SyscallArguments) throws(Errno) -> Outcome in throw .ENOSYS }

    private func hostPipe() throws -> (reader: Int32, writer: Int32) {
        var numbers: (Int32, Int32) = (0, 0)
        _ = try withUnsafeMutablePointer(to: &numbers) { try hostCall(HostSyscall.pipe2, Int(bitPattern: $0), 0x80000) }
        return numbers
    }

    private func streams(_ numbers: [Int32], poller: HostPoller? = nil) throws -> [FileDescription] {
        let owned = numbers.map { SharedHostFD(HostFD(owning: $0)) }
        return try StandardStreams(
            owned, kernel: kernel, poller: poller, terminals: TerminalRegistry(), uid: 1000, gid: 1000
        ).descriptions.compactMap { $0 }
    }

    @Test func aBlockingHostPipeNeverBlocks() throws {
        let numbers = try hostPipe()
        let ends = try streams([numbers.reader, numbers.writer])
        #expect(errno { () throws(Errno) in _ = try ends[0].read(into: ArraySink(capacity: 10), at: nil, context) } == .EAGAIN)
        var total = 0
        while true {
            do throws(Errno) {
                total += try ends[1].write(from: ArraySource([UInt8](repeating: 7, count: 10_000)), at: nil, context)
            } catch {
                #expect(error == .EAGAIN)
                break
            }
        }
        // Less than the capacity: pieces of PIPE_BUF bytes leave gaps in the host's pages.
        #expect(total > 50_000 && total <= 65536)
        let sink = ArraySink(capacity: 100)
        #expect(try ends[0].read(into: sink, at: nil, context) == 100)
        #expect(ends[0].poll().contains(.POLLIN))
        #expect(try ends[0].attributes(context).type == .fifo)
    }

    @Test func thePollerWakesWhoWaits() throws {
        let numbers = try hostPipe()
        let lock = FutexLock()
        let woken = HostSemaphore()
        final class PostingWaiter: Waiter {
            let semaphore: HostSemaphore
            init(_ semaphore: HostSemaphore) {
                self.semaphore = semaphore
                super.init(interest: .readable)
            }
            override func wake(_ events: ReadyEvents) { semaphore.post() }
        }
        let poller = try HostPoller { body in
            lock.lock()
            body()
            lock.unlock()
        }
        poller.start()
        let reader = try streams([numbers.reader], poller: poller)[0]
        let waiter = PostingWaiter(woken)
        lock.lock()
        reader.waitQueue?.add(waiter)
        lock.unlock()
        let byte: [UInt8] = [1]
        _ = byte.withUnsafeBytes { rawHostCall(HostSyscall.write, Int(numbers.writer), Int(bitPattern: $0.baseAddress), 1) }
        woken.wait(until: HostClock.monotonic + 5_000_000_000)
        lock.lock()
        #expect(reader.poll().contains(.POLLIN))
        waiter.leave()
        lock.unlock()
        _ = rawHostCall(HostSyscall.close, Int(numbers.writer))
    }

    @Test func donationDoesNotTouchTheCallersFlags() throws {
        let numbers = try hostPipe()
        let donated = try StreamDonation.prepare(numbers.reader)
        #expect(rawHostCall(HostSyscall.fcntl, Int(donated.rawValue), 3) & 0o4000 != 0)
        #expect(rawHostCall(HostSyscall.fcntl, Int(numbers.reader), 3) & 0o4000 == 0)
        for number in [numbers.reader, numbers.writer] { _ = rawHostCall(HostSyscall.close, Int(number)) }
    }

    @Test func devNullIsTheSandboxesOwn() throws {
        let number = try "/dev/null".withCString { try hostCall(HostSyscall.openat, -100, Int(bitPattern: $0), 2) }
        let null = try streams([Int32(number)])[0]
        #expect(null.displayName == "/dev/null")
        #expect(try null.read(into: ArraySink(capacity: 10), at: nil, context) == 0)
        #expect(try null.write(from: ArraySource([1, 2]), at: nil, context) == 2)
    }

    @Test func devicesAnswer() throws {
        let dev = DevFileSystem(terminals: TerminalRegistry(), time: Timespec(seconds: 0, nanoseconds: 0))
        let namespace = MountNamespace()
        let mount = namespace.mount(dev, root: Dentry(name: [], parent: nil, inode: dev.root), at: nil, isReadOnly: false, source: "dev")
        context.root = VFSPath(mount: mount, dentry: mount.root)
        context.workingDirectory = context.root
        #expect(try context.readText("/null").isEmpty)
        let zero = try context.open(Array("/zero".utf8), flags: .O_RDWR, permissions: 0)
        let sink = ArraySink(capacity: 20000)
        #expect(try zero.read(into: sink, at: nil, context) == 20000)
        #expect(sink.bytes.allSatisfy { $0 == 0 })
        #expect(try zero.mappable(writable: true, context).rawValue >= 0)
        let full = try context.open(Array("/full".utf8), flags: .O_RDWR, permissions: 0)
        #expect(errno { () throws(Errno) in _ = try full.write(from: ArraySource([1]), at: nil, context) } == .ENOSPC)
        let random = ArraySink(capacity: 64)
        _ = try context.open(Array("/urandom".utf8), flags: [], permissions: 0).read(into: random, at: nil, context)
        #expect(Set(random.bytes).count > 8)
        #expect(errno { () throws(Errno) in _ = try context.open(Array("/tty".utf8), flags: .O_RDWR, permissions: 0) } == .ENXIO)
        #expect(try context.resolve(Array("/null".utf8)).inode?.attributes(context).specialDevice == 0x103)
    }
}
