import LinuxABI
import Memory
import Platform
import VFS

/// clone(2) flags.
public struct CloneFlags: OptionSet, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let CLONE_VM = CloneFlags(rawValue: 0x100)
    public static let CLONE_FS = CloneFlags(rawValue: 0x200)
    public static let CLONE_FILES = CloneFlags(rawValue: 0x400)
    public static let CLONE_SIGHAND = CloneFlags(rawValue: 0x800)
    public static let CLONE_PIDFD = CloneFlags(rawValue: 0x1000)
    public static let CLONE_PTRACE = CloneFlags(rawValue: 0x2000)
    public static let CLONE_VFORK = CloneFlags(rawValue: 0x4000)
    public static let CLONE_PARENT = CloneFlags(rawValue: 0x8000)
    public static let CLONE_THREAD = CloneFlags(rawValue: 0x10000)
    public static let CLONE_NEWNS = CloneFlags(rawValue: 0x20000)
    public static let CLONE_SYSVSEM = CloneFlags(rawValue: 0x40000)
    public static let CLONE_SETTLS = CloneFlags(rawValue: 0x80000)
    public static let CLONE_PARENT_SETTID = CloneFlags(rawValue: 0x100000)
    public static let CLONE_CHILD_CLEARTID = CloneFlags(rawValue: 0x200000)
    public static let CLONE_DETACHED = CloneFlags(rawValue: 0x400000)
    public static let CLONE_UNTRACED = CloneFlags(rawValue: 0x800000)
    public static let CLONE_CHILD_SETTID = CloneFlags(rawValue: 0x1000000)
    public static let CLONE_IO = CloneFlags(rawValue: 0x8000_0000)
    public static let CLONE_CLEAR_SIGHAND = CloneFlags(rawValue: 0x1_0000_0000)

    /// The namespaces, and what else is not there yet.
    static let unsupported = CloneFlags(rawValue: 0x7e02_0000 | 0x80 | 0x1000 | ~0x1_ffff_ffff)
}

/// What clone, clone3, fork and vfork have in common.
public struct CloneRequest {
    public var flags: CloneFlags
    public var exitSignal: Int32
    /// 0: the caller's.
    public var stackPointer: UInt64 = 0
    public var parentTID = UserAddress.null
    public var childTID = UserAddress.null
    public var tls: UInt64 = 0

    public init(flags: CloneFlags, exitSignal: Int32) {
        self.flags = flags
        self.exitSignal = exitSignal
    }
}

extension Task {
    /// Makes a thread or process: the kernel's side at once, the host's by an order of this thread.
    ///
    /// - Throws: `EINVAL` for combinations that Linux refuses or that are not there yet; `EAGAIN` at a limit.
    public func clone(_ request: CloneRequest) throws(Errno) -> Outcome {
        let flags = request.flags
        if flags.contains(.CLONE_THREAD) && !flags.contains(.CLONE_SIGHAND) { throw .EINVAL }
        if flags.contains(.CLONE_SIGHAND) && !flags.contains(.CLONE_VM) { throw .EINVAL }
        if flags.contains([.CLONE_SIGHAND, .CLONE_CLEAR_SIGHAND]) { throw .EINVAL }
        if !flags.isDisjoint(with: .unsupported) { throw .EINVAL }
        if request.exitSignal < 0 || request.exitSignal > 64 { throw .EINVAL }
        if flags.contains(.CLONE_SETTLS) && request.tls >= GuestLayout.workloadEnd { throw .EPERM }
        let clearsTID = flags.contains(.CLONE_CHILD_CLEARTID)
        if clearsTID && request.childTID.rawValue >= GuestLayout.workloadEnd { throw .EFAULT }
        if process.isExiting { throw .EINTR }
        if isAtTaskLimit { throw .EAGAIN }

        // A thread, a process of its own memory, or one that shares ours. CLONE_VM without CLONE_THREAD is a vfork for the platform.
        let kind: CloneKind = flags.contains(.CLONE_THREAD) ? .thread : flags.contains(.CLONE_VM) ? .vfork : .fork
        guard let thread, let childThread = thread.makeChild(kind: kind) else { throw .EAGAIN }
        let tid = try kernel.allocatePID()
        let child = makeChild(tid, request, kind)
        child.thread = childThread
        childThread.owner = child
        kernel.tasks[tid] = child
        birth = child
        if kind != .thread { child.process.watchProcessorLimit() }

        var tidBytes = tid
        if flags.contains(.CLONE_PARENT_SETTID) { try? memory.copyOut(tidBytes, to: request.parentTID) }
        tidBytes = 0
        child.childSetTID = flags.contains(.CLONE_CHILD_SETTID) ? request.childTID.rawValue : 0
        child.clearTID = clearsTID ? request.childTID.rawValue : 0

        let waits = flags.contains(.CLONE_VFORK)
        if waits {
            child.vforkParent = self
            waitsForVfork = true
        }
        kernel.tracer?.exit(self, callNumber, callArguments, result: Int64(tid))
        thread.setResult(UInt64(tid))
        thread.clone(
            childThread, kind: kind, stackPointer: request.stackPointer == 0 ? nil : request.stackPointer, clearTID: child.clearTID,
            tls: flags.contains(.CLONE_SETTLS) ? request.tls : nil, sleeps: waits || process.isStopped)
        return .delegated
    }

