import LinuxABI
import Platform

// The dispatcher: from a call's arrival to its result. Parking, interruption, restart codes and partial results are decided here, once.

extension Kernel: PlatformDelegate {
    /// The task whose body `thread` is; nil once the task is gone. A host thread may outlive its task for a moment: its process is being
    /// killed, or another thread's exec waits for its new image.
    private func task(of thread: PlatformThread) -> Task? {
        guard let owner = thread.owner else { return nil }
        return unsafeDowncast(owner, to: Task.self)
    }

    // MARK: Arrival

    public func expressCall(_ thread: PlatformThread, _ number: UInt64, _ arguments: SyscallArguments) -> ExpressAnswer {
        guard let task = task(of: thread), !task.isDead else { return .later }
        task.memory.prove(task.memoryOwner)
        tracer?.enter(task, number, arguments)
        do throws(Errno) {
            switch try dispatch(task, number, arguments) {
            case .value(let result):
                tracer?.exit(task, number, arguments, result: result)
                // A signal that this call unblocked or raised: the kick is there before the answer, so it is delivered with the result.
                if task.hasDeliverableSignal { task.kick() }
                return .value(result)
            case .native:
                tracer?.exit(task, number, arguments, result: 0)
                return .native
            case .park(let operation):
                task.beginCall(number, arguments, isExpress: true)
                task.park(operation)
                return .later
            case .delegated:
                // Put aside until another thread's order is proved (Task.awaitProof).
                task.beginCall(number, arguments, isExpress: true)
                return .later
            case .orders, .contextReplaced:
                preconditionFailure("express call \(number) wants registers: its row in syscall-tables is wrong")
            }
        } catch {
            if error == .needsSlowPath {
                task.beginCall(number, arguments, isExpress: true)
                task.runOnSlowPath()
                return .later
            }
            let result = task.guestResult(error)
            tracer?.exit(task, number, arguments, result: result)
            return .value(result)
        }
    }

    public func trappedCall(_ thread: PlatformThread, _ number: UInt64, _ arguments: SyscallArguments) {
        guard let task = task(of: thread), !task.isDead else { return }
        task.memory.prove(task.memoryOwner)
        task.beginCall(number, arguments, isExpress: false)
        tracer?.enter(task, number, arguments)
        task.performCall()
    }

    public func faulted(_ thread: PlatformThread, _ fault: GuestFault) {
        guard let task = task(of: thread), !task.isDead else { return }
        task.memory.prove(task.memoryOwner)
        task.lastFault = fault
        // A fault's siginfo comes from the host, but its page may be what the sentry knows better: codes pass as they are.
        task.forceSignal(.fault(fault.signal, code: fault.code, address: fault.address))
        task.returnToGuest()
    }

    public func kicked(_ thread: PlatformThread) {
        guard let task = task(of: thread), !task.isDead else { return }
        task.memory.prove(task.memoryOwner)
        task.returnFromKick()
    }

    public func deadlinePassed(_ thread: PlatformThread) {
        guard let task = task(of: thread), !task.isDead, let operation = task.operation else { return }
        if let deadline = operation.deadline, deadline <= monotonicNow {
            task.retryParked(deadlinePassed: true)
        } else {
            thread.sleep(until: operation.deadline)
        }
    }

    public func ordersDone(_ thread: PlatformThread) {
        guard let task = task(of: thread) else { return }
        if let execution = task.execution, execution.thread === thread {
            execution.imageMapped()
            return
        }
        if task.isDead { return }
        task.memory.prove(task.memoryOwner)
        guard let plan = task.plan else {
            if !task.waitsForVfork { task.returnToGuest() }
            return
        }
        task.plan = nil
        if let then = plan.then {
            then(task)
        } else {
            task.complete(plan.result)
        }
    }

    public func ordersFailed(_ thread: PlatformThread, index: Int, error: Errno) {
        guard let task = task(of: thread) else { return }
        if let execution = task.execution, execution.thread === thread {
            execution.imageFailed(error)
            return
        }
        if task.isDead { return }
        task.memory.prove(task.memoryOwner)
        if let child = task.birth {
            task.birth = nil
            child.neverBorn()
            task.complete(Errno.EAGAIN.result)
            return
        }
        let plan = task.plan ?? task.lastPlan
        task.plan = nil
        task.lastPlan = nil
        plan?.rollback?(index)
        task.complete(plan?.failureResult ?? error.result)
    }

    public func timedWaitEnded(_ thread: PlatformThread, result: Int64) {
        guard let task = task(of: thread), !task.isDead else { return }
        task.memory.prove(task.memoryOwner)
        task.futexWaitEnded(result)
    }

    public func threadStarted(_ thread: PlatformThread) {
        // Born too late: whoever wanted it is gone.
        guard let task = task(of: thread) else { return thread.process.kill() }
        task.born()
    }

