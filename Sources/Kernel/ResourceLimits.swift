/// The soft and hard limits of a process, by RLIMIT number.
public struct ResourceLimits {
    public struct Limit: Sendable {
        public var soft: UInt64
        public var hard: UInt64

        public init(soft: UInt64, hard: UInt64) {
            self.soft = soft
            self.hard = hard
        }
    }

    /// Indexed by RLIMIT_CPU (0) … RLIMIT_RTTIME (15).
    public var values: [Limit] = ResourceLimits.defaults
    public static let infinity = UInt64.max

    public init() {}

    public static let RLIMIT_CPU = 0
    public static let RLIMIT_FSIZE = 1
    public static let RLIMIT_DATA = 2
    public static let RLIMIT_STACK = 3
    public static let RLIMIT_NPROC = 6
    public static let RLIMIT_NOFILE = 7
    public static let RLIMIT_MEMLOCK = 8
    public static let RLIMIT_AS = 9
    public static let RLIMIT_SIGPENDING = 11

    static let defaults: [Limit] = {
        var values = [Limit](repeating: Limit(soft: infinity, hard: infinity), count: 16)
        values[RLIMIT_STACK] = Limit(soft: 8 << 20, hard: infinity)
        values[4] = Limit(soft: 0, hard: infinity)  // RLIMIT_CORE
        values[RLIMIT_NPROC] = Limit(soft: 65_536, hard: 65_536)
        values[RLIMIT_NOFILE] = Limit(soft: 1024, hard: 1_048_576)
        values[RLIMIT_MEMLOCK] = Limit(soft: 8 << 20, hard: 8 << 20)
        values[RLIMIT_SIGPENDING] = Limit(soft: 65_536, hard: 65_536)
        values[12] = Limit(soft: 819_200, hard: 819_200)  // RLIMIT_MSGQUEUE
        values[13] = Limit(soft: 0, hard: 0)  // RLIMIT_NICE
        values[14] = Limit(soft: 0, hard: 0)  // RLIMIT_RTPRIO
        return values
    }()
}
