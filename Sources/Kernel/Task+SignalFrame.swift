import LinuxABI
import Platform

// The frame of a signal handler on the guest's stack, as Linux lays it out (arch/x86/kernel/signal_64.c): return address, ucontext
// of 304 bytes, siginfo of 128, and above, 64-byte aligned, the floating-point state as XSAVE wrote it.

private let contextSize = 304
private let siginfoSize = 128
private let userCodeSegment: UInt64 = 0x33
private let userStackSegment: UInt64 = 0x2b

extension Task {
    /// Builds the frame for `action` and points the registers at the handler. False if the stack cannot take it.
    func pushSignalFrame(_ thread: PlatformThread, _ info: SignalInfo, _ action: SignalAction, oldMask: UInt64) -> Bool {
        guard action.flags & SignalAction.SA_RESTORER != 0 else { return false }
        var registers = thread.registers()
        let floating = thread.floatingPointState()

        var stack = registers.rsp &- 128  // the red zone
        let isOnAlternate = alternateStack.contains(registers.rsp)
        if action.flags & SignalAction.SA_ONSTACK != 0, alternateStack.isEnabled, !isOnAlternate {
            stack = alternateStack.base &+ alternateStack.size
        }
        let floatingAddress = (stack &- UInt64(floating.count)) & ~63
        let frame = ((floatingAddress &- UInt64(8 + contextSize + siginfoSize)) & ~15) &- 8
        if isOnAlternate, frame < alternateStack.base { return false }

        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(floatingAddress &- frame) + floating.count)
        func put(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
        put(action.restorer)
        put(7)  // UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
        put(0)
        put(alternateStack.base)
        put(UInt64(UInt32(bitPattern: stackFlags(registers.rsp))))
        put(alternateStack.size)
        withUnsafeBytes(of: registers) { bytes.append(contentsOf: $0) }
        put(userCodeSegment | userStackSegment << 48)
        put(lastFault?.errorCode ?? 0)
        put(lastFault?.trapNumber ?? 0)
        put(oldMask)
        put(lastFault?.address ?? 0)
        put(floating.isEmpty ? 0 : floatingAddress)
        for _ in 0..<8 { put(0) }
        put(oldMask)
        bytes.append(contentsOf: info.bytes)
        let gap = Int(floatingAddress &- frame) - bytes.count
        bytes.append(contentsOf: [UInt8](repeating: 0, count: gap))
        bytes.append(contentsOf: floating)
        do throws(Errno) { try memory.copyOut(bytes, to: UserAddress(frame)) } catch { return false }

        if alternateStack.autoDisarms { alternateStack = SignalStack() }
        registers.rip = action.handler
        registers.rsp = frame
        registers.rdi = UInt64(info.signal)
        registers.rsi = frame + 8 + UInt64(contextSize)
        registers.rdx = frame + 8
        registers.rax = 0
        registers.eflags &= ~UInt64(0x400 | 0x100 | 0x10000)  // direction, trap, resume
        thread.setRegisters(registers)
        thread.setFloatingPointState([])
        return true
    }

    /// `ss_flags` as sigaltstack(2) reports them.
    public func stackFlags(_ stackPointer: UInt64) -> Int32 {
        if !alternateStack.isEnabled { return SignalStack.SS_DISABLE }
        let flags = alternateStack.autoDisarms ? SignalStack.SS_AUTODISARM : 0
        return alternateStack.contains(stackPointer) ? flags | SignalStack.SS_ONSTACK : flags
    }

    /// Implements rt_sigreturn(2): loads the frame that the stack pointer is in. False if it cannot be read: SIGSEGV.
    public func popSignalFrame() -> Bool {
        guard let thread else { return false }
        let frame = thread.registers().rsp
        do throws(Errno) {
            let bytes = try memory.copyIn(UserAddress(frame), count: contextSize)
            func word(_ offset: Int) -> UInt64 { bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) } }
            let registers = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 40, as: GuestRegisters.self) }
            let floatingAddress = word(40 + 184)
            var floating: [UInt8] = []
            if floatingAddress != 0 { floating = try readFloatingPointState(floatingAddress) }
            thread.setRegisters(registers)
            thread.setFloatingPointState(floating)
            setSignalMask(word(296))
            restoreAlternateStack(base: word(16), flags: Int32(truncatingIfNeeded: word(24)), size: word(32), stackPointer: registers.rsp)
            return true
        } catch {
            return false
        }
    }

    private func readFloatingPointState(_ address: UInt64) throws(Errno) -> [UInt8] {
        let legacy = try memory.copyIn(UserAddress(address), count: 512)
        let (magic, size) = legacy.withUnsafeBytes {
            ($0.loadUnaligned(fromByteOffset: 464, as: UInt32.self), $0.loadUnaligned(fromByteOffset: 468, as: UInt32.self))
        }
        // FP_XSTATE_MAGIC1; a size beyond any real one is a forged frame, which the host's own check would refuse too.
        guard magic == 0x4650_5853, size > 512, size <= 16_384 else { return legacy }
        return try memory.copyIn(UserAddress(address), count: Int(size))
    }

    private func restoreAlternateStack(base: UInt64, flags: Int32, size: UInt64, stackPointer: UInt64) {
        if alternateStack.contains(stackPointer) { return }
        var stack = SignalStack()
        if flags & SignalStack.SS_DISABLE == 0, size >= 2048 {
            stack.base = base
            stack.size = size
            stack.autoDisarms = flags & SignalStack.SS_AUTODISARM != 0
        }
        alternateStack = stack
    }
}