    public func neverStarted(_ thread: PlatformThread) { task(of: thread)?.process.exitGroup(status: Signal.SIGKILL) }

    public func violated(_ thread: PlatformThread, _ what: String) {
        guard let task = task(of: thread) else { return }
        log("process \(task.process.pid) (\(String(decoding: task.name, as: UTF8.self))) killed: \(what)")
        task.process.exitGroup(status: Signal.SIGSYS)
    }

    public func processEnded(_ process: any PlatformProcess, status: Int32) {
        // A process whose end the kernel did not order: a fault in the stub, or the host's out-of-memory killer.
        for task in Array(tasks.values) where !task.isDead && task.thread?.process === process {
            log("process \(task.process.pid) was ended by the host: status \(status)")
            task.process.exitGroup(status: status & 0x7f == 0 ? Signal.SIGKILL : status & 0x7f)
        }
    }

    /// Resumes what became runnable, until nothing is.
    public func drain() {
        while !runnable.isEmpty || !reruns.isEmpty {
            let again = reruns
            reruns.removeAll(keepingCapacity: true)
            for task in again where !task.isDead { task.performCall() }
            let batch = runnable
            runnable.removeAll(keepingCapacity: true)
            for task in batch {
                task.isQueued = false
                if !task.isDead { task.retryParked(deadlinePassed: false) }
            }
        }
    }
}

extension Task {
    /// The token under which the address space knows this thread's unproved orders.
    var memoryOwner: Int { Int(bitPattern: ObjectIdentifier(self)) }

    // MARK: One call

    func beginCall(_ number: UInt64, _ arguments: SyscallArguments, isExpress: Bool) {
        callNumber = number
        callArguments = arguments
        self.isExpress = isExpress
        lastPlan = nil
    }

    /// Runs the handler of the call that was begun.
    func performCall() {
        do throws(Errno) {
            finish(try kernel.dispatch(self, callNumber, callArguments))
        } catch {
            if error == .needsSlowPath && !isOnSlowPath {
                runOnSlowPath()
            } else {
                complete(guestResult(error))
            }
        }
    }

    private func finish(_ outcome: Outcome) {
        switch outcome {
        case .value(let result): complete(result)
        case .park(let operation): park(operation)
        case .orders(let plan): give(plan)
        case .native where isExpress:
            isExpress = false
            thread?.answerExpressNatively()
        case .native:
            // A trapped call that the host may run as it is: by an order.
            let a = callArguments
            give(OrderPlan([HostOrder(callNumber, a.a0, a.a1, a.a2, a.a3, a.a4, a.a5)], result: 0))
        case .contextReplaced:
            kernel.tracer?.exit(self, callNumber, callArguments, result: nil)
            if !isDead { returnToGuest() }
        case .delegated: break
        }
    }

    private func give(_ newPlan: OrderPlan) {
        guard let thread else { preconditionFailure("orders without a thread") }
        if isExpress { preconditionFailure("orders for an express call") }
        // With nothing to do afterwards the thread resumes by itself; its next call proves that the orders were carried out.
        if newPlan.then == nil && !hasDeliverableSignal && !process.isStopped {
            lastPlan = newPlan
            kernel.tracer?.exit(self, callNumber, callArguments, result: newPlan.result)
            thread.setResult(UInt64(bitPattern: newPlan.result))
            thread.run(newPlan.orders, resume: true)
        } else {
            plan = newPlan
            thread.run(newPlan.orders, resume: false)
        }
    }

    /// Runs the whole call again where it may wait for a gofer.
    func runOnSlowPath() {
        kernel.slowPool.submit { [self] in
            if isDead { return }
            isOnSlowPath = true
            performCall()
            isOnSlowPath = false
        }
    }

    /// What the guest sees of a thrown error. Internal codes end here.
    func guestResult(_ error: Errno) -> Int64 {
        switch error {
        case .ERESTARTSYS, .ERESTARTNOINTR, .ERESTARTNOHAND, .ERESTART_RESTARTBLOCK: return Errno.EINTR.result
        default:
            precondition(!error.isInternal, "internal error \(error) would leave the kernel in call \(callNumber)")
            return error.result
        }
    }

    /// The call's result is known.
    func complete(_ result: Int64) {
        if isDead { return }
        kernel.tracer?.exit(self, callNumber, callArguments, result: result)
        if isExpress {
            isExpress = false
            thread?.answerExpress(result)
        } else {
            thread?.setResult(UInt64(bitPattern: result))
            returnToGuest()
        }
    }

    // MARK: Parking

