// SAFETY: all raw memory of the slot file is reached through this file. Offsets are constants of CStub.h; every word may have been
// forged by the workload, so each is loaded once into the sentry's own memory and the copy is used.
import CStub
import HostSyscalls
import LinuxABI
import Platform

/// One thread's slot as the sentry sees it: its letter box and, above, the frame its host signal handler runs on.
struct Slot {
    let base: UnsafeMutableRawPointer

    private func word(_ offset: Int32) -> UnsafeMutablePointer<UInt32> {
        (base + Int(offset)).assumingMemoryBound(to: UInt32.self)
    }

    private func store<T: BitwiseCopyable>(_ value: T, at offset: Int) { base.storeBytes(of: value, toByteOffset: offset, as: T.self) }
    private func load<T: BitwiseCopyable>(_ offset: Int) -> T { base.loadUnaligned(fromByteOffset: offset, as: T.self) }

    // MARK: Orders

    /// Writes one order for the stub to read.
    func setOrder(_ index: Int, number: UInt64, arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64), isClone: Bool) {
        let offset = Int(SLOT_ORDERS) + index * Int(ORDER_SIZE)
        store(number, at: offset)
        store(arguments.0, at: offset + 8)
        store(arguments.1, at: offset + 16)
        store(arguments.2, at: offset + 24)
        store(arguments.3, at: offset + 32)
        store(arguments.4, at: offset + 40)
        store(arguments.5, at: offset + 48)
        store(UInt64(isClone ? ORDER_CLONE : 0), at: offset + 56)
    }

    /// What the stub does next: `count` orders, then `then`.
    func setNext(orders count: Int, then: Int32) {
        word(SLOT_ORDER_COUNT).pointee = UInt32(count)
        word(SLOT_THEN).pointee = UInt32(then)
    }

    /// Prepares a sleep: the stub waits while the wake word is `generation`.
    func setSleep(generation: UInt32, deadline: UInt64?) {
        word(SLOT_SLEEP_VALUE).pointee = generation
        word(SLOT_SLEEP_OP).pointee = 9  // FUTEX_WAIT_BITSET: shared, absolute, CLOCK_MONOTONIC
        if let deadline {
            let time = Timespec(nanoseconds: deadline)
            store(time.seconds, at: Int(SLOT_DEADLINE))
            store(time.nanoseconds, at: Int(SLOT_DEADLINE) + 8)
        }
        word(SLOT_HAS_DEADLINE).pointee = deadline == nil ? 0 : 1
        storeRelease(word(SLOT_WAKE), generation)
    }

    /// Ends a sleep: what the stub does next was written before.
    func wake(generation: UInt32) {
        storeRelease(word(SLOT_WAKE), generation)
        _ = rawHostCall(HostSyscall.futex, Int(bitPattern: word(SLOT_WAKE)), 1, 1)
    }

    func setWaitTimeout(_ time: Timespec) {
        store(time.seconds, at: Int(SLOT_WAIT_TIMEOUT))
        store(time.nanoseconds, at: Int(SLOT_WAIT_TIMEOUT) + 8)
    }

    // MARK: The signal frame. `context` is the offset of its ucontext in the slot.

    // struct ucontext: flags 0, link 8, stack 16 (sp, flags, size), sigcontext 40, mask 296; then siginfo 304 (kernel layout).
    static let registersOffset = 40
    static let segmentsOffset = 40 + 144
    static let errorOffset = 40 + 152
    static let trapOffset = 40 + 160
    static let addressOffset = 40 + 176
    static let floatingPointOffset = 40 + 184
    static let maskOffset = 296
    static let siginfoOffset = 304

    func registers(_ context: Int) -> GuestRegisters { load(context + Slot.registersOffset) }
    func setRegisters(_ registers: GuestRegisters, _ context: Int) { store(registers, at: context + Slot.registersOffset) }
    func setResult(_ value: UInt64, _ context: Int) { store(value, at: context + Slot.registersOffset + 13 * 8) }

    func fault(_ context: Int, signal: Int32) -> GuestFault {
        GuestFault(
            signal: signal, code: load(context + Slot.siginfoOffset + 8), address: load(context + Slot.siginfoOffset + 16),
            trapNumber: load(context + Slot.trapOffset), errorCode: load(context + Slot.errorOffset))
    }

    /// Where in the slot the frame's floating-point state lies, and its size; nil if there is none or the words are forged.
    private func floatingPointRange(_ context: Int, slotAddress: UInt64) -> Range<Int>? {
        let pointer: UInt64 = load(context + Slot.floatingPointOffset)
        guard pointer != 0 else { return nil }
        let offset = pointer &- slotAddress
        guard offset >= UInt64(context), offset <= UInt64(SLOT_SIZE - 512) else { return nil }
        // struct _fpx_sw_bytes at 464: magic1, extended_size.
        let magic: UInt32 = load(Int(offset) + 464)
        let size: UInt32 = load(Int(offset) + 468)
        let total = magic == 0x4650_5853 ? Int(min(size, UInt32(SLOT_SIZE))) : 512
        guard total >= 512, Int(offset) + total <= Int(SLOT_SIZE) else { return nil }
        return Int(offset)..<Int(offset) + total
    }

    func floatingPointState(_ context: Int, slotAddress: UInt64) -> [UInt8] {
        guard let range = floatingPointRange(context, slotAddress: slotAddress) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// Puts `state` above the frame, or lets the host load the initial state if it is empty or does not fit.
    func setFloatingPointState(_ state: [UInt8], _ context: Int, slotAddress: UInt64) {
        let offset = (context + Slot.siginfoOffset + 128 + 63) & ~63
        guard !state.isEmpty, offset + state.count <= Int(SLOT_SIZE) else {
            store(UInt64(0), at: context + Slot.floatingPointOffset)
            return
        }
        state.withUnsafeBytes { (base + offset).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: $0.count) }
        store(slotAddress + UInt64(offset), at: context + Slot.floatingPointOffset)
    }

    /// Copies `parent`'s frame here for a cloned child: rax 0, the signal stack and floating-point pointer its own.
    func copyFrame(from parent: Slot, _ context: Int, parentAddress: UInt64, ownAddress: UInt64, stackPointer: UInt64?) {
        let start = context - 8
        (base + start).copyMemory(from: parent.base + start, byteCount: Int(SLOT_SIZE) - start)
        var registers = registers(context)
        registers.rax = 0
        if let stackPointer { registers.rsp = stackPointer }
        setRegisters(registers, context)
        store(ownAddress, at: context + 16)
        let pointer: UInt64 = load(context + Slot.floatingPointOffset)
        if pointer != 0 { store(pointer &- parentAddress &+ ownAddress, at: context + Slot.floatingPointOffset) }
    }

    // MARK: The zygote's start (CStub.h, START_*).

    func prepareStart(filter: [UInt64], signals: [Int32], handler: UInt64, restorer: UInt64) {
        store(UInt32(signals.count), at: Int(START_SIGNAL_COUNT))
        store(UInt32(8 | 32), at: Int(START_FILTER_FLAGS))  // NEW_LISTENER | WAIT_KILLABLE_RECV
        for (index, signal) in signals.enumerated() { store(signal, at: Int(START_SIGNALS) + 4 * index) }
        // struct sigaction of the kernel: handler, flags (SIGINFO|ONSTACK|RESTART|RESTORER), restorer, mask.
        store(handler, at: Int(START_ACTION))
        store(UInt64(0x4 | 0x0800_0000 | 0x1000_0000 | 0x0400_0000), at: Int(START_ACTION) + 8)
        store(restorer, at: Int(START_ACTION) + 16)
        store(UInt64.max, at: Int(START_ACTION) + 24)
        store(UInt64(SLOT_BASE), at: Int(START_ALTSTACK))
        store(UInt64(1 << 31), at: Int(START_ALTSTACK) + 8)  // SS_AUTODISARM
        store(UInt64(SLOT_SIZE), at: Int(START_ALTSTACK) + 16)
        store(UInt64(filter.count), at: Int(START_PROGRAM))
        store(UInt64(SLOT_BASE) + UInt64(START_FILTER), at: Int(START_PROGRAM) + 8)
        for (index, instruction) in filter.enumerated() { store(instruction, at: Int(START_FILTER) + 8 * index) }
    }

    /// Whether the zygote has its filter; waits a little for it.
    func waitForStart() -> Bool {
        if loadAcquire(word(START_READY)) != 0 { return true }
        var time: (Int64, Int64) = (0, 100_000_000)
        withUnsafePointer(to: &time) { pointer in
            _ = rawHostCall(HostSyscall.futex, Int(bitPattern: word(START_READY)), 0, 0, Int(bitPattern: pointer))
        }
        return loadAcquire(word(START_READY)) != 0
    }

    var startListener: Int64 { load(Int(START_LISTENER)) }
    var startStack: UInt64 { load(Int(START_STACK)) }
}

