import Auth
import LinuxABI
import Memory
import Testing
import VFS

@testable import Filesystems
@testable import Kernel

/// A kernel with /proc as its root, and processes without bodies.
struct ProcFixture {
    let kernel: Kernel
    let namespace = MountNamespace()
    let proc: ProcFileSystem
    let root: VFSPath

    init() {
        kernel = Kernel { (_: Task, _: UInt64, _: SyscallArguments) throws(Errno) -> Outcome in throw .ENOSYS }
        proc = ProcFileSystem(kernel: kernel, facts: .small, time: Timespec(seconds: 1, nanoseconds: 0))
        let mount = namespace.mount(
            proc, root: Dentry(name: [], parent: nil, inode: proc.root), at: nil, isReadOnly: false, source: "proc")
        root = VFSPath(mount: mount, dentry: mount.root)
    }

    func process(_ pid: Int32, name: String, uid: UInt32 = 1000) -> Task {
        let group = ThreadGroup(kernel: kernel, pid: pid)
        group.processGroup = pid
        group.session = 1
        group.parent = kernel.processes[1]
        kernel.processes[pid] = group
        let task = Task(
            kernel: kernel, tid: pid, process: group, credentials: Credentials(user: uid, group: uid, capabilities: []),
            files: DescriptorTable(), fs: TaskFileSystem(root: root, workingDirectory: root, umask: 0o22), memory: AddressSpace(),
            name: Array(name.utf8))
        group.tasks.append(task)
        kernel.tasks[pid] = task
        return task
    }
}

extension VFSContext {
    func readText(_ path: String) throws(Errno) -> String {
        let file = try open(Array(path.utf8), flags: [], permissions: 0)
        let sink = ArraySink(capacity: 65536)
        _ = try file.read(into: sink, at: nil, self)
        return String(decoding: sink.bytes, as: UTF8.self)
    }

    func names(_ path: String) throws(Errno) -> [String] {
        var result: [String] = []
        let directory = try open(Array(path.utf8), flags: .O_DIRECTORY, permissions: 0)
        try directory.readDirectory(self) { name, _, _, _ in
            result.append(String(decoding: name, as: UTF8.self))
            return true
        }
        return result
    }

    func link(_ path: String) throws(Errno) -> String {
        let inode = try resolve(Array(path.utf8), []).inode
        return String(decoding: try inode?.readlink(self) ?? [], as: UTF8.self)
    }
}

@Suite struct ProcTests {
    let fixture = ProcFixture()
    let first: Task
    let second: Task

    init() {
        first = fixture.process(1, name: "init")
        second = fixture.process(7, name: "a) R 1 (", uid: 2000)
    }

    @Test func selfIsTheCaller() throws {
        #expect(try first.vfs.link("/self") == "1")
        #expect(try second.vfs.link("/self") == "7")
        #expect(try second.vfs.link("/thread-self") == "7/task/7")
        #expect(try second.vfs.readText("/self/comm") == "a) R 1 (\n")
    }

    @Test func statHas52FieldsAfterAnyName() throws {
        let text = try first.vfs.readText("/7/stat")
        #expect(text.hasPrefix("7 (a) R 1 () R 1 7 1 0 -1 "))
        #expect(text.hasSuffix("\n"))
        let rest = text.dropFirst("7 (a) R 1 ()".count).split(separator: " ")
        #expect(rest.count == 50)
    }

    @Test func onlyTheSandboxesProcessesAreListed() throws {
        let ids = try first.vfs.names("/").compactMap { Int32($0) }
        #expect(ids == [1, 7])
        #expect(errno { () throws(Errno) in _ = try first.vfs.readText("/2/stat") } == .ENOENT)
        #expect(errno { () throws(Errno) in _ = try first.vfs.readText("/01/stat") } == .ENOENT)
        #expect(errno { () throws(Errno) in _ = try first.vfs.readText("/99999999999/stat") } == .ENOENT)
    }

