import CStub
import HostSyscalls
import LinuxABI
import Platform
import Primitives

/// Systrap: guest threads enter the stub by a signal or call straight from their own site, and reach the sentry by seccomp
/// notification (design, section 4; docs/architecture.md).
///
/// One thread receives. Everything here runs with the kernel lock held, but for the receiving itself.
public final class SystrapPlatform: Platform {
    /// The one reserved signal: SIGSTKFLT, which no program uses.
    static let kickSignal = 16

    let slots: SlotFile
    let stub: StubImage
    let listener: SeccompListener
    private let lock: FutexLock
    private unowned let delegate: any PlatformDelegate
    public let vdsoAddress: UInt64
    public let minimumSignalStack: UInt64
    /// Where in every slot the handler's ucontext lies: constant, because SS_AUTODISARM starts each frame at the slot's top.
    let frameOffset: Int

    /// Threads by host thread id. Ids are small: the sandbox has a pid namespace of its own.
    private var threads: [SystrapThread?] = []
    /// Children that have not announced themselves, by the first half of their token.
    private var unborn: [UInt64: SystrapThread] = [:]
    private var processes: [Int32: SystrapProcess] = [:]

    /// The process that blanks are forked from; set once the platform is whole.
    private var zygote: SystrapThread?
    private var zygoteIsIdle = false
    private var blanks: [SystrapThread] = []
    private var waitingForBlank: [(any PlatformProcess, PlatformThread) -> Void] = []
    private static let spareBlanks = 3

    /// Calls let through to the host, by number: `--stats`.
    public private(set) var nativeCalls: [UInt64: UInt64] = [:]
    public private(set) var orderedCalls: [UInt64: UInt64] = [:]
    public private(set) var notifications: UInt64 = 0

    /// Starts the zygote.
    ///
    /// - Throws: the host's error if it lacks what systrap needs.
    public init(lock: FutexLock, delegate: any PlatformDelegate, routes: [SyscallRoute]) throws(HostErrno) {
        self.lock = lock
        self.delegate = delegate
        stub = StubImage()
        slots = try SlotFile()
        guard let windows = SlotWindows(file: slots), let (index, _) = windows.allocate() else { throw HostErrno(12) }
        let slot = windows.slot(index)
        slot.prepareStart(
            filter: SystrapFilter(stub: stub, routes: routes).instructions,
            signals: [Int32(SystrapPlatform.kickSignal), 11, 7, 8, 4, 5, 31], handler: stub.handler, restorer: stub.restorer)
        let image = try stub.makeFile()
        let zygotePID = try startZygote(image: image.rawValue, slots: slots.fd.rawValue, descriptorLimit: 20_000)
        while !slot.waitForStart() {
            var status: Int32 = 0
            let result = withUnsafeMutablePointer(to: &status) { rawHostCall(HostSyscall.wait4, Int(zygotePID), Int(bitPattern: $0), 1, 0) }
            if result == Int(zygotePID) { throw HostErrno(8) }
        }
        guard slot.startListener >= 0 else { throw HostErrno(Int32(truncatingIfNeeded: -slot.startListener)) }
        let pidfd = HostFD(owning: Int32(try hostCall(HostSyscall.pidfd_open, Int(zygotePID), 0)))
        listener = SeccompListener(
            HostFD(owning: Int32(try hostCall(HostSyscall.pidfd_getfd, Int(pidfd.rawValue), Int(slot.startListener), 0))))
        guard listener.setSynchronousWakeUp() else { throw HostErrno(38) }

        // The first notification is the zygote's int3 asking: it shows where frames lie.
        var first: SeccompNotification?
        while first == nil { first = try listener.receive() }
        guard let first, first.number == UInt64(NR_ASK), first.thread == zygotePID else { throw HostErrno(71) }
        frameOffset = Int(first.arguments.a0 & UInt64(SLOT_SIZE - 1))
        let facts = ZygoteFacts(process: zygotePID, stack: slot.startStack)
        vdsoAddress = facts.vdso
        minimumSignalStack = facts.minimumSignalStack

        let host = SystrapProcess(windows: windows)
        host.hostID = zygotePID
        let zygote = SystrapThread(self, host: host, slotIndex: index, kind: .fork)
        self.zygote = zygote
        zygote.hostThread = zygotePID
        host.threads = [zygote]
        processes[zygotePID] = host
        register(zygote)
        zygote.state = .asking
        // Its copies of the listener and of the slot file, and the stack it was started on, go.
        var orders = [HostOrder(UInt64(HostSyscall.close), UInt64(slot.startListener))]
        if let stack = facts.stackRange { orders.append(.unmap(stack.lowerBound, length: stack.upperBound - stack.lowerBound)) }
        zygote.run(orders, resume: false)
        listener.answer(first.id, 0)
    }

