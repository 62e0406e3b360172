import Auth
import LinuxABI
import Testing

@testable import Kernel
@testable import Syscalls

@Suite struct IdentityTests {
    let sandbox = TestSandbox()

    @Test func idsOfAChild() {
        let parent = sandbox.makeTask(pid: 1)
        let child = sandbox.makeTask(pid: 2, parent: parent)
        #expect(child.call(SyscallNumber.getpid) == 2)
        #expect(child.call(SyscallNumber.getppid) == 1)
        #expect(parent.call(SyscallNumber.getppid) == 0)
        #expect(child.call(SyscallNumber.getpgid, 0) == 1)
        #expect(child.call(SyscallNumber.getsid, 77) == Errno.ESRCH.result)
    }

    @Test func processGroups() {
        let shell = sandbox.makeTask(pid: 1)
        let first = sandbox.makeTask(pid: 2, parent: shell)
        let second = sandbox.makeTask(pid: 3, parent: shell)
        #expect(shell.call(SyscallNumber.setpgid, 2, 2) == 0)
        #expect(shell.call(SyscallNumber.setpgid, 3, 2) == 0)
        #expect(second.process.processGroup == 2)
        #expect(shell.call(SyscallNumber.setpgid, 3, 99) == Errno.EPERM.result)
        #expect(shell.call(SyscallNumber.setpgid, 0, 0) == Errno.EPERM.result, "a session leader")
        #expect(first.call(SyscallNumber.setpgid, 3, 0) == Errno.ESRCH.result, "no child of the caller's")
        #expect(shell.call(SyscallNumber.setpgid, 2, UInt64(UInt32.max)) == Errno.EINVAL.result)
        second.process.hasExeced = true
        #expect(shell.call(SyscallNumber.setpgid, 3, 0) == Errno.EACCES.result)
        #expect(second.call(SyscallNumber.setsid) == 3)
        #expect(second.call(SyscallNumber.setsid) == Errno.EPERM.result)
        #expect(first.call(SyscallNumber.setsid) == Errno.EPERM.result)
    }

    @Test func names() {
        let task = sandbox.makeTask(pid: 1)
        #expect(task.call(SyscallNumber.prctl, 15, sandbox.buffer(Array("a-very-long-thread-name".utf8) + [0])) == 0)
        #expect(task.name == Array("a-very-long-thr".utf8))
        let name = sandbox.buffer([UInt8](repeating: 1, count: 16))
        #expect(task.call(SyscallNumber.prctl, 16, name) == 0)
        #expect(load(name + 15, as: UInt8.self) == 0)
        #expect(task.call(SyscallNumber.prctl, 15, 8) == Errno.EFAULT.result)
        #expect(task.call(SyscallNumber.prctl, 0x5356_4d41) == Errno.EINVAL.result)
    }

    @Test func noNewPrivilegesStays() {
        let task = sandbox.makeTask(pid: 1)
        #expect(task.call(SyscallNumber.prctl, 38, 0) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.prctl, 38, 1) == 0)
        #expect(task.call(SyscallNumber.prctl, 39) == 1)
    }
}

@Suite struct SystemTests {
    let sandbox = TestSandbox()

    @Test func anotherKernelThanTheHosts() {
        let task = sandbox.makeTask(pid: 1)
        let buffer = sandbox.buffer([UInt8](repeating: 0xff, count: 390))
        #expect(task.call(SyscallNumber.uname, buffer) == 0)
        let release = (0..<15).map { load(buffer + 130 + $0, as: UInt8.self) }
        #expect(release == Array("6.18.0-palisade".utf8))
        #expect(task.call(SyscallNumber.sethostname, sandbox.buffer(Array("box".utf8)), 3) == 0)
        #expect(sandbox.kernel.hostName == Array("box".utf8))
        #expect(task.call(SyscallNumber.sethostname, buffer, 65) == Errno.EINVAL.result)
    }

    @Test func limits() {
        let task = sandbox.makeTask(pid: 1, credentials: Credentials(user: 5, group: 5, capabilities: []))
        let limit = sandbox.buffer(of: [10, 20] as [UInt64])
        #expect(task.call(SyscallNumber.prlimit64, 0, 7, limit, 0) == 0)
        #expect(task.call(SyscallNumber.getrlimit, 7, limit) == 0)
        #expect(load(limit + 8, as: UInt64.self) == 20)
        #expect(task.call(SyscallNumber.setrlimit, 7, sandbox.buffer(of: [10, 21] as [UInt64])) == Errno.EPERM.result)
        #expect(task.call(SyscallNumber.setrlimit, 7, sandbox.buffer(of: [11, 10] as [UInt64])) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.getrlimit, 16, limit) == Errno.EINVAL.result)
        let other = sandbox.makeTask(pid: 2)
        #expect(task.call(SyscallNumber.prlimit64, UInt64(other.tid), 7, 0, limit) == Errno.EPERM.result)
    }