/// The file behind all slots of a sandbox, mapped once by the sentry and window by window by the guests.
final class SlotFile {
    /// Windows that the file has room for: processes plus threads/16.
    static let capacity = 32_768

    let fd: SharedHostFD
    private let base: UnsafeMutableRawPointer
    private var free: [Int] = []
    private var used = 0

    init() throws(HostErrno) {
        let descriptor = try "slots".withHostCString { name throws(HostErrno) in try hostCall(HostSyscall.memfd_create, name, 1) }
        fd = SharedHostFD(HostFD(owning: Int32(descriptor)))
        let size = SlotFile.capacity * Int(SLOT_WINDOW)
        try hostCall(HostSyscall.ftruncate, descriptor, size)
        // PROT_READ|PROT_WRITE, MAP_SHARED|MAP_NORESERVE
        let address = try hostCall(HostSyscall.mmap, 0, size, 3, 0x4001, descriptor, 0)
        guard let pointer = UnsafeMutableRawPointer(bitPattern: address) else { preconditionFailure("mmap gave 0") }
        base = pointer
    }

    /// A fresh, zeroed window's index, or nil when all are in use.
    func allocate() -> Int? {
        if let window = free.popLast() { return window }
        guard used < SlotFile.capacity else { return nil }
        used += 1
        return used - 1
    }

    /// Gives a window back; its pages are freed.
    func release(_ window: Int) {
        // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
        _ = rawHostCall(HostSyscall.fallocate, Int(fd.rawValue), 3, SlotFile.offset(of: window), Int(SLOT_WINDOW))
        free.append(window)
    }

    /// A window's place in the file, bytes.
    static func offset(of window: Int) -> Int { window * Int(SLOT_WINDOW) }

    func slot(window: Int, index: Int) -> Slot {
        precondition(window < SlotFile.capacity && index < Int(SLOTS_PER_WINDOW))
        return Slot(base: base + SlotFile.offset(of: window) + index * Int(SLOT_SIZE))
    }
}

extension String {
    /// Calls `body` with the address of this string as a C string.
    func withHostCString<Result>(_ body: (Int) throws(HostErrno) -> Result) throws(HostErrno) -> Result {
        let outcome: Swift.Result<Result, HostErrno> = withCString { pointer in
            do throws(HostErrno) { return .success(try body(Int(bitPattern: pointer))) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
