// The user's terminal: the host does the line discipline, the sandbox keeps session and foreground group.
import HostSyscalls
import Kernel
import LinuxABI
import Primitives
import VFS

/// The host terminal that the sandbox was started on. Guarded by the kernel lock.
///
/// Modes, sizes and data are the host terminal's. Sessions and process groups are the sandbox's: the runtime stays the host
/// terminal's foreground group, and forwards the signals that the host's line discipline raises to ``foregroundGroup``.
public final class HostTerminal {
    /// The session that has it as its controlling terminal; 0: none.
    public var session: Int32 = 0
    /// Where Ctrl-C goes.
    public var foregroundGroup: Int32 = 0
    /// N of `/dev/pts/N`.
    let index: Int
    /// `/dev/pts/N`.
    let inode: Inode
    private let stream: HostStream
    private unowned let kernel: Kernel

    init(stream: HostStream, index: Int, kernel: Kernel, uid: UInt32, gid: UInt32) {
        let node = HostStreamInode(stream: stream, type: .characterDevice, uid: uid, gid: gid)
        inode = node
        self.index = index
        self.stream = stream
        self.kernel = kernel
        node.setTerminal(self)
    }

    /// A signal that the host's line discipline raised for the runtime (SIGINT, SIGQUIT, SIGTSTP, SIGWINCH): it goes to the foreground group.
    public func signalForeground(_ signal: Int32) { signalGroup(foregroundGroup, signal) }

    private func signalGroup(_ group: Int32, _ signal: Int32) {
        guard group > 0 else { return }
        for member in Array(kernel.processes.values) where member.processGroup == group && member.session == session {
            // SI_KERNEL
            try? member.send(SignalInfo(signal: signal, code: 0x80))
        }
    }

    /// Whether it is the controlling terminal of the caller's session.
    func isControlling(_ context: VFSContext) -> Bool {
        guard session != 0, let caller = kernel.processes[context.callerPID] else { return false }
        return caller.session == session
    }

    /// A description without a claim to control.
    func makeDescription(flags: OpenFlags) -> FileDescription {
        HostFileDescription(stream: stream, node: inode, terminal: self, flags: flags)
    }

    /// open(2) of /dev/pts/N: a session leader without a terminal gets it, unless O_NOCTTY.
    func open(flags: OpenFlags, _ context: VFSContext, on stream: HostStream) -> FileDescription {
        if !flags.contains(.O_NOCTTY) { try? becomeControlling(context) }
        return HostFileDescription(stream: stream, node: inode, terminal: self, flags: flags)
    }

    /// Before a read: a background process gets SIGTTIN instead, and tries again once it is continued.
    ///
    /// - Throws: `EAGAIN`: the read waits until its process group is in front; `EIO` if nothing could stop or tell it.
    func checkRead(_ context: VFSContext) throws(Errno) {
        guard let caller = kernel.processes[context.callerPID], caller.session == session, session != 0,
            caller.processGroup != foregroundGroup
        else { return }
        let isBlocked = kernel.tasks[context.callerTID].map { $0.signalMask & Signal.bit(Signal.SIGTTIN) != 0 } ?? true
        let isIgnored = caller.signalAction(Signal.SIGTTIN).handler == SignalAction.ignore
        if isBlocked || isIgnored || caller.isInOrphanedGroup { throw .EIO }
        signalGroup(caller.processGroup, Signal.SIGTTIN)
        throw .EAGAIN
    }

    // ioctl.