    /// Tries, registers, tries again, only then parks.
    func park(_ newOperation: BlockingOperation) {
        do throws(Errno) {
            if let result = try newOperation.attempt(self) { return complete(result) }
            newOperation.register(self)
            if let result = try newOperation.attempt(self) {
                newOperation.unregister()
                return complete(result)
            }
        } catch {
            newOperation.unregister()
            return complete(guestResult(error))
        }
        if isDead { return newOperation.unregister() }
        operation = newOperation
        if hasDeliverableSignal {
            signalWhileParked()
            if operation == nil { return }
        }
        if let deadline = newOperation.deadline, isExpress || thread?.isStopped != true || isOnSlowPath {
            expressTimer = kernel.timers.schedule(at: deadline) { [weak self] in self?.retryParked(deadlinePassed: true) }
        } else if let thread, thread.isStopped {
            thread.sleep(until: newOperation.deadline)
        }
    }

    /// The parked call was woken, or its deadline passed.
    func retryParked(deadlinePassed: Bool) {
        guard let current = operation, !isHeld else { return }
        do throws(Errno) {
            if let result = try current.attempt(self) {
                leaveParked()
                return complete(result)
            }
            if deadlinePassed || current.deadline.map({ $0 <= kernel.monotonicNow }) == true {
                leaveParked()
                return complete(try current.timedOut(self))
            }
        } catch {
            leaveParked()
            return complete(guestResult(error))
        }
        if hasDeliverableSignal {
            signalWhileParked()
            if operation == nil { return }
        }
        if deadlinePassed, !isExpress, let thread, thread.isStopped { thread.sleep(until: current.deadline) }
    }

    func leaveParked() {
        operation?.unregister()
        operation = nil
        if let timer = expressTimer {
            kernel.timers.cancel(timer)
            expressTimer = nil
        }
    }

    /// A signal came for the parked call: a handler interrupts it; what is ignored or only stops leaves it parked.
    func signalWhileParked() {
        guard let current = operation, let info = takeInterruptingSignal() else { return }
        leaveParked()
        let partial = current.interrupted(self)
        if isExpress {
            // No frame to edit: the thread is kicked first, then answered, and goes on in returnFromKick.
            requeue(info)
            interruptedExpress = partial == nil ? current.interruption : .never
            kick()
            complete(partial ?? Errno.EINTR.result)
            return
        }
        if let partial {
            thread?.setResult(UInt64(bitPattern: partial))
            kernel.tracer?.exit(self, callNumber, callArguments, result: partial)
        } else {
            prepareRestart(current.interruption, action: process.actions[info.signal])
            kernel.tracer?.exit(self, callNumber, callArguments, result: Errno.EINTR.result)
        }
        deliver(info)
        if !isDead { returnToGuest() }
    }

    /// Sets the registers as they must be when a handler interrupts the call: rewound to run it again, or EINTR.
    private func prepareRestart(_ behavior: InterruptBehavior, action: SignalAction) {
        guard let thread else { return }
        var registers = thread.registers()
        if behavior == .restartable && action.flags & SignalAction.SA_RESTART != 0 {
            registers.rax = callNumber
            registers.rip &-= 2
        } else {
            registers.rax = UInt64(bitPattern: Errno.EINTR.result)
        }
        thread.setRegisters(registers)
    }

    // MARK: Back to the guest

    /// The thread is stopped with its registers ready: signals first, then job control, then it runs.
    func returnToGuest() {
        if isDead { return }
        while let info = takeDeliverableSignal() {
            deliver(info)
            if isDead { return }
        }
        if let saved = savedSignalMask, operation == nil {
            savedSignalMask = nil
            setSignalMask(saved)
            // Unblocked just now: deliver before going on.
            return returnToGuest()
        }
        if process.isStopped {
            isHeld = true
            return
        }
        guard let thread, thread.isStopped else { return }
        thread.resume()
    }

    /// A kick brought the thread in from guest code, an interrupted native futex wait, or an express call.
    func returnFromKick() {
        if isDead { return }
        if let behavior = interruptedExpress {
            interruptedExpress = nil
            if let info = takeDeliverableSignal() {
                if behavior != .never || thread?.registers().rax == UInt64(bitPattern: Errno.EINTR.result) {
                    prepareRestart(behavior, action: process.actions[info.signal])
                }
                deliver(info)
            }
        } else if let info = takeDeliverableSignal() {
            settleFutexWait(action: process.actions[info.signal])
            deliver(info)
        }
        returnToGuest()
    }

    /// A native futex wait is found rewound to its system call; without SA_RESTART Linux says EINTR.
    private func settleFutexWait(action: SignalAction) {
        guard let thread, action.handler > SignalAction.ignore, action.flags & SignalAction.SA_RESTART == 0 else { return }
        var registers = thread.registers()
        let operation = registers.rsi & ~UInt64(128 | 256)
        guard registers.rax == 202, operation == 0 || operation == 9 else { return }
        guard let code = try? memory.copyIn(UserAddress(registers.rip), as: UInt16.self), code == 0x050f else { return }
        registers.rip &+= 2
        registers.rax = UInt64(bitPattern: Errno.EINTR.result)
        thread.setRegisters(registers)
    }
}
