import CStub
import LinuxABI

/// What the filter does with a call of the workload, by number.
public enum SyscallRoute: UInt8, Sendable {
    /// A signal into the stub's handler: the call needs registers, or may park.
    case trap
    /// A notification straight from the call site.
    case notify
    /// The host kernel's own, always.
    case native
}

/// Composes the seccomp filter of every guest thread (classic BPF; linux/seccomp.h).
///
/// The order is the security argument: architecture first, so that i386 never reaches a native row; then the stub's own call sites;
/// then the few native calls, each narrowed by its arguments; then notification or trap by number. There is no default allow.
struct SystrapFilter {
    private(set) var instructions: [UInt64] = []

    // Offsets in struct seccomp_data.
    private static let number: UInt32 = 0
    private static let architecture: UInt32 = 4
    private static let instructionLow: UInt32 = 8
    private static let instructionHigh: UInt32 = 12
    private static func argumentLow(_ index: UInt32) -> UInt32 { 16 + 8 * index }
    private static func argumentHigh(_ index: UInt32) -> UInt32 { 20 + 8 * index }

    private static let trap: UInt32 = 0x0003_0000
    private static let errnoENOSYS: UInt32 = 0x0005_0000 | 38
    private static let notify: UInt32 = 0x7fc0_0000
    private static let allow: UInt32 = 0x7fff_0000

    init(stub: StubImage, routes: [SyscallRoute]) {
        load(SystrapFilter.architecture)
        jumpEqual(0xc000_003e, skipIfTrue: 1)
        ret(SystrapFilter.errnoENOSYS)

        // Calls from the stub's page.
        precondition(stub.end >> 32 == stub.notifyStart >> 32, "the stub lies in one 4 GiB range")
        load(SystrapFilter.instructionHigh)
        jumpEqual(UInt32(stub.notifyStart >> 32), skipIfFalse: 12)
        load(SystrapFilter.instructionLow)
        // The address after the instruction is what the filter sees.
        jumpGreaterOrEqual(UInt32(truncatingIfNeeded: stub.notifyStart) + 1, skipIfFalse: 2)
        jumpGreaterOrEqual(UInt32(truncatingIfNeeded: stub.notifyEnd) + 1, skipIfTrue: 1)
        ret(SystrapFilter.notify)
        jumpEqual(UInt32(truncatingIfNeeded: stub.returnIP), skipIfFalse: 2)
        load(SystrapFilter.number)
        jumpEqual(15, skipIfTrue: 4, skipIfFalse: 5)
        jumpEqual(UInt32(truncatingIfNeeded: stub.sleepIP), skipIfTrue: 1)
        jumpEqual(UInt32(truncatingIfNeeded: stub.timedWaitIP), skipIfFalse: 3)
        load(SystrapFilter.number)
        jumpEqual(202, skipIfFalse: 1)
        ret(SystrapFilter.allow)

        load(SystrapFilter.number)
        // futex: the operations that touch only the caller's own memory, without a timeout. WAKE_OP and REQUEUE forms use the
        // fourth argument for a count, not a timeout.
        jumpEqual(202, skipIfFalse: 15)
        load(SystrapFilter.argumentLow(1))
        alu(0x54, ~UInt32(128 | 256))  // and: without PRIVATE and CLOCK_REALTIME
        jumpEqual(1, skipIfTrue: 10)  // WAKE
        jumpEqual(10, skipIfTrue: 9)  // WAKE_BITSET
        jumpEqual(3, skipIfTrue: 8)  // REQUEUE
        jumpEqual(4, skipIfTrue: 7)  // CMP_REQUEUE
        jumpEqual(5, skipIfTrue: 6)  // WAKE_OP
        jumpEqual(0, skipIfTrue: 1)  // WAIT
        jumpEqual(9, skipIfFalse: 5)  // WAIT_BITSET
        load(SystrapFilter.argumentLow(3))
        jumpEqual(0, skipIfFalse: 3)
        load(SystrapFilter.argumentHigh(3))
        jumpEqual(0, skipIfFalse: 1)
        ret(SystrapFilter.allow)
        ret(SystrapFilter.trap)
        routeByNumber(routes)
    }

    /// A binary search over runs of equal routes; numbers above the table are trapped (the sentry answers ENOSYS).
    private mutating func routeByNumber(_ routes: [SyscallRoute]) {
        var runs: [(first: Int, route: SyscallRoute)] = []
        for (number, route) in routes.enumerated() where number != 202 && runs.last?.route != route { runs.append((number, route)) }
        if runs.last?.route != .trap { runs.append((routes.count, .trap)) }
        search(runs[...])
    }

    private mutating func search(_ runs: ArraySlice<(first: Int, route: SyscallRoute)>) {
        guard let first = runs.first else { preconditionFailure("an empty table") }
        if runs.count == 1 {
            switch first.route {
            case .trap: ret(SystrapFilter.trap)
            case .notify: ret(SystrapFilter.notify)
            case .native: ret(SystrapFilter.allow)
            }
            return
        }
        let middle = runs.startIndex + runs.count / 2
        let position = instructions.count
        instructions.append(0)
        search(runs[..<middle])
        let lowerLength = instructions.count - position - 1
        precondition(lowerLength < 256, "a jump too far for classic BPF")
        instructions[position] = SystrapFilter.encode(0x35, UInt32(runs[middle].first), UInt8(lowerLength), 0)
        search(runs[middle...])
    }

    // Encoders: struct sock_filter { u16 code; u8 jt; u8 jf; u32 k }.

    private static func encode(_ code: UInt16, _ constant: UInt32, _ ifTrue: UInt8 = 0, _ ifFalse: UInt8 = 0) -> UInt64 {
        UInt64(code) | UInt64(ifTrue) << 16 | UInt64(ifFalse) << 24 | UInt64(constant) << 32
    }

    private mutating func load(_ offset: UInt32) { instructions.append(SystrapFilter.encode(0x20, offset)) }
    private mutating func alu(_ code: UInt16, _ constant: UInt32) { instructions.append(SystrapFilter.encode(code, constant)) }
    private mutating func ret(_ action: UInt32) { instructions.append(SystrapFilter.encode(0x06, action)) }

    private mutating func jumpEqual(_ constant: UInt32, skipIfTrue: UInt8 = 0, skipIfFalse: UInt8 = 0) {
        instructions.append(SystrapFilter.encode(0x15, constant, skipIfTrue, skipIfFalse))
    }

    private mutating func jumpGreaterOrEqual(_ constant: UInt32, skipIfTrue: UInt8 = 0, skipIfFalse: UInt8 = 0) {
        instructions.append(SystrapFilter.encode(0x35, constant, skipIfTrue, skipIfFalse))
    }
}
