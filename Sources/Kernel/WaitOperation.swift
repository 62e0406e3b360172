import LinuxABI

/// Which children wait4(2) and waitid(2) look for.
public enum WaitTarget {
    case any
    case process(Int32)
    case group(Int32)
}

/// wait4(2)'s and waitid(2)'s options.
public struct WaitOptions: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let WNOHANG = WaitOptions(rawValue: 1)
    /// WUNTRACED.
    public static let WSTOPPED = WaitOptions(rawValue: 2)
    public static let WEXITED = WaitOptions(rawValue: 4)
    public static let WCONTINUED = WaitOptions(rawValue: 8)
    public static let WNOWAIT = WaitOptions(rawValue: 0x0100_0000)
    public static let __WNOTHREAD = WaitOptions(rawValue: 0x2000_0000)
    public static let __WALL = WaitOptions(rawValue: 0x4000_0000)
    public static let __WCLONE = WaitOptions(rawValue: 0x8000_0000)
}

/// What a wait found.
public struct WaitResult {
    public let pid: Int32
    public let uid: UInt32
    /// As wait4(2) encodes it.
    public let status: Int32
    /// CLD_EXITED 1, CLD_KILLED 2, CLD_STOPPED 5, CLD_CONTINUED 6.
    public let code: Int32
    public let userTime: UInt64
    public let systemTime: UInt64
}

/// A wait for a child's change of state.
public final class WaitOperation: BlockingOperation {
    private let target: WaitTarget
    private let options: WaitOptions
    /// Writes the result out and gives the call's value; nil result: nothing yet under WNOHANG.
    private let finish: (Task, WaitResult?) throws(Errno) -> Int64

    public init(_ target: WaitTarget, _ options: WaitOptions, finish: @escaping (Task, WaitResult?) throws(Errno) -> Int64) {
        self.target = target
        self.options = options
        self.finish = finish
    }

    override public func attempt(_ task: Task) throws(Errno) -> Int64? {
        let parent = task.process
        var hasCandidate = false
        for child in parent.children where matches(child) {
            hasCandidate = true
            if let result = report(child, to: parent) { return try finish(task, result) }
        }
        if !hasCandidate { throw .ECHILD }
        return options.contains(.WNOHANG) ? try finish(task, nil) : nil
    }

    override public func register(_ task: Task) { wait(on: task.process.childEvents, interest: .any, task) }

    private func matches(_ child: ThreadGroup) -> Bool {
        // __WCLONE: only children that do not announce their end by SIGCHLD; without it (and __WALL) only those that do.
        let isClone = child.exitSignal != Signal.SIGCHLD
        if !options.contains(.__WALL) && isClone != options.contains(.__WCLONE) { return false }
        switch target {
        case .any: return true
        case .process(let pid): return child.pid == pid
        case .group(let group): return child.processGroup == group
        }
    }

    private func report(_ child: ThreadGroup, to parent: ThreadGroup) -> WaitResult? {
        let keeps = options.contains(.WNOWAIT)
        if let status = child.exitStatus {
            guard options.contains(.WEXITED) else { return nil }
            if !keeps { parent.reap(child) }
            return WaitResult(
                pid: child.pid, uid: child.lastUID, status: status, code: status & 0x7f != 0 ? 2 : 1,
                userTime: child.processorTime &+ child.childrenUserTime, systemTime: child.childrenSystemTime)
        }
        if let signal = child.unreportedStop, options.contains(.WSTOPPED) {
            if !keeps { child.unreportedStop = nil }
            return WaitResult(pid: child.pid, uid: child.lastUID, status: signal << 8 | 0x7f, code: 5, userTime: 0, systemTime: 0)
        }
        if child.unreportedContinue, options.contains(.WCONTINUED) {
            if !keeps { child.unreportedContinue = false }
            return WaitResult(pid: child.pid, uid: child.lastUID, status: 0xffff, code: 6, userTime: 0, systemTime: 0)
        }
        return nil
    }
}