    func ioctl(
        _ request: UInt32, _ argument: UserAddress, _ memory: any GuestCopying, _ context: VFSContext, on stream: HostStream
    ) throws(Errno) -> Int64 {
        switch request {
        case IoctlRequest.TCGETS: try copyOut(request, size: 36, argument, memory, stream)
        case IoctlRequest.TCGETS2: try copyOut(request, size: 44, argument, memory, stream)
        case IoctlRequest.TIOCGWINSZ: try copyOut(request, size: 8, argument, memory, stream)
        case IoctlRequest.FIONREAD, IoctlRequest.TIOCOUTQ: try copyOut(request, size: 4, argument, memory, stream)
        // Draining first could wait for ever on a stopped terminal: the mode changes at once.
        case IoctlRequest.TCSETS, IoctlRequest.TCSETSW: try copyIn(IoctlRequest.TCSETS, size: 36, argument, memory, stream)
        case IoctlRequest.TCSETS2, IoctlRequest.TCSETSW2: try copyIn(IoctlRequest.TCSETS2, size: 44, argument, memory, stream)
        case IoctlRequest.TCSETSF:
            try host(IoctlRequest.TCFLSH, 0, stream)
            try copyIn(IoctlRequest.TCSETS, size: 36, argument, memory, stream)
        case IoctlRequest.TCSETSF2:
            try host(IoctlRequest.TCFLSH, 0, stream)
            try copyIn(IoctlRequest.TCSETS2, size: 44, argument, memory, stream)
        case IoctlRequest.TIOCSWINSZ: try copyIn(request, size: 8, argument, memory, stream)
        case IoctlRequest.TCFLSH, IoctlRequest.TCXONC: try host(request, Int(truncatingIfNeeded: argument.rawValue & 3), stream)
        // tcdrain(3) is TCSBRK with an argument; a break is not sent.
        case IoctlRequest.TCSBRK, IoctlRequest.TCSBRKP: break
        case IoctlRequest.TIOCGPGRP:
            guard isControlling(context) else { throw .ENOTTY }
            try memory.copyOut(foregroundGroup, to: argument)
        case IoctlRequest.TIOCGSID:
            guard isControlling(context) else { throw .ENOTTY }
            try memory.copyOut(session, to: argument)
        case IoctlRequest.TIOCSPGRP: try setForegroundGroup(try memory.copyIn(argument, as: Int32.self), context)
        case IoctlRequest.TIOCSCTTY: try becomeControlling(context)
        case IoctlRequest.TIOCNOTTY:
            guard isControlling(context) else { throw .ENOTTY }
            if context.callerPID == session {
                session = 0
                foregroundGroup = 0
            }
        default: throw .ENOTTY
        }
        return 0
    }

    private func setForegroundGroup(_ group: Int32, _ context: VFSContext) throws(Errno) {
        guard isControlling(context) else { throw .ENOTTY }
        guard group >= 0 else { throw .EINVAL }
        guard let member = kernel.processes.values.first(where: { $0.processGroup == group }) else { throw .ESRCH }
        guard member.session == session else { throw .EPERM }
        foregroundGroup = group
    }

    private func becomeControlling(_ context: VFSContext) throws(Errno) {
        guard let caller = kernel.processes[context.callerPID] else { throw .EPERM }
        if session != 0 && session == caller.session { return }
        guard caller.session == caller.pid else { throw .EPERM }
        // A session all of whose processes are gone has given it up.
        if session != 0 && kernel.processes.values.contains(where: { $0.session == session }) { throw .EPERM }
        session = caller.session
        foregroundGroup = caller.processGroup
    }

    private func host(_ request: UInt32, _ argument: Int, _ stream: HostStream) throws(Errno) {
        _ = try hostResult(HostSyscall.ioctl, Int(stream.host.rawValue), Int(request), argument)
    }

    private func copyOut(
        _ request: UInt32, size: Int, _ argument: UserAddress, _ memory: any GuestCopying, _ stream: HostStream
    ) throws(Errno) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        try host(request, Int(bitPattern: buffer.baseAddress), stream)
        try memory.copyOut(UnsafeRawBufferPointer(rebasing: buffer[..<size]), to: argument)
    }

    private func copyIn(
        _ request: UInt32, size: Int, _ argument: UserAddress, _ memory: any GuestCopying, _ stream: HostStream
    ) throws(Errno) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
        defer { buffer.deallocate() }
        try memory.copyIn(argument, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<size]))
        try host(request, Int(bitPattern: buffer.baseAddress), stream)
    }
}

/// The terminals of a sandbox: that of its first process, and one for each `sandbox exec` from a terminal. Guarded by the kernel lock.
public final class TerminalRegistry {
    private(set) var terminals: [HostTerminal] = []

    public init() {}

    /// Makes a terminal with the lowest free index.
    func add(_ make: (_ index: Int) -> HostTerminal) -> HostTerminal {
        var index = 0
        while terminals.contains(where: { $0.index == index }) { index += 1 }
        let terminal = make(index)
        terminals.append(terminal)
        return terminal
    }

    /// The session that used it is over: its names in /dev go.
    public func remove(_ terminal: HostTerminal) { terminals.removeAll { $0 === terminal } }

    /// What /dev/tty means for the caller.
    func controlling(_ context: VFSContext) -> HostTerminal? { terminals.first { $0.isControlling(context) } }
}
