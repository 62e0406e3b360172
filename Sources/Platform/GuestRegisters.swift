/// A guest thread's general registers, in the order of the kernel's `struct sigcontext` (asm/sigcontext.h): 18 words.
public struct GuestRegisters: BitwiseCopyable, Sendable {
    public var r8: UInt64 = 0
    public var r9: UInt64 = 0
    public var r10: UInt64 = 0
    public var r11: UInt64 = 0
    public var r12: UInt64 = 0
    public var r13: UInt64 = 0
    public var r14: UInt64 = 0
    public var r15: UInt64 = 0
    public var rdi: UInt64 = 0
    public var rsi: UInt64 = 0
    public var rbp: UInt64 = 0
    public var rbx: UInt64 = 0
    public var rdx: UInt64 = 0
    public var rax: UInt64 = 0
    public var rcx: UInt64 = 0
    public var rsp: UInt64 = 0
    public var rip: UInt64 = 0
    public var eflags: UInt64 = 0x202

    public init() {}
}

/// What a fault tells: the host's siginfo and context of SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP.
public struct GuestFault: Sendable {
    public var signal: Int32
    public var code: Int32
    /// `si_addr`.
    public var address: UInt64
    public var trapNumber: UInt64
    public var errorCode: UInt64

    public init(signal: Int32, code: Int32, address: UInt64, trapNumber: UInt64, errorCode: UInt64) {
        self.signal = signal
        self.code = code
        self.address = address
        self.trapNumber = trapNumber
        self.errorCode = errorCode
    }
}