    private func makeChild(_ tid: Int32, _ request: CloneRequest, _ kind: CloneKind) -> Task {
        let flags = request.flags
        let group: ThreadGroup
        if flags.contains(.CLONE_THREAD) {
            group = process
        } else {
            group = ThreadGroup(kernel: kernel, pid: tid)
            group.inherit(from: process, exitSignal: request.exitSignal)
            group.parent = flags.contains(.CLONE_PARENT) ? process.parent : process
            group.parent?.children.append(group)
            if flags.contains(.CLONE_SIGHAND) {
                group.actions = process.actions
            } else if flags.contains(.CLONE_CLEAR_SIGHAND) {
                group.actions = process.actions.copy()
                group.actions.resetForExec()
            } else {
                group.actions = process.actions.copy()
            }
            kernel.processes[tid] = group
        }
        let child = Task(
            kernel: kernel, tid: tid, process: group, credentials: credentials,
            files: flags.contains(.CLONE_FILES) ? files : files.copy(), fs: flags.contains(.CLONE_FS) ? fs : fs.copy(),
            memory: kind == .fork ? memory.forked() : memory, name: name)
        files.retainedByTask(child.files === files)
        child.signalMask = signalMask
        child.attributes = attributes.forChild()
        // A child in its own memory keeps the stack; one that shares memory starts without (clone(2), sigaltstack(2)).
        if kind == .fork || flags.contains(.CLONE_VFORK) { child.alternateStack = alternateStack }
        group.tasks.append(child)
        return child
    }

    /// The platform's thread has announced itself and is about to run.
    func born() {
        guard let thread else { return }
        if !isDead, memory.hostProcess == 0 { kernel.attach(memory, to: thread.process.hostID) }
        if isDead {
            thread.process.kill()
            return
        }
        if childSetTID != 0 { try? memory.copyOut(tid, to: UserAddress(childSetTID)) }
        if hasDeliverableSignal || process.isStopped { kick() }
    }

    /// The host refused the clone.
    func neverBorn() {
        kernel.log("the host refused a clone for process \(process.pid)")
        if let parent = vforkParent {
            parent.waitsForVfork = false
            vforkParent = nil
        }
        isDead = true
        kernel.tasks[tid] = nil
        process.tasks.removeAll { $0 === self }
        files.releasedByTask(vfs)
        if process.tasks.isEmpty {
            process.parent?.children.removeAll { $0 === process }
            kernel.processes[process.pid] = nil
        }
    }

    /// The vfork child has its own memory now, or is gone: its parent goes on.
    func releaseVforkParent() {
        guard let parent = vforkParent else { return }
        vforkParent = nil
        parent.waitsForVfork = false
        if !parent.isDead, parent.thread?.isStopped == true { parent.returnToGuest() }
    }
}

extension ThreadGroup {
    /// What a new process has of its maker.
    func inherit(from other: ThreadGroup, exitSignal: Int32) {
        processGroup = other.processGroup
        session = other.session
        controllingTerminal = other.controllingTerminal
        executable = other.executable
        limits = other.limits
        self.exitSignal = exitSignal
        argumentArea = other.argumentArea
        environmentArea = other.environmentArea
        auxiliaryVector = other.auxiliaryVector
    }
}

extension Task {
    /// RLIMIT_NPROC: whether the real user has as many threads as the limit says; it does not bind root and the privileged.
    private var isAtTaskLimit: Bool {
        let limit = Int(clamping: process.limits.values[ResourceLimits.RLIMIT_NPROC].soft)
        // The whole sandbox has fewer: no need to count the user's own.
        if kernel.tasks.count < limit || credentials.uid == 0 { return false }
        if credentials.has(.CAP_SYS_RESOURCE) || credentials.has(.CAP_SYS_ADMIN) { return false }
        return kernel.tasks.values.count { $0.credentials.uid == credentials.uid } >= limit
    }
}