    @Test func statusShowsIdentityAndMasks() throws {
        second.setSignalMask(1 << 9)
        let text = try first.vfs.readText("/7/status")
        for line in [
            "Pid:\t7", "PPid:\t1", "Uid:\t2000\t2000\t2000\t2000", "SigBlk:\t0000000000000200", "Threads:\t1", "State:\tR (running)",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
    }

    @Test func othersFilesNeedTheRightToTrace() throws {
        #expect(errno { () throws(Errno) in _ = try first.vfs.link("/7/cwd") } == .EACCES)
        #expect(errno { () throws(Errno) in _ = try first.vfs.readText("/7/environ") } == .EACCES)
        #expect(try second.vfs.link("/7/cwd") == "/")
    }

    @Test func descriptorsAreMagicLinks() throws {
        let ends = PipeDescription.makePipe(flags: [], first.vfs)
        _ = try first.files.install(ends.reader, limit: 10, closeOnExec: false)
        let writer = try first.files.install(ends.writer, limit: 10, closeOnExec: true)
        #expect(try first.vfs.names("/self/fd") == [".", "..", "0", "1"])
        #expect(try first.vfs.link("/self/fd/0") == ends.reader.displayName)
        // Through the link: the pipe itself, opened again.
        let inode = try first.vfs.resolve(Array("/self/fd/0".utf8)).inode
        #expect(inode?.type == .fifo)
        let again = try first.vfs.open(Array("/self/fd/1".utf8), flags: .O_WRONLY, permissions: 0)
        again.retain()
        #expect(try again.write(from: ArraySource([1, 2, 3]), at: nil, first.vfs) == 3)
        #expect(ends.reader.poll() == .readable)
        again.release(first.vfs)
        #expect(try first.vfs.readText("/self/fdinfo/\(writer.rawValue)").contains("flags:\t02000001\n"))
        let file = try first.vfs.open(Array("/version".utf8), flags: [], permissions: 0)
        _ = try first.files.install(file, limit: 10, closeOnExec: false)
        #expect(try first.vfs.link("/self/fd/2") == "/version")
        first.files.releasedByTask(first.vfs)
    }

    @Test func contentIsMadeAnewAtTheBeginning() throws {
        let file = try first.vfs.open(Array("/self/comm".utf8), flags: [], permissions: 0)
        func read() throws -> String {
            let sink = ArraySink(capacity: 100)
            _ = try file.read(into: sink, at: nil, first.vfs)
            return String(decoding: sink.bytes, as: UTF8.self)
        }
        #expect(try read() == "init\n")
        #expect(try read().isEmpty)
        first.name = Array("other".utf8)
        _ = try file.seek(0, whence: 0, first.vfs)
        #expect(try read() == "other\n")
    }

    @Test func aFileOfAProcessThatIsGoneIsESRCH() throws {
        let file = try first.vfs.open(Array("/7/stat".utf8), flags: [], permissions: 0)
        _ = try file.read(into: ArraySink(capacity: 10), at: nil, first.vfs)
        fixture.kernel.processes[7] = nil
        _ = try file.seek(0, whence: 0, first.vfs)
        #expect(errno { () throws(Errno) in _ = try file.read(into: ArraySink(capacity: 10), at: nil, first.vfs) } == .ESRCH)
    }

    @Test func everyFileCanBeRead() throws {
        var pending = ["/"]
        var visited = 0
        while let directory = pending.popLast() {
            for name in try first.vfs.names(directory) where name != "." && name != ".." {
                let path = directory + name
                let inode = try #require(try first.vfs.resolve(Array(path.utf8), []).inode)
                visited += 1
                switch inode.type {
                case .directory: if !path.hasPrefix("/7") { pending.append(path + "/") }
                case .regular: _ = try first.vfs.readText(path)
                case .symlink: if !path.hasSuffix("/exe") { _ = try first.vfs.link(path) }
                default: Issue.record("\(path)")
                }
            }
        }
        #expect(visited > 100)
    }

    @Test func tables() throws {
        #expect(try first.vfs.readText("/self/mounts") == "proc / proc rw,relatime 0 0\n")
        #expect(try first.vfs.readText("/mounts") == "proc / proc rw,relatime 0 0\n")
        #expect(try first.vfs.readText("/self/mountinfo").hasSuffix(" 0:21 / / rw,relatime - proc proc rw\n"))
        let limits = try first.vfs.readText("/self/limits").split(separator: "\n")
        #expect(limits[0] == "Limit                     Soft Limit           Hard Limit           Units     ")
        #expect(limits[8] == "Max open files            1024                 1048576              files     ")
        let uuid = try first.vfs.readText("/sys/kernel/random/uuid")
        #expect(uuid.count == 37)
        #expect(try first.vfs.readText("/sys/kernel/random/uuid") != uuid)
        #expect(try first.vfs.readText("/meminfo").hasPrefix("MemTotal:        1048576 kB\n"))
    }

    @Test func mapsLinesHaveLinuxsColumns() {
        var area = MemoryArea(start: 0x55fa_a9ef_9000, end: 0x55fa_a9ef_b000, protection: [.PROT_READ], isShared: false)
        #expect(String(decoding: procMapsLine(area), as: UTF8.self) == "55faa9ef9000-55faa9efb000 r--p 00000000 00:00 0 \n")
        area.label = .heap
        #expect(
            String(decoding: procMapsLine(area), as: UTF8.self)
                == "55faa9ef9000-55faa9efb000 r--p 00000000 00:00 0                          [heap]\n")
    }

    @Test func cpuListsMasksAndInfo() {
        #expect(procCPUList([0, 1, 2, 5, 8, 9]) == "0-2,5,8-9")
        #expect(procCPUMask([0, 1]) == "3")
        #expect(procCPUMask([1, 33]) == "2,00000002")
        let host = "processor\t: 0\nmodel\t: a\n\nprocessor\t: 1\nmodel\t: b\n\nprocessor\t: 2\nmodel\t: c\n\n"
        let facts = HostFacts(cpus: [0, 2], hostCPUInfo: Array(host.utf8), memoryTotal: 1, memoryAvailable: 1)
        #expect(
            String(decoding: facts.cpuInfo, as: UTF8.self) == "processor\t: 0\nmodel\t: a\n\nprocessor\t: 2\nmodel\t: c\n\n")
    }

    @Test func anUnwritableFileRefuses() throws {
        #expect(
            errno { () throws(Errno) in
                _ = try first.vfs.open(Array("/sys/kernel/hostname".utf8), flags: .O_WRONLY, permissions: 0)
            } == .EACCES)
        first.credentials = Credentials(user: 0, group: 0, capabilities: .all)
        #expect(
            errno { () throws(Errno) in
                _ = try first.vfs.open(Array("/sys/kernel/hostname".utf8), flags: .O_WRONLY, permissions: 0)
            } == .EACCES)
        #expect(
            errno { () throws(Errno) in
                _ = try first.vfs.open(Array("/new".utf8), flags: [.O_CREAT, .O_WRONLY], permissions: 0o600)
            } == .ENOENT)
        let version = try first.vfs.open(Array("/version".utf8), flags: .O_WRONLY, permissions: 0)
        #expect(errno { () throws(Errno) in _ = try version.write(from: ArraySource([1]), at: nil, first.vfs) } == .EIO)
    }
}