    // MARK: Receiving

    /// Receives and serves for ever, on the calling thread. Takes the kernel lock for each notification.
    public func receiveForever() -> Never {
        while true {
            let notification: SeccompNotification?
            do throws(HostErrno) { notification = try listener.receive() } catch {
                preconditionFailure("SECCOMP_IOCTL_NOTIF_RECV: \(error)")
            }
            guard let notification else { continue }
            lock.lock()
            notifications &+= 1
            serve(notification)
            delegate.drain()
            lock.unlock()
        }
    }

    private func serve(_ call: SeccompNotification) {
        let inStub = call.instruction > stub.notifyStart && call.instruction <= stub.notifyEnd
        let thread = thread(call.thread)
        if inStub {
            serveStub(call, thread)
        } else if let thread {
            serveExpress(call, thread)
        } else if call.number == UInt64(HostSyscall.exit) {
            // Retired already: a stop of the host made the kernel present its exit once more.
            listener.answerNative(call.id)
        } else {
            killUnknown(call.thread)
        }
    }

    /// A call of the workload that needs no registers.
    private func serveExpress(_ call: SeccompNotification, _ thread: SystrapThread) {
        switch thread.state {
        case .running: break
        case .ordered(resumes: true) where thread.allMade:
            thread.state = .running
            thread.child = nil
        default:
            violate(thread, "system call \(call.number) while stopped")
            return
        }
        if thread.host.isDying { return }
        thread.expressID = call.id
        switch delegate.expressCall(thread, call.number, call.arguments) {
        case .value(let result): thread.answerExpress(result)
        case .native:
            thread.expressID = nil
            // Its host id may be reused as soon as it has run.
            if call.number == UInt64(HostSyscall.exit) { retire(thread) }
            nativeCalls[call.number, default: 0] += 1
            listener.answerNative(call.id)
        case .later: break
        }
    }

    private func serveStub(_ call: SeccompNotification, _ thread: SystrapThread?) {
        if call.number == UInt64(NR_HELLO) {
            hello(call, thread)
            return
        }
        guard let thread else {
            killUnknown(call.thread)
            return
        }
        if thread.host.isDying { return }
        if call.number == UInt64(NR_ASK) { ask(call, thread) } else { checkOrder(call, thread) }
    }

    // MARK: Orders

    private func checkOrder(_ call: SeccompNotification, _ thread: SystrapThread) {
        switch thread.state {
        case .ordered: break
        case .unborn where thread.hasMappedWindow: break
        default:
            violate(thread, "host call \(call.number) without an order")
            return
        }
        if let order = thread.nextExpected, matches(order, call) {
            if let file = order.file {
                do throws(HostErrno) {
                    try listener.addDescriptor(call.id, file.rawValue, at: Int32(truncatingIfNeeded: order.arguments.4))
                } catch {
                    thread.markMade()
                    listener.answer(call.id, Int64(-error.rawValue))
                    return
                }
            }
            thread.markMade()
            orderedCalls[call.number, default: 0] += 1
            listener.answerNative(call.id)
        } else if let order = thread.lastMade, matches(order, call), !order.isClone || thread.child?.hostThread == 0 {
            // A stop or freeze of the host makes the kernel present the ordered call once more.
            listener.answerNative(call.id)
        } else {
            violate(thread, "host call \(call.number) that was not ordered")
        }
    }

    private func matches(_ order: SystrapThread.Expected, _ call: SeccompNotification) -> Bool {
        guard order.number == call.number else { return false }
        let given = call.arguments
        let wanted = order.arguments
        switch order.argumentCount {
        case 1: return given.a0 == wanted.0
        case 2: return given.a0 == wanted.0 && given.a1 == wanted.1
        case 3: return given.a0 == wanted.0 && given.a1 == wanted.1 && given.a2 == wanted.2
        default:
            return given.a0 == wanted.0 && given.a1 == wanted.1 && given.a2 == wanted.2 && given.a3 == wanted.3 && given.a4 == wanted.4
                && given.a5 == wanted.5
        }
    }

    // MARK: Asks