    @Test func nativeCallsNeverReachTheStub() {
        let task = sandbox.makeTask(pid: 1)
        let stub: UInt64 = 0x7ffe_0000_0000
        #expect(task.call(SyscallNumber.getrusage, 0, stub) == Errno.EFAULT.result)
        #expect(task.call(SyscallNumber.clock_gettime, 3, UInt64.max - 3) == Errno.EFAULT.result)
        #expect(task.call(SyscallNumber.clock_gettime, 3, 0x10000) == nativeResult)
        #expect(task.call(SyscallNumber.getcpu, stub, 0) == Errno.EFAULT.result)
    }

    @Test func clocks() {
        let task = sandbox.makeTask(pid: 1)
        let time = sandbox.buffer(of: [0, 0] as [UInt64])
        #expect(task.call(SyscallNumber.clock_gettime, 1, time) == 0)
        #expect(load(time, as: UInt64.self) > 0)
        #expect(task.call(SyscallNumber.clock_gettime, 77, time) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.clock_gettime, UInt64(UInt32(bitPattern: ~1 << 3 | 2)), time) == 0, "of process 1")
        #expect(task.call(SyscallNumber.clock_gettime, UInt64(UInt32(bitPattern: ~9 << 3 | 2)), time) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.settimeofday, time, 0) == Errno.EPERM.result)
    }

    @Test func sleeping() {
        let task = sandbox.makeTask(pid: 1)
        #expect(task.call(SyscallNumber.nanosleep, sandbox.buffer(of: [0, 0] as [Int64])) == 0)
        #expect(task.call(SyscallNumber.nanosleep, sandbox.buffer(of: [0, 1_000_000_000] as [Int64])) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.nanosleep, sandbox.buffer(of: [-1, 0] as [Int64])) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.nanosleep, sandbox.buffer(of: [Int64.max, 0] as [Int64])) == parkedResult)
        #expect(task.call(SyscallNumber.clock_nanosleep, 1, 1, sandbox.buffer(of: [1, 0] as [Int64])) == 0, "in the past")
        #expect(task.call(SyscallNumber.clock_nanosleep, 3, 0, sandbox.buffer(of: [1, 0] as [Int64])) == Errno.EOPNOTSUPP.result)
    }

    @Test func processors() {
        let task = sandbox.makeTask(pid: 1)
        let mask = sandbox.buffer([UInt8](repeating: 0, count: 128))
        #expect(task.call(SyscallNumber.sched_getaffinity, 0, 128, mask) > 0)
        #expect(load(mask, as: UInt64.self) != 0)
        #expect(task.call(SyscallNumber.sched_getaffinity, 0, 7, mask) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.sched_setaffinity, 0, 8, sandbox.buffer(of: [0] as [UInt64])) == Errno.EINVAL.result)
        let first = load(mask, as: UInt64.self)
        let one = first & (~first &+ 1)
        #expect(task.call(SyscallNumber.sched_setaffinity, 0, 8, sandbox.buffer(of: [one] as [UInt64])) == 0)
        #expect(task.call(SyscallNumber.sched_getaffinity, 0, 128, mask) > 0)
        #expect(load(mask, as: UInt64.self) == one)
    }

    @Test func niceness() {
        let task = sandbox.makeTask(pid: 1, credentials: Credentials(user: 5, group: 5, capabilities: []))
        #expect(task.call(SyscallNumber.getpriority, 0, 0) == 20)
        #expect(task.call(SyscallNumber.setpriority, 0, 0, 100) == 0)
        #expect(task.call(SyscallNumber.getpriority, 0, 0) == 1)
        #expect(task.call(SyscallNumber.setpriority, 0, 0, 5) == Errno.EACCES.result)
    }

    @Test func randomBytesComeInPieces() {
        let task = sandbox.makeTask(pid: 1)
        let buffer = sandbox.buffer([UInt8](repeating: 0, count: 100_000))
        #expect(task.call(SyscallNumber.getrandom, buffer, 100_000, 0) == 100_000)
        #expect(load(buffer + 99_984, as: UInt64.self) != 0)
        #expect(task.call(SyscallNumber.getrandom, 8, 16, 0) == Errno.EFAULT.result)
        #expect(task.call(SyscallNumber.getrandom, buffer, 16, 8) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.getrandom, buffer, 16, 6) == Errno.EINVAL.result)
        #expect(task.call(SyscallNumber.getrandom, 0, 0, 0) == 0)
    }

    @Test func missingCallsAreNamedOnce() {
        var lines: [String] = []
        sandbox.kernel.log = { lines.append($0) }
        let task = sandbox.makeTask(pid: 1)
        #expect(task.call(SyscallNumber.uprobe) == Errno.ENOSYS.result)
        #expect(task.call(SyscallNumber.uprobe) == Errno.ENOSYS.result)
        #expect(task.call(1 << 50) == Errno.ENOSYS.result)
        #expect(task.call(1 << 51) == Errno.ENOSYS.result)
        #expect(lines.count == 2)
        #expect(task.call(SyscallNumber.reboot) == Errno.EPERM.result)
    }
}
