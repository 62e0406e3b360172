import CStub
import HostSyscalls
import LinuxABI
import Platform

/// A guest thread's body under systrap.
final class SystrapThread: PlatformThread {
    enum State {
        /// Made, its host thread has not announced itself.
        case unborn
        /// In guest code, or on its way there.
        case running
        /// In its handler, its ask unanswered; the receiver answers when the delegate returns.
        case asking
        /// In its handler, waiting on its slot's futex.
        case sleeping
        /// Making host calls; `resumes` tells whether it asks afterwards.
        case ordered(resumes: Bool)
        case gone
    }

    /// A host call the thread has been told to make, with all arguments final.
    struct Expected {
        var number: UInt64
        var arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
        var isClone = false
        /// How many of the arguments the call has: the rest is not compared.
        var argumentCount = 6
        var file: SharedHostFD?
        /// Which of the caller's orders it belongs to.
        var origin = 0
    }

    unowned let systrap: SystrapPlatform
    let kind: CloneKind
    /// An empty process that waits for an image; the kernel does not know it yet.
    var isBlank = false
    let host: SystrapProcess
    let slotIndex: Int
    let slot: Slot
    var state = State.unborn
    var hostThread: Int32 = 0
    /// What it must present to introduce itself.
    var token: (UInt64, UInt64) = (0, 0)
    /// A forked child has mapped its window.
    var hasMappedWindow = false

    /// Orders given to the stub, and how many of them it has made.
    private(set) var expected: [Expected] = []
    private(set) var made = 0
    /// Orders that did not fit into the slot yet.
    private var queued: [Expected] = []
    private var resumesAtEnd = false
    /// Its clone's child, while the order stands.
    var child: SystrapThread?
    private var generation: UInt32 = 0
    /// The express call that waits for a late answer.
    var expressID: UInt64?
    private var kickPending = false
    /// The registers of a futex call that is being waited for natively.
    private(set) var timedWait: GuestRegisters?

    init(_ systrap: SystrapPlatform, host: SystrapProcess, slotIndex: Int, kind: CloneKind) {
        self.systrap = systrap
        self.kind = kind
        self.host = host
        self.slotIndex = slotIndex
        slot = host.windows.slot(slotIndex)
    }

    override var hostThreadID: Int32 { hostThread }
    override var process: any PlatformProcess { host }

    override var isStopped: Bool {
        switch state {
        case .asking, .sleeping: true
        default: false
        }
    }

    var slotAddress: UInt64 { SlotWindows.address(slotIndex) }
    private var frame: Int { systrap.frameOffset }

    // MARK: Registers

    override func registers() -> GuestRegisters { slot.registers(frame) }

    override func setRegisters(_ registers: GuestRegisters) {
        var clean = registers
        // User flags only; interrupts stay on (arch/x86/kernel/signal.c, FIX_EFLAGS).
        clean.eflags = (registers.eflags & 0x50dd5) | 0x202
        slot.setRegisters(clean, frame)
    }

    override func setResult(_ rax: UInt64) { slot.setResult(rax, frame) }
    override func floatingPointState() -> [UInt8] { slot.floatingPointState(frame, slotAddress: slotAddress) }

    override func setFloatingPointState(_ state: [UInt8]) {
        slot.setFloatingPointState(state, frame, slotAddress: slotAddress)
    }

    // MARK: Going on

    override func resume() { proceed([], then: THEN_RESUME) }

    override func sleep(until deadline: UInt64?) {
        switch state {
        case .asking: break
        // It sleeps already (its call came back from the slow pool): the kernel's timers keep the deadline.
        case .sleeping: return
        default: preconditionFailure("only an asking thread can be put to sleep")
        }
        expected = []
        made = 0
        generation &+= 1
        slot.setSleep(generation: generation, deadline: deadline)
        slot.setNext(orders: 0, then: THEN_SLEEP)
        state = .sleeping
    }

    override func run(_ orders: [HostOrder], resume: Bool) {
        resumesAtEnd = resume
        queued = expand(orders)
        startQueued()
    }