    private func ask(_ call: SeccompNotification, _ thread: SystrapThread) {
        guard call.arguments.a0 == thread.slotAddress + UInt64(frameOffset) else {
            violate(thread, "a frame that is not where it belongs")
            return
        }
        let reason = call.arguments.a1
        switch reason {
        case UInt64(ASK_DONE):
            guard case .ordered(resumes: _) = thread.state, thread.allMade else { return violate(thread, "done too early") }
            thread.state = .asking
            if !thread.continueQueued() { ordersDone(thread) }
        case UInt64(ASK_FAILED):
            guard case .ordered = thread.state else { return violate(thread, "failed without an order") }
            let error = Int64(bitPattern: call.arguments.a2)
            guard error < 0, error >= -4095 else { return violate(thread, "failed without an error") }
            thread.state = .asking
            thread.child.map(forget)
            thread.child = nil
            delegate.ordersFailed(thread, index: thread.failedOrigin(), error: Errno(Int32(-error)))
        case UInt64(ASK_TIMEOUT):
            // The sentry may have woken it at the same moment: then its new orders stand, and it reads them when this is answered.
            if case .sleeping = thread.state {
                thread.state = .asking
                delegate.deadlinePassed(thread)
            }
        case 1...64:
            switch thread.state {
            case .running: break
            // A clone among the orders has succeeded, or the stub would have said so: its child comes, whatever becomes of this thread.
            case .ordered(resumes: true) where thread.allMade: thread.child = nil
            default: return violate(thread, "a signal while stopped")
            }
            // It has gone on after its clone: the child exists, whenever it announces itself.
            thread.child = nil
            thread.state = .asking
            entered(thread, signal: Int32(reason))
        default:
            return violate(thread, "an unknown ask")
        }
        if case .asking = thread.state { thread.sleep(until: nil) }
        listener.answer(call.id, 0)
    }

    private func entered(_ thread: SystrapThread, signal: Int32) {
        if signal == Int32(SystrapPlatform.kickSignal) { thread.kickArrived() }
        if thread.isBlank {
            blankArrived(thread)
            return
        }
        if thread.timedWait != nil {
            endTimedWait(thread, signal: signal)
            return
        }
        switch signal {
        case Int32(SystrapPlatform.kickSignal): delegate.kicked(thread)
        case 31:
            let registers = thread.registers()
            delegate.trappedCall(
                thread, registers.rax,
                SyscallArguments(registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9))
        default:
            delegate.faulted(thread, thread.slot.fault(frameOffset, signal: signal))
        }
    }

    /// The thread comes back from a native timed wait: by its own trap, or kicked out of it.
    private func endTimedWait(_ thread: SystrapThread, signal: Int32) {
        let registers = thread.registers()
        let isReturn = signal == 31 && registers.rax == UInt64(NR_WAITED)
        // Kicked before, in or right after the wait: rax is the result once the instruction is behind it.
        let result: Int64 =
            isReturn ? Int64(bitPattern: registers.rdi) : registers.rip == stub.timedWaitIP ? Int64(bitPattern: registers.rax) : -4
        _ = thread.endTimedWait()
        delegate.timedWaitEnded(thread, result: result)
    }

    // MARK: Children

    func makeToken() -> (UInt64, UInt64) {
        // The host's own generator; a workload that could guess a token could pose as another's child.
        (UInt64.random(in: 1...UInt64.max), UInt64.random(in: 1...UInt64.max))
    }

    func expectChild(_ child: SystrapThread) { unborn[child.token.0] = child }

    /// A clone that failed: its child will never come. One that has come lives its own life, longer than its parent perhaps.
    private func forget(_ child: SystrapThread) {
        guard child.hostThread == 0 else { return }
        unborn[child.token.0] = nil
        child.state = .gone
        child.host.windows.release(child.slotIndex)
        if child === blankComing { blankComing = nil }
    }

    /// A child that will never come, of a thread that is gone.
    private func abandon(_ child: SystrapThread) {
        let isBlank = child.isBlank
        forget(child)
        if !isBlank { delegate.neverStarted(child) }
    }

    private func hello(_ call: SeccompNotification, _ known: SystrapThread?) {
        if let thread = known {
            // A forked child, back after mapping its window.
            guard case .unborn = thread.state, thread.hasMappedWindow, thread.allMade else {
                violate(thread, "hello out of order")
                return
            }
            announce(thread, call)
            return
        }
        guard let thread = unborn[call.arguments.a0], thread.token == (call.arguments.a0, call.arguments.a1) else {
            killUnknown(call.thread)
            return
        }
        thread.hostThread = call.thread
        if thread.host.hostID == 0 {
            thread.host.hostID = call.thread
            processes[call.thread] = thread.host
        }
        unborn[thread.token.0] = nil
        thread.host.threads.append(thread)
        register(thread)
        if thread.kind == .fork {
            let window = thread.host.windows.windows[0]
            thread.expectWindow(window, file: slots.fd)
            listener.answer(call.id, Int64(SlotFile.offset(of: window)))
        } else {
            announce(thread, call)
        }
    }

