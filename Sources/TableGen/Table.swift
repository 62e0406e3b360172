// What the tables say, as values. The grammar is in syscall-tables/README.md.

/// The integer kinds of arguments and results, with the Swift type a handler takes.
enum Scalar: String, CaseIterable {
    case fd, dirfd, int, pid, signal, uint, mode, octal, uid, gid, dev, long, off, ulong, size, hex, addr

    var swiftType: String {
        switch self {
        case .fd, .dirfd: "FD"
        case .int, .pid, .signal: "Int32"
        case .uint, .mode, .octal, .uid, .gid, .dev: "UInt32"
        case .long, .off: "Int64"
        case .ulong, .size, .hex: "UInt64"
        case .addr: "UserAddress"
        }
    }

    /// The expression that converts `raw`, a UInt64, as Linux cuts an argument down.
    func conversion(of raw: String) -> String {
        switch swiftType {
        case "FD": "FD(Int32(truncatingIfNeeded: \(raw)))"
        case "UInt64": raw
        case "UserAddress": "UserAddress(\(raw))"
        default: "\(swiftType)(truncatingIfNeeded: \(raw))"
        }
    }
}

/// What pointers lead to.
enum Pointee: String, CaseIterable {
    case bytes, path, string, strings, environment, int, uint, long, ulong, off, hex
    case timespec, timeval, itimerspec, itimerval, stat, statx, statfs, sigset, sigaction, siginfo, stack, iovec, sockaddr, msghdr
    case pollfd, fdSet = "fd_set", epollEvent = "epoll_event", rlimit, rusage, utsname, tms, waitStatus = "wait_status"
    case openHow = "open_how", cloneArguments = "clone_args"
    case opaque = "struct"
}

enum Direction: String {
    case input = "in"
    case output = "out"
    case both = "inout"
}

enum Length: Equatable {
    case one
    case fixed(Int)
    /// The argument with this index.
    case argument(Int)
    /// The capacity is an argument; the result says how many there are.
    case argumentOrResult(Int)
}

enum ArgumentType: Equatable {
    case scalar(Scalar)
    case flags(String)
    case pointer(Direction, Pointee, Length)
}

struct Argument: Equatable {
    var name: String
    var type: ArgumentType
}

enum SyscallClass: String, CaseIterable {
    case trap, express, notify, native
}

enum Support: Equatable {
    case full
    case partial(missing: String)
    case native
    case missing
    case errno(String, why: String)

    /// Whether the dispatch calls a handler.
    var isRouted: Bool {
        switch self {
        case .full, .partial: true
        case .native, .missing, .errno: false
        }
    }
}

struct Syscall: Equatable {
    var number: Int
    var name: String
    var arguments: [Argument]
    var result: Scalar
    var syscallClass: SyscallClass
    var support: Support
    /// Why the call, or some of its forms, may stay native.
    var nativeReason: String?
    var family: String

    /// `sysOpenat` for openat, `sysRtSigaction` for rt_sigaction.
    var handler: String {
        "sys" + name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}

/// A named set of constants that an integer argument is made of.
struct FlagSet: Equatable {
    struct Entry: Equatable {
        var name: String
        var value: UInt64
        var mask: UInt64
    }
    var name: String
    var isEnumeration: Bool
    var scalar: Scalar
    var entries: [Entry]
}

struct Table: Equatable {
    /// Sorted by number.
    var syscalls: [Syscall] = []
    var flagSets: [FlagSet] = []
    /// Families in the order of their files.
    var families: [String] = []

    func flagSet(_ name: String) -> FlagSet? { flagSets.first { $0.name == name } }

    /// The scalar behind an argument; pointers are addresses.
    func scalar(of type: ArgumentType) -> Scalar {
        switch type {
        case .scalar(let scalar): scalar
        case .flags(let name): flagSet(name)?.scalar ?? .ulong
        case .pointer: .addr
        }
    }
}

/// A mistake in a table, with its place.
struct TableError: Error, CustomStringConvertible, Equatable {
    var place: String
    var message: String
    var description: String { "\(place): \(message)" }
}
