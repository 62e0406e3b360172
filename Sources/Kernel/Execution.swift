import LinuxABI
import Memory
import Platform
import VFS

/// An execve(2) in progress: the new image is mapped into an empty process while the old one stands still, then they change places.
///
/// Up to ``begin(_:)`` every failure is an errno for the caller; from there on the old image is being replaced, and a failure kills
/// the process with SIGSEGV or SIGKILL, as on Linux.
public final class Execution {
    /// What the loader prepared: nothing of it depends on the guest's memory any more.
    let plan: ImagePlan
    let file: VFSPath?
    let newName: [UInt8]
    private unowned let task: Task
    /// The body of the new image.
    private(set) var thread: PlatformThread?
    private var host: (any PlatformProcess)?

    init(_ task: Task, plan: ImagePlan, file: VFSPath?, name: [UInt8]) {
        self.task = task
        self.plan = plan
        self.file = file
        newName = name
    }

    /// The point of no return: other threads die, and an empty process is asked for.
    func begin() {
        task.execution = self
        let process = task.process
        for other in Array(process.tasks) where other !== task {
            other.release()
        }
        task.kernel.platform?.takeBlank { [weak self] host, thread in
            guard let self, self.task.execution === self else {
                host.kill()
                return
            }
            self.map(host, thread)
        }
    }

    private func map(_ host: any PlatformProcess, _ thread: PlatformThread) {
        self.host = host
        self.thread = thread
        thread.owner = task
        thread.run(plan.orders, resume: false)
    }

    /// The image is mapped: fill it, take over the identity, go.
    func imageMapped() {
        guard let thread, let host else { preconditionFailure("no blank") }
        let memory = plan.memory
        task.kernel.attach(memory, to: host.hostID)
        do throws(Errno) {
            for (address, count) in plan.zeroFill { try memory.copyOut([UInt8](repeating: 0, count: count), to: UserAddress(address)) }
            try memory.copyOut(plan.stackBytes, to: UserAddress(plan.stackPointer))
        } catch {
            imageFailed(error)
            return
        }
        let process = task.process
        // The old body goes: at once if it is this process's own; a vfork child's leaves its parent's memory alone.
        let isFirst = task.thread == nil
        process.keepProcessorTime()
        if let old = task.thread { old.process.kill() }
        task.replaceImage(thread, memory)
        process.executable = file
        process.hasExeced = true
        process.argumentArea = plan.argumentArea
        process.environmentArea = plan.environmentArea
        process.auxiliaryVector = plan.auxiliaryVector
        task.name = newName
        task.attributes.resetForExec()
        task.applyAffinity()

        var registers = GuestRegisters()
        registers.rip = plan.entry
        registers.rsp = plan.stackPointer
        thread.setRegisters(registers)
        thread.setFloatingPointState([])
        task.execution = nil
        task.releaseVforkParent()
        if !isFirst { task.kernel.tracer?.exit(task, task.callNumber, task.callArguments, result: 0) }
        task.returnToGuest()
    }

    /// The host refused part of the image, after the point of no return.
    func imageFailed(_ error: Errno) {
        task.kernel.log("process \(task.process.pid): exec failed after the point of no return: \(error)")
        task.process.exitGroup(status: Signal.SIGKILL)
    }

    /// The task died meanwhile.
    func abandon() { host?.kill() }
}

extension Task {
    /// Starts replacing the image; the call ends in ``Execution/imageMapped()``.
    public func execute(_ plan: ImagePlan, file: VFSPath?, name: [UInt8]) -> Outcome {
        Execution(self, plan: plan, file: file, name: name).begin()
        return .delegated
    }

    /// Everything of the task that execve(2) resets.
    func replaceImage(_ newThread: PlatformThread, _ newMemory: AddressSpace) {
        thread = newThread
        memory = newMemory
        if tid != process.pid {
            // An exec by another thread takes over the leader's id.
            kernel.tasks[tid] = nil
            tid = process.pid
            kernel.tasks[tid] = self
        }
        files = files.unsharedForExec()
        files.closeOnExec(vfs)
        fs = fs.copy()
        let actions = process.actions.copy()
        actions.resetForExec()
        process.actions = actions
        process.disarmTimers(keepingReal: true)
        alternateStack = SignalStack()
        clearTID = 0
        robustList = (.null, 0)
        lastFault = nil
        process.exitSignal = Signal.SIGCHLD
    }
}
