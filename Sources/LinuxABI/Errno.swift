/// Linux's error numbers, as the guest sees them (asm-generic/errno.h).
///
/// The one error type of everything a guest can trigger. Values 512 and above are internal to the sentry
/// (``Errno/isInternal``): the exit path proves that none leaves.
public struct Errno: Error, Equatable, Hashable, Sendable, RawRepresentable {
    public let rawValue: Int32

    @inlinable
    public init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// What a system call returns for this error.
    @inlinable public var result: Int64 { Int64(-rawValue) }

    /// Whether this value must never reach the guest: restart codes and the request for the slow pool.
    @inlinable public var isInternal: Bool { rawValue >= 512 }
}

extension Errno {
    /// Operation not permitted.
    @inlinable public static var EPERM: Errno { Errno(1) }
    /// No such file or directory.
    @inlinable public static var ENOENT: Errno { Errno(2) }
    /// No such process.
    @inlinable public static var ESRCH: Errno { Errno(3) }
    /// Interrupted system call.
    @inlinable public static var EINTR: Errno { Errno(4) }
    /// I/O error.
    @inlinable public static var EIO: Errno { Errno(5) }
    /// No such device or address.
    @inlinable public static var ENXIO: Errno { Errno(6) }
    /// Argument list too long.
    @inlinable public static var E2BIG: Errno { Errno(7) }
    /// Exec format error.
    @inlinable public static var ENOEXEC: Errno { Errno(8) }
    /// Bad file number.
    @inlinable public static var EBADF: Errno { Errno(9) }
    /// No child processes.
    @inlinable public static var ECHILD: Errno { Errno(10) }
    /// Try again.
    @inlinable public static var EAGAIN: Errno { Errno(11) }
    /// Out of memory.
    @inlinable public static var ENOMEM: Errno { Errno(12) }
    /// Permission denied.
    @inlinable public static var EACCES: Errno { Errno(13) }
    /// Bad address.
    @inlinable public static var EFAULT: Errno { Errno(14) }
    /// Block device required.
    @inlinable public static var ENOTBLK: Errno { Errno(15) }
    /// Device or resource busy.
    @inlinable public static var EBUSY: Errno { Errno(16) }
    /// File exists.
    @inlinable public static var EEXIST: Errno { Errno(17) }
    /// Cross-device link.
    @inlinable public static var EXDEV: Errno { Errno(18) }
    /// No such device.
    @inlinable public static var ENODEV: Errno { Errno(19) }
    /// Not a directory.
    @inlinable public static var ENOTDIR: Errno { Errno(20) }
    /// Is a directory.
    @inlinable public static var EISDIR: Errno { Errno(21) }
    /// Invalid argument.
    @inlinable public static var EINVAL: Errno { Errno(22) }
    /// File table overflow.
    @inlinable public static var ENFILE: Errno { Errno(23) }
    /// Too many open files.
    @inlinable public static var EMFILE: Errno { Errno(24) }
    /// Not a typewriter.
    @inlinable public static var ENOTTY: Errno { Errno(25) }
    /// Text file busy.
    @inlinable public static var ETXTBSY: Errno { Errno(26) }
    /// File too large.
    @inlinable public static var EFBIG: Errno { Errno(27) }
    /// No space left on device.
    @inlinable public static var ENOSPC: Errno { Errno(28) }
    /// Illegal seek.
    @inlinable public static var ESPIPE: Errno { Errno(29) }
    /// Read-only file system.
    @inlinable public static var EROFS: Errno { Errno(30) }
    /// Too many links.
    @inlinable public static var EMLINK: Errno { Errno(31) }
    /// Broken pipe.
    @inlinable public static var EPIPE: Errno { Errno(32) }
    /// Math argument out of domain of func.
    @inlinable public static var EDOM: Errno { Errno(33) }
    /// Math result not representable.
    @inlinable public static var ERANGE: Errno { Errno(34) }
    /// Resource deadlock would occur.
    @inlinable public static var EDEADLK: Errno { Errno(35) }
    /// File name too long.
    @inlinable public static var ENAMETOOLONG: Errno { Errno(36) }
    /// No record locks available.
    @inlinable public static var ENOLCK: Errno { Errno(37) }
    /// Invalid system call number.
    @inlinable public static var ENOSYS: Errno { Errno(38) }
    /// Directory not empty.
    @inlinable public static var ENOTEMPTY: Errno { Errno(39) }
    /// Too many symbolic links encountered.
    @inlinable public static var ELOOP: Errno { Errno(40) }
    /// No message of desired type.
    @inlinable public static var ENOMSG: Errno { Errno(42) }
    /// Identifier removed.
    @inlinable public static var EIDRM: Errno { Errno(43) }
    /// Channel number out of range.
    @inlinable public static var ECHRNG: Errno { Errno(44) }
    /// Level 2 not synchronized.
    @inlinable public static var EL2NSYNC: Errno { Errno(45) }
    /// Level 3 halted.
    @inlinable public static var EL3HLT: Errno { Errno(46) }
    /// Level 3 reset.
    @inlinable public static var EL3RST: Errno { Errno(47) }
    /// Link number out of range.
    @inlinable public static var ELNRNG: Errno { Errno(48) }
    /// Protocol driver not attached.
    @inlinable public static var EUNATCH: Errno { Errno(49) }
    /// No CSI structure available.
    @inlinable public static var ENOCSI: Errno { Errno(50) }
    /// Level 2 halted.
    @inlinable public static var EL2HLT: Errno { Errno(51) }
    /// Invalid exchange.
    @inlinable public static var EBADE: Errno { Errno(52) }
    /// Invalid request descriptor.
    @inlinable public static var EBADR: Errno { Errno(53) }
    /// Exchange full.
    @inlinable public static var EXFULL: Errno { Errno(54) }
    /// No anode.
    @inlinable public static var ENOANO: Errno { Errno(55) }
    /// Invalid request code.
    @inlinable public static var EBADRQC: Errno { Errno(56) }
    /// Invalid slot.
    @inlinable public static var EBADSLT: Errno { Errno(57) }
    /// Bad font file format.
    @inlinable public static var EBFONT: Errno { Errno(59) }
    /// Device not a stream.
    @inlinable public static var ENOSTR: Errno { Errno(60) }
    /// No data available.
    @inlinable public static var ENODATA: Errno { Errno(61) }
    /// Timer expired.
    @inlinable public static var ETIME: Errno { Errno(62) }
    /// Out of streams resources.
    @inlinable public static var ENOSR: Errno { Errno(63) }
    /// Machine is not on the network.
    @inlinable public static var ENONET: Errno { Errno(64) }
    /// Package not installed.
    @inlinable public static var ENOPKG: Errno { Errno(65) }
    /// Object is remote.
    @inlinable public static var EREMOTE: Errno { Errno(66) }
    /// Link has been severed.
    @inlinable public static var ENOLINK: Errno { Errno(67) }
    /// Advertise error.
    @inlinable public static var EADV: Errno { Errno(68) }
    /// Srmount error.
    @inlinable public static var ESRMNT: Errno { Errno(69) }
    /// Communication error on send.
    @inlinable public static var ECOMM: Errno { Errno(70) }
    /// Protocol error.
    @inlinable public static var EPROTO: Errno { Errno(71) }
    /// Multihop attempted.
    @inlinable public static var EMULTIHOP: Errno { Errno(72) }
    /// RFS specific error.
    @inlinable public static var EDOTDOT: Errno { Errno(73) }
    /// Not a data message.
    @inlinable public static var EBADMSG: Errno { Errno(74) }
    /// Value too large for defined data type.
    @inlinable public static var EOVERFLOW: Errno { Errno(75) }
    /// Name not unique on network.
    @inlinable public static var ENOTUNIQ: Errno { Errno(76) }
    /// File descriptor in bad state.
    @inlinable public static var EBADFD: Errno { Errno(77) }
    /// Remote address changed.
    @inlinable public static var EREMCHG: Errno { Errno(78) }
    /// Can not access a needed shared library.
    @inlinable public static var ELIBACC: Errno { Errno(79) }
    /// Accessing a corrupted shared library.
    @inlinable public static var ELIBBAD: Errno { Errno(80) }
    /// .lib section in a.out corrupted.
    @inlinable public static var ELIBSCN: Errno { Errno(81) }
    /// Attempting to link in too many shared libraries.
    @inlinable public static var ELIBMAX: Errno { Errno(82) }
    /// Cannot exec a shared library directly.
    @inlinable public static var ELIBEXEC: Errno { Errno(83) }
    /// Illegal byte sequence.
    @inlinable public static var EILSEQ: Errno { Errno(84) }
    /// Interrupted system call should be restarted.
    @inlinable public static var ERESTART: Errno { Errno(85) }
    /// Streams pipe error.
    @inlinable public static var ESTRPIPE: Errno { Errno(86) }
    /// Too many users.
    @inlinable public static var EUSERS: Errno { Errno(87) }
    /// Socket operation on non-socket.
    @inlinable public static var ENOTSOCK: Errno { Errno(88) }
    /// Destination address required.
    @inlinable public static var EDESTADDRREQ: Errno { Errno(89) }
    /// Message too long.
    @inlinable public static var EMSGSIZE: Errno { Errno(90) }
    /// Protocol wrong type for socket.
    @inlinable public static var EPROTOTYPE: Errno { Errno(91) }
    /// Protocol not available.
    @inlinable public static var ENOPROTOOPT: Errno { Errno(92) }
    /// Protocol not supported.
    @inlinable public static var EPROTONOSUPPORT: Errno { Errno(93) }
    /// Socket type not supported.
    @inlinable public static var ESOCKTNOSUPPORT: Errno { Errno(94) }
    /// Operation not supported on transport endpoint.
    @inlinable public static var EOPNOTSUPP: Errno { Errno(95) }
    /// Protocol family not supported.
    @inlinable public static var EPFNOSUPPORT: Errno { Errno(96) }
    /// Address family not supported by protocol.
    @inlinable public static var EAFNOSUPPORT: Errno { Errno(97) }
    /// Address already in use.
    @inlinable public static var EADDRINUSE: Errno { Errno(98) }
    /// Cannot assign requested address.
    @inlinable public static var EADDRNOTAVAIL: Errno { Errno(99) }
    /// Network is down.
    @inlinable public static var ENETDOWN: Errno { Errno(100) }
    /// Network is unreachable.
    @inlinable public static var ENETUNREACH: Errno { Errno(101) }
    /// Network dropped connection because of reset.
    @inlinable public static var ENETRESET: Errno { Errno(102) }
    /// Software caused connection abort.
    @inlinable public static var ECONNABORTED: Errno { Errno(103) }
    /// Connection reset by peer.
    @inlinable public static var ECONNRESET: Errno { Errno(104) }
    /// No buffer space available.
    @inlinable public static var ENOBUFS: Errno { Errno(105) }
    /// Transport endpoint is already connected.
    @inlinable public static var EISCONN: Errno { Errno(106) }
    /// Transport endpoint is not connected.
    @inlinable public static var ENOTCONN: Errno { Errno(107) }
    /// Cannot send after transport endpoint shutdown.
    @inlinable public static var ESHUTDOWN: Errno { Errno(108) }
    /// Too many references: cannot splice.
    @inlinable public static var ETOOMANYREFS: Errno { Errno(109) }
    /// Connection timed out.
    @inlinable public static var ETIMEDOUT: Errno { Errno(110) }
    /// Connection refused.
    @inlinable public static var ECONNREFUSED: Errno { Errno(111) }
    /// Host is down.
    @inlinable public static var EHOSTDOWN: Errno { Errno(112) }
    /// No route to host.
    @inlinable public static var EHOSTUNREACH: Errno { Errno(113) }
    /// Operation already in progress.
    @inlinable public static var EALREADY: Errno { Errno(114) }
    /// Operation now in progress.
    @inlinable public static var EINPROGRESS: Errno { Errno(115) }
    /// Stale file handle.
    @inlinable public static var ESTALE: Errno { Errno(116) }
    /// Structure needs cleaning.
    @inlinable public static var EUCLEAN: Errno { Errno(117) }
    /// Not a XENIX named type file.
    @inlinable public static var ENOTNAM: Errno { Errno(118) }
    /// No XENIX semaphores available.
    @inlinable public static var ENAVAIL: Errno { Errno(119) }
    /// Is a named type file.
    @inlinable public static var EISNAM: Errno { Errno(120) }
    /// Remote I/O error.
    @inlinable public static var EREMOTEIO: Errno { Errno(121) }
    /// Quota exceeded.
    @inlinable public static var EDQUOT: Errno { Errno(122) }
    /// No medium found.
    @inlinable public static var ENOMEDIUM: Errno { Errno(123) }
    /// Wrong medium type.
    @inlinable public static var EMEDIUMTYPE: Errno { Errno(124) }
    /// Operation Canceled.
    @inlinable public static var ECANCELED: Errno { Errno(125) }
    /// Required key not available.
    @inlinable public static var ENOKEY: Errno { Errno(126) }
    /// Key has expired.
    @inlinable public static var EKEYEXPIRED: Errno { Errno(127) }
    /// Key has been revoked.
    @inlinable public static var EKEYREVOKED: Errno { Errno(128) }
    /// Key was rejected by service.
    @inlinable public static var EKEYREJECTED: Errno { Errno(129) }
    /// Owner died.
    @inlinable public static var EOWNERDEAD: Errno { Errno(130) }
    /// State not recoverable.
    @inlinable public static var ENOTRECOVERABLE: Errno { Errno(131) }
    /// Operation not possible due to RF-kill.
    @inlinable public static var ERFKILL: Errno { Errno(132) }
    /// Memory page has hardware error.
    @inlinable public static var EHWPOISON: Errno { Errno(133) }
    /// The same as `EAGAIN`.
    @inlinable public static var EWOULDBLOCK: Errno { .EAGAIN }
    /// The same as `EOPNOTSUPP`.
    @inlinable public static var ENOTSUP: Errno { .EOPNOTSUPP }

