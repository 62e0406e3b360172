import LinuxABI
import Platform
import VFS

extension Task {
    /// Implements exit(2): ends this thread; the process with its last.
    ///
    /// - Returns: whether the host thread has to make the call itself: its exit clears and wakes the CLEARTID word.
    public func exitThread(status: Int32) -> Bool {
        if process.tasks.count == 1 {
            process.exitGroup(status: (status & 0xff) << 8)
            return false
        }
        release()
        return true
    }

    /// Gives up everything the task holds. Its host thread is ended by the caller.
    func release() {
        if isDead { return }
        leaveParked()
        isDead = true
        if let execution {
            self.execution = nil
            execution.abandon()
        }
        releaseVforkParent()
        birth = nil
        plan = nil
        lastPlan = nil
        memory.prove(memoryOwner)
        kernel.tasks[tid] = nil
        process.tasks.removeAll { $0 === self }
        files.releasedByTask(vfs)
    }
}

extension ThreadGroup {
    /// Ends the whole process with a wait status: `code << 8`, or a signal's number.
    public func exitGroup(status: Int32) {
        if isZombie || isExiting { return }
        isExiting = true
        lastUID = leader?.credentials.uid ?? lastUID
        isStopped = false
        keepProcessorTime()
        // One kill per host process: threads share one, a vfork child has its own.
        if let thread = tasks.first(where: { $0.thread != nil })?.thread { thread.process.kill() }
        for task in Array(tasks) { task.release() }
        disarmTimers(keepingReal: false)
        ignoreProcessorLimit()
        becomeZombie(status)
    }

    private func becomeZombie(_ status: Int32) {
        exitStatus = status
        hangUpOrphanedGroups()
        ended?(status)
        ended = nil
        giveAwayChildren()
        if self === kernel.initProcess {
            kernel.endEverything(status: status)
            return
        }
        guard let parent else { return kernel.forget(self) }
        let signalled = status & 0x7f != 0
        if exitSignal != 0 {
            try? parent.send(
                .child(
                    exitSignal, code: signalled ? 2 : 1, pid: pid, uid: lastUID, status: signalled ? status & 0x7f : status >> 8 & 0xff))
        }
        if parent.autoReaps && exitSignal == Signal.SIGCHLD {
            parent.children.removeAll { $0 === self }
            kernel.forget(self)
        }
        parent.childEvents.wake()
    }

    /// Orphans go to the nearest subreaper, or to pid 1.
    private func giveAwayChildren() {
        guard !children.isEmpty else { return }
        var reaper = parent
        while let candidate = reaper, !candidate.isSubreaper || candidate.isZombie { reaper = candidate.parent }
        guard let heir = reaper ?? kernel.initProcess, heir !== self else { return }
        for child in children {
            child.parent = heir
            heir.children.append(child)
            // PR_SET_PDEATHSIG: Linux counts the thread that forked, we the whole process.
            if let signal = child.leader?.attributes.parentDeathSignal, signal != 0 {
                try? child.send(.sent(signal, code: 0, pid: pid, uid: lastUID))
            }
        }
        children = []
        heir.childEvents.wake()
    }

    /// Takes a zombie child's status: it is gone after this.
    func reap(_ child: ThreadGroup) {
        children.removeAll { $0 === child }
        childrenUserTime &+= child.processorTime &+ child.childrenUserTime
        childrenSystemTime &+= child.childrenSystemTime
        kernel.forget(child)
    }
}

extension Kernel {
    func forget(_ process: ThreadGroup) {
        processes[process.pid] = nil
        process.parent = nil
    }

    /// pid 1 has ended: so does the sandbox.
    fileprivate func endEverything(status: Int32) {
        for process in Array(processes.values) where !process.isZombie { process.exitGroup(status: Signal.SIGKILL) }
        initExited?(status)
    }
}