    /// Adds what the caller does not see: numbers for files' descriptors, and their closing.
    private func expand(_ orders: [HostOrder]) -> [Expected] {
        var result: [Expected] = []
        var open: SharedHostFD?
        for (index, order) in orders.enumerated() {
            if let previous = open, order.file !== previous {
                result.append(closing(origin: max(0, index - 1)))
                open = nil
            }
            var expected = Expected(number: order.number, arguments: order.arguments, origin: index)
            expected.argumentCount = SystrapThread.argumentCount(order.number)
            if let file = order.file {
                expected.arguments.4 = UInt64(slotIndex)
                expected.file = file === open ? nil : file
                open = file
            }
            result.append(expected)
        }
        if open != nil { result.append(closing(origin: orders.count - 1)) }
        return result
    }

    private func closing(origin: Int) -> Expected {
        Expected(
            number: UInt64(HostSyscall.close), arguments: (UInt64(slotIndex), 0, 0, 0, 0, 0), argumentCount: 1, origin: origin)
    }

    private static func argumentCount(_ number: UInt64) -> Int {
        switch Int(number) {
        case HostSyscall.close, HostSyscall.exit: 1
        case HostSyscall.munmap, HostSyscall.arch_prctl: 2
        case HostSyscall.mprotect, HostSyscall.madvise: 3
        case HostSyscall.clone: 5
        default: 6
        }
    }

    /// Hands the next slotful of orders to the stub.
    private func startQueued() {
        let count = min(queued.count, Int(SLOT_ORDERS_MAX))
        let batch = Array(queued[..<count])
        queued.removeFirst(count)
        let isLast = queued.isEmpty
        proceed(batch, then: isLast && resumesAtEnd ? THEN_RESUME : THEN_ASK)
    }

    /// Whether more orders follow after the slotful that is done; starts them.
    func continueQueued() -> Bool {
        if queued.isEmpty { return false }
        startQueued()
        return true
    }

    private func proceed(_ batch: [Expected], then: Int32) {
        expected = batch
        made = 0
        for (index, order) in batch.enumerated() {
            slot.setOrder(index, number: order.number, arguments: order.arguments, isClone: order.isClone)
        }
        slot.setNext(orders: batch.count, then: then)
        let wasSleeping = if case .sleeping = state { true } else { false }
        state = batch.isEmpty ? .running : .ordered(resumes: then == THEN_RESUME)
        if wasSleeping {
            generation &+= 1
            slot.wake(generation: generation)
        }
    }

    // MARK: Verification (called by the receiver)

    /// A forked child maps the window that its slot lies in, from code of the stub that needs no stack (stub.S, .Lhello).
    func expectWindow(_ window: Int, file: SharedHostFD) {
        hasMappedWindow = true
        let address = SlotWindows.address(0)
        expected = [
            Expected(
                number: UInt64(HostSyscall.mmap),
                arguments: (address, UInt64(SLOT_WINDOW), 3, 0x11, 0, UInt64(SlotFile.offset(of: window))), file: file),
            Expected(number: UInt64(HostSyscall.close), arguments: (0, 0, 0, 0, 0, 0), argumentCount: 1),
            Expected(number: UInt64(HostSyscall.madvise), arguments: (address, UInt64(SLOT_WINDOW), 10, 0, 0, 0), argumentCount: 3),
        ]
        made = 0
    }

    func clearExpected() {
        expected = []
        made = 0
    }

    /// The order that the call at hand must be, if the thread has one left.
    var nextExpected: Expected? { made < expected.count ? expected[made] : nil }
    /// The order made last: the host presents it once more after a stop or a freeze.
    var lastMade: Expected? { made > 0 && made <= expected.count ? expected[made - 1] : nil }
    var allMade: Bool { made == expected.count }
    var hasMadeClone: Bool { expected[..<made].contains { $0.isClone } }
    func markMade() { made += 1 }

    /// The thread asks because an order failed; which of the caller's it was.
    func failedOrigin() -> Int {
        let origin = lastMade?.origin ?? 0
        queued = []
        return origin
    }

    // MARK: Clone

