// ioctl(2) request numbers (asm-generic/ioctls.h).

/// The requests that the sentry knows, by Linux's names.
public enum IoctlRequest {
    public static let TCGETS: UInt32 = 0x5401
    public static let TCSETS: UInt32 = 0x5402
    public static let TCSETSW: UInt32 = 0x5403
    public static let TCSETSF: UInt32 = 0x5404
    public static let TCSBRK: UInt32 = 0x5409
    public static let TCXONC: UInt32 = 0x540a
    public static let TCFLSH: UInt32 = 0x540b
    public static let TIOCSCTTY: UInt32 = 0x540e
    public static let TIOCGPGRP: UInt32 = 0x540f
    public static let TIOCSPGRP: UInt32 = 0x5410
    public static let TIOCOUTQ: UInt32 = 0x5411
    public static let TIOCGWINSZ: UInt32 = 0x5413
    public static let TIOCSWINSZ: UInt32 = 0x5414
    public static let FIONREAD: UInt32 = 0x541b
    public static let FIONBIO: UInt32 = 0x5421
    public static let TIOCNOTTY: UInt32 = 0x5422
    public static let TCSBRKP: UInt32 = 0x5425
    public static let TIOCGSID: UInt32 = 0x5429
    public static let FIONCLEX: UInt32 = 0x5450
    public static let FIOCLEX: UInt32 = 0x5451
    public static let FIOASYNC: UInt32 = 0x5452
    /// `struct termios2` requests: `_IOR('T', 0x2a)`, `_IOW('T', 0x2b)` …
    public static let TCGETS2: UInt32 = 0x802c_542a
    public static let TCSETS2: UInt32 = 0x402c_542b
    public static let TCSETSW2: UInt32 = 0x402c_542c
    public static let TCSETSF2: UInt32 = 0x402c_542d
}
