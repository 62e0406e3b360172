import Auth
import LinuxABI
import Testing

@testable import Kernel
@testable import Syscalls

private let minusOne = UInt64(UInt32.max)

@Suite struct CredentialsTests {
    let sandbox = TestSandbox()

    @Test func rootThatSetsItsUserLosesItsCapabilities() {
        let task = sandbox.makeTask(pid: 1)
        #expect(task.call(SyscallNumber.setuid, 1000) == 0)
        let credentials = task.credentials
        #expect([credentials.uid, credentials.euid, credentials.suid, credentials.fsuid] == [1000, 1000, 1000, 1000])
        #expect(credentials.permitted.isEmpty && credentials.effective.isEmpty)
        #expect(task.call(SyscallNumber.setuid, 0) == Errno.EPERM.result)
        #expect(task.call(SyscallNumber.setuid, minusOne) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.prctl, 3) == 0, "not dumpable")
    }

    @Test func keepingCapabilitiesKeepsThePermittedSetOnly() {
        let task = sandbox.makeTask(pid: 1)
        #expect(task.call(SyscallNumber.prctl, 8, 1) == 0)
        #expect(task.call(SyscallNumber.setresuid, 5, 5, 5) == 0)
        #expect(task.credentials.permitted == .all)
        #expect(task.credentials.effective.isEmpty)
    }

    @Test func effectiveUserComesAndGoesWithTheEffectiveSet() {
        let task = sandbox.makeTask(pid: 1)
        #expect(task.call(SyscallNumber.setresuid, minusOne, 7, minusOne) == 0)
        #expect(task.credentials.effective.isEmpty && task.credentials.permitted == .all)
        #expect(task.call(SyscallNumber.setresuid, minusOne, 0, minusOne) == 0)
        #expect(task.credentials.effective == .all)
    }

    @Test func setreuidSwapsAndSaves() {
        let user = Credentials(
            uid: 1, euid: 2, suid: 3, fsuid: 2, gid: 1, egid: 1, sgid: 1, fsgid: 1, groups: [], permitted: [], effective: [])
        let task = sandbox.makeTask(pid: 1, credentials: user)
        #expect(task.call(SyscallNumber.setreuid, 3, minusOne) == Errno.EPERM.result)
        #expect(task.call(SyscallNumber.setreuid, 2, 1) == 0)
        #expect([task.credentials.uid, task.credentials.euid, task.credentials.suid, task.credentials.fsuid] == [2, 1, 1, 1])
    }

    @Test func fileSystemUserTakesOnlyFileCapabilities() {
        let task = sandbox.makeTask(pid: 1)
        #expect(task.call(SyscallNumber.setfsuid, 9) == 0)
        #expect(!task.credentials.has(.CAP_DAC_OVERRIDE) && task.credentials.has(.CAP_SETUID))
        #expect(task.call(SyscallNumber.setfsuid, minusOne) == 9)
        #expect(task.call(SyscallNumber.setfsuid, 0) == 9)
        #expect(task.credentials.has(.CAP_DAC_OVERRIDE))
    }

    @Test func groupsAreBoundedAndSorted() {
        let task = sandbox.makeTask(pid: 1)
        let list = sandbox.buffer(of: [30, 10, 20] as [UInt32])
        #expect(task.call(SyscallNumber.setgroups, 3, list) == 0)
        #expect(task.credentials.groups == [10, 20, 30])
        #expect(task.call(SyscallNumber.getgroups, 0, 0) == 3)
        #expect(task.call(SyscallNumber.getgroups, 2, list) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.getgroups, 3, list) == 3)
        #expect(load(list, as: UInt32.self) == 10)
        #expect(task.call(SyscallNumber.setgroups, 65_537, list) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.setgroups, minusOne, list) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.setgroups, 1, 16) == Errno.EFAULT.result)
    }

    @Test func capsetNeverRaises() {
        let task = sandbox.makeTask(pid: 1)
        let header = sandbox.buffer(of: [0x2008_0522, 0] as [UInt32])
        // effective, permitted, inheritable: CAP_KILL only.
        let data = sandbox.buffer(of: [1 << 5, 1 << 5, 0, 0, 0, 0] as [UInt32])
        #expect(task.call(SyscallNumber.capset, header, data) == 0)
        #expect(task.credentials.permitted == .CAP_KILL)
        let more = sandbox.buffer(of: [1 << 5, 3 << 5, 0, 0, 0, 0] as [UInt32])
        #expect(task.call(SyscallNumber.capset, header, more) == Errno.EPERM.result)
        #expect(task.call(SyscallNumber.capget, header, data) == 0)
        #expect(load(data + 4, as: UInt32.self) == 1 << 5)
    }

    @Test func anUnknownCapabilityVersionIsAnsweredWithOurs() {
        let task = sandbox.makeTask(pid: 1)
        let header = sandbox.buffer(of: [7, 0] as [UInt32])
        #expect(task.call(SyscallNumber.capget, header, 0) == 0)
        #expect(load(header, as: UInt32.self) == 0x2008_0522)
    }
}