    // Internal values: how an interrupted call goes on (include/linux/errno.h).

    /// Restarts unless the handler that interrupted it lacks SA_RESTART.
    @inlinable public static var ERESTARTSYS: Errno { Errno(512) }
    /// Restarts always.
    @inlinable public static var ERESTARTNOINTR: Errno { Errno(513) }
    /// Restarts if no handler runs, else EINTR.
    @inlinable public static var ERESTARTNOHAND: Errno { Errno(514) }
    /// Goes on with the time that is left if no handler runs, else EINTR.
    @inlinable public static var ERESTART_RESTARTBLOCK: Errno { Errno(516) }
    /// The operation would block the worker (a gofer request): the whole call runs again on the slow pool.
    /// Thrown only before the call has changed anything.
    @inlinable public static var needsSlowPath: Errno { Errno(600) }
}

extension Errno: CustomStringConvertible {
    /// The symbolic name, as strace prints it.
    public var description: String { Errno.names[rawValue] ?? "ERRNO_\(rawValue)" }

    private static let names: [Int32: String] = [
        1: "EPERM",
        2: "ENOENT",
        3: "ESRCH",
        4: "EINTR",
        5: "EIO",
        6: "ENXIO",
        7: "E2BIG",
        8: "ENOEXEC",
        9: "EBADF",
        10: "ECHILD",
        11: "EAGAIN",
        12: "ENOMEM",
        13: "EACCES",
        14: "EFAULT",
        15: "ENOTBLK",
        16: "EBUSY",
        17: "EEXIST",
        18: "EXDEV",
        19: "ENODEV",
        20: "ENOTDIR",
        21: "EISDIR",
        22: "EINVAL",
        23: "ENFILE",
        24: "EMFILE",
        25: "ENOTTY",
        26: "ETXTBSY",
        27: "EFBIG",
        28: "ENOSPC",
        29: "ESPIPE",
        30: "EROFS",
        31: "EMLINK",
        32: "EPIPE",
        33: "EDOM",
        34: "ERANGE",
        35: "EDEADLK",
        36: "ENAMETOOLONG",
        37: "ENOLCK",
        38: "ENOSYS",
        39: "ENOTEMPTY",
        40: "ELOOP",
        42: "ENOMSG",
        43: "EIDRM",
        44: "ECHRNG",
        45: "EL2NSYNC",
        46: "EL3HLT",
        47: "EL3RST",
        48: "ELNRNG",
        49: "EUNATCH",
        50: "ENOCSI",
        51: "EL2HLT",
        52: "EBADE",
        53: "EBADR",
        54: "EXFULL",
        55: "ENOANO",
        56: "EBADRQC",
        57: "EBADSLT",
        59: "EBFONT",
        60: "ENOSTR",
        61: "ENODATA",
        62: "ETIME",
        63: "ENOSR",
        64: "ENONET",
        65: "ENOPKG",
        66: "EREMOTE",
        67: "ENOLINK",
        68: "EADV",
        69: "ESRMNT",
        70: "ECOMM",
        71: "EPROTO",
        72: "EMULTIHOP",
        73: "EDOTDOT",
        74: "EBADMSG",
        75: "EOVERFLOW",
        76: "ENOTUNIQ",
        77: "EBADFD",
        78: "EREMCHG",
        79: "ELIBACC",
        80: "ELIBBAD",
        81: "ELIBSCN",
        82: "ELIBMAX",
        83: "ELIBEXEC",
        84: "EILSEQ",
        85: "ERESTART",
        86: "ESTRPIPE",
        87: "EUSERS",
        88: "ENOTSOCK",
        89: "EDESTADDRREQ",
        90: "EMSGSIZE",
        91: "EPROTOTYPE",
        92: "ENOPROTOOPT",
        93: "EPROTONOSUPPORT",
        94: "ESOCKTNOSUPPORT",
        95: "EOPNOTSUPP",
        96: "EPFNOSUPPORT",
        97: "EAFNOSUPPORT",
        98: "EADDRINUSE",
        99: "EADDRNOTAVAIL",
        100: "ENETDOWN",
        101: "ENETUNREACH",
        102: "ENETRESET",
        103: "ECONNABORTED",
        104: "ECONNRESET",
        105: "ENOBUFS",
        106: "EISCONN",
        107: "ENOTCONN",
        108: "ESHUTDOWN",
        109: "ETOOMANYREFS",
        110: "ETIMEDOUT",
        111: "ECONNREFUSED",
        112: "EHOSTDOWN",
        113: "EHOSTUNREACH",
        114: "EALREADY",
        115: "EINPROGRESS",
        116: "ESTALE",
        117: "EUCLEAN",
        118: "ENOTNAM",
        119: "ENAVAIL",
        120: "EISNAM",
        121: "EREMOTEIO",
        122: "EDQUOT",
        123: "ENOMEDIUM",
        124: "EMEDIUMTYPE",
        125: "ECANCELED",
        126: "ENOKEY",
        127: "EKEYEXPIRED",
        128: "EKEYREVOKED",
        129: "EKEYREJECTED",
        130: "EOWNERDEAD",
        131: "ENOTRECOVERABLE",
        132: "ERFKILL",
        133: "EHWPOISON",
        512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 516: "ERESTART_RESTARTBLOCK", 600: "needsSlowPath",
    ]
}