    override func makeChild(kind: CloneKind) -> PlatformThread? {
        switch kind {
        case .thread:
            guard let (index, window) = host.windows.allocate() else { return nil }
            let thread = SystrapThread(systrap, host: host, slotIndex: index, kind: .thread)
            thread.newWindow = window
            return thread
        case .vfork:
            let process = SystrapProcess(windows: host.windows)
            guard let (index, window) = host.windows.allocate() else { return nil }
            let thread = SystrapThread(systrap, host: process, slotIndex: index, kind: .vfork)
            thread.newWindow = window
            return thread
        case .fork:
            guard let windows = SlotWindows(file: systrap.slots), let (index, _) = windows.allocate() else { return nil }
            return SystrapThread(systrap, host: SystrapProcess(windows: windows), slotIndex: index, kind: .fork)
        }
    }

    /// A window of slots that its maker must map first.
    private var newWindow: Int?

    override func clone(
        _ childThread: PlatformThread, kind: CloneKind, stackPointer: UInt64?, clearTID: UInt64, tls: UInt64?, sleeps: Bool
    ) {
        guard let child = childThread as? SystrapThread else { preconditionFailure("another platform's thread") }
        self.child = child
        child.token = systrap.makeToken()
        systrap.expectChild(child)
        child.slot.copyFrame(
            from: slot, frame, parentAddress: slotAddress, ownAddress: child.slotAddress, stackPointer: stackPointer)

        var orders: [Expected] = []
        if let window = child.newWindow {
            child.newWindow = nil
            orders = windowOrders(window, at: child.slotIndex)
        }
        var flags: UInt64 = clearTID == 0 ? 0 : 0x0020_0000  // CLONE_CHILD_CLEARTID
        switch kind {
        case .thread:
            // CLONE_VM|FS|FILES|SIGHAND|THREAD|SYSVSEM
            flags |= 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
        case .vfork:
            // CLONE_VM|FS|FILES|PARENT and SIGCHLD
            flags |= 0x100 | 0x200 | 0x400 | 0x8000 | 17
        case .fork:
            flags |= 0x8000 | 17
        }
        if tls != nil { flags |= 0x80000 }
        orders.append(
            Expected(
                number: UInt64(HostSyscall.clone), arguments: (flags, 0, child.token.0, clearTID, tls ?? 0, child.token.1), isClone: true))
        resumesAtEnd = !sleeps
        queued = orders
        startQueued()
    }

    private func windowOrders(_ window: Int, at index: Int) -> [Expected] {
        let address = SlotWindows.address(index)
        return [
            Expected(
                number: UInt64(HostSyscall.mmap),
                arguments: (address, UInt64(SLOT_WINDOW), 3, 0x11, UInt64(slotIndex), UInt64(SlotFile.offset(of: window))),
                file: systrap.slots.fd),
            closing(origin: 0),
            Expected(
                number: UInt64(HostSyscall.madvise), arguments: (address, UInt64(SLOT_WINDOW), 10, 0, 0, 0), argumentCount: 3),
        ]
    }

    // MARK: The rest

    override func timedFutexWait(_ arguments: SyscallArguments, deadline: Timespec) {
        let call = timedWait ?? registers()
        timedWait = call
        slot.setWaitTimeout(deadline)
        var registers = call
        registers.rip = systrap.stub.timedWait
        registers.rax = UInt64(HostSyscall.futex)
        registers.rdi = arguments.a0
        registers.rsi = arguments.a1
        registers.rdx = arguments.a2
        registers.r10 = slotAddress + UInt64(SLOT_WAIT_TIMEOUT)
        registers.r8 = 0
        registers.r9 = arguments.a5
        setRegisters(registers)
        resume()
    }

    /// Ends a native timed wait: the registers are those of the call again.
    func endTimedWait() -> GuestRegisters? {
        defer { timedWait = nil }
        if let timedWait { setRegisters(timedWait) }
        return timedWait
    }

    override func kick() {
        if case .unborn = state { return }
        if isStopped || kickPending || hostThread == 0 || host.isDying { return }
        kickPending = true
        _ = rawHostCall(HostSyscall.tgkill, Int(host.hostID), Int(hostThread), SystrapPlatform.kickSignal)
    }

    override var isKickUnanswered: Bool { kickPending }

    func kickArrived() { kickPending = false }

    override func answerExpress(_ result: Int64) {
        guard let id = expressID else { return }
        expressID = nil
        systrap.listener.answer(id, result)
    }

    override func answerExpressNatively() {
        guard let id = expressID else { return }
        expressID = nil
        systrap.listener.answerNative(id)
    }
}