    private func announce(_ thread: SystrapThread, _ call: SeccompNotification) {
        thread.clearExpected()
        thread.state = .running
        if thread === blankComing {
            blankComing = nil
        } else {
            delegate.threadStarted(thread)
        }
        listener.answer(call.id, Int64(thread.slotAddress) + Int64(frameOffset))
    }

    // MARK: Zygote and blanks

    private var blankComing: SystrapThread?

    private func ordersDone(_ thread: SystrapThread) {
        thread.child = nil
        if thread === zygote {
            zygoteIsIdle = true
            thread.sleep(until: nil)
            refillBlanks()
        } else {
            delegate.ordersDone(thread)
        }
    }

    /// Lets the zygote fork another blank if there are too few.
    private func refillBlanks() {
        guard zygoteIsIdle, blankComing == nil, blanks.count < max(SystrapPlatform.spareBlanks, waitingForBlank.count) else { return }
        guard let zygote, let child = zygote.makeChild(kind: .fork) as? SystrapThread else { return }
        zygoteIsIdle = false
        blankComing = child
        child.isBlank = true
        zygote.clone(child, kind: .fork, stackPointer: nil, clearTID: 0, tls: nil, sleeps: true)
    }

    /// A blank has run into its int3: it is ready.
    private func blankArrived(_ thread: SystrapThread) {
        thread.sleep(until: nil)
        if waitingForBlank.isEmpty {
            blanks.append(thread)
        } else {
            give(thread, to: waitingForBlank.removeFirst())
        }
        refillBlanks()
    }

    private func give(_ thread: SystrapThread, to body: (any PlatformProcess, PlatformThread) -> Void) {
        thread.isBlank = false
        body(thread.host, thread)
    }

    public func takeBlank(_ body: @escaping (any PlatformProcess, PlatformThread) -> Void) {
        if let blank = blanks.popLast() {
            give(blank, to: body)
        } else {
            waitingForBlank.append(body)
        }
        refillBlanks()
    }

    // MARK: Ends

    /// Reaps the sandbox's host processes for ever, on the calling thread.
    public func reapForever() -> Never {
        while true {
            var status: Int32 = 0
            // __WALL: children of clone too.
            let pid = withUnsafeMutablePointer(to: &status) {
                rawHostCall(HostSyscall.wait4, -1, Int(bitPattern: $0), 0x4000_0000, 0)
            }
            if pid < 0 {
                precondition(pid == -4, "wait4: \(pid); the zygote is gone")
                continue
            }
            lock.lock()
            reaped(Int32(pid), status: status)
            delegate.drain()
            lock.unlock()
        }
    }

    private func reaped(_ pid: Int32, status: Int32) {
        guard let process = processes.removeValue(forKey: pid) else { return }
        precondition(process !== zygote?.host, "the zygote died: status \(status)")
        for thread in process.threads { retire(thread) }
        delegate.processEnded(process, status: status)
    }

    /// Takes a thread out of the tables: its host id may be reused from now on.
    private func retire(_ thread: SystrapThread) {
        if case .gone = thread.state { return }
        if thread.hostThread > 0, threads[Int(thread.hostThread)] === thread { threads[Int(thread.hostThread)] = nil }
        if thread.isBlank { blanks.removeAll { $0 === thread } }
        // A clone that was let through may have made its child: it will announce itself. One that was not never comes.
        if let child = thread.child, !thread.hasMadeClone { abandon(child) }
        thread.child = nil
        thread.state = .gone
        thread.host.threads.removeAll { $0 === thread }
        thread.host.windows.release(thread.slotIndex)
    }

    private func violate(_ thread: SystrapThread, _ what: String) {
        if thread.host.isDying { return }
        precondition(thread !== zygote, "the zygote broke the protocol: \(what)")
        if thread.isBlank {
            thread.host.kill()
        } else {
            delegate.violated(thread, what)
        }
    }

    /// A host thread that never announced itself makes calls: only the kernel's reaper knows it.
    private func killUnknown(_ hostThread: Int32) { _ = rawHostCall(HostSyscall.kill, Int(hostThread), 9) }

    // MARK: Tables

    private func thread(_ hostThread: Int32) -> SystrapThread? {
        hostThread > 0 && Int(hostThread) < threads.count ? threads[Int(hostThread)] : nil
    }

    private func register(_ thread: SystrapThread) {
        let index = Int(thread.hostThread)
        if index >= threads.count { threads.append(contentsOf: repeatElement(nil, count: max(1024, index + 1 - threads.count))) }
        threads[index] = thread
    }
}
