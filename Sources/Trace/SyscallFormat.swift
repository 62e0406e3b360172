// How one call's arguments are decoded: the types of the generated formats (syscall-tables/README.md has their meaning).

/// A call's name, the kind of each argument, and of the result.
struct SyscallFormat: Sendable {
    let name: String
    let arguments: [ArgumentFormat]
    let result: ScalarFormat

    init(_ name: String, _ arguments: [ArgumentFormat], _ result: ScalarFormat) {
        self.name = name
        self.arguments = arguments
        self.result = result
    }

    /// By number; made once.
    private static let all: [SyscallFormat?] = (0..<512).map(makeSyscallFormat)

    static func format(of number: UInt64) -> SyscallFormat? { number < UInt64(all.count) ? all[Int(number)] : nil }
}

enum ScalarFormat: Sendable {
    case fd, dirfd, int, pid, signal, uint, mode, octal, uid, gid, dev, long, off, ulong, size, hex, addr
}

enum PointeeFormat: Sendable {
    case bytes, path, string, strings, environment, int, uint, long, ulong, off, hex
    case timespec, timeval, itimerspec, itimerval, stat, statx, statfs, sigset, sigaction, siginfo, stack, iovec, sockaddr, msghdr
    case pollfd, fdSet, epollEvent, rlimit, rusage, utsname, tms, waitStatus, openHow, cloneArguments, opaque
}

enum DirectionFormat: Sendable {
    case input, output, both
}

/// How many elements a pointer leads to.
enum CountFormat: Sendable {
    case one
    case fixed(Int)
    /// The argument with this index.
    case argument(Int)
    /// After the call: what the result says; the argument is the capacity.
    case argumentOrResult(Int)
}

enum ArgumentFormat: Sendable {
    case scalar(ScalarFormat)
    case flags(FlagSet)
    case pointer(DirectionFormat, PointeeFormat, CountFormat)
}

/// A named set of constants.
struct FlagSet: Sendable {
    struct Entry: Sendable {
        let name: String
        let value: UInt64
        /// The field of which `value` is one value; the value itself for a bit.
        let mask: UInt64

        init(_ name: String, _ value: UInt64, _ mask: UInt64) {
            self.name = name
            self.value = value
            self.mask = mask
        }
    }

    let scalar: ScalarFormat
    let isEnumeration: Bool
    let entries: [Entry]

    init(_ scalar: ScalarFormat, isEnumeration: Bool, _ entries: [Entry]) {
        self.scalar = scalar
        self.isEnumeration = isEnumeration
        self.entries = entries
    }
}
