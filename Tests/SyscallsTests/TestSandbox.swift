import Auth
import Filesystems
import LinuxABI
import Memory
import VFS

@testable import Kernel
@testable import Syscalls

#if canImport(Glibc)
    import Glibc
#endif

/// A kernel without a platform: tasks that make calls but run no code. The "guest's memory" is the test process's own heap, so that a
/// buffer allocated here is a guest address.
final class TestSandbox {
    let kernel = Kernel(dispatch: dispatchSyscall)
    let root: VFSPath
    private(set) var buffers: [UnsafeMutableRawPointer] = []

    init() {
        let fileSystem = TmpfsFileSystem(device: 1, now: Timespec(seconds: 0, nanoseconds: 0))
        let dentry = Dentry(name: FileName(Array("/".utf8)), parent: nil, inode: fileSystem.root)
        root = VFSPath(
            mount: Mount(fileSystem: fileSystem, root: dentry, mountPoint: nil, isReadOnly: false, id: 1, source: "none"), dentry: dentry)
    }

    deinit { for buffer in buffers { buffer.deallocate() } }

    /// A process with one thread.
    func makeTask(
        pid: Int32, parent: Task? = nil, credentials: Credentials = Credentials(user: 0, group: 0, capabilities: .all)
    ) -> Task {
        let process = ThreadGroup(kernel: kernel, pid: pid)
        process.parent = parent?.process
        process.session = parent?.process.session ?? pid
        process.processGroup = parent?.process.processGroup ?? pid
        parent?.process.children.append(process)
        let memory = AddressSpace()
        memory.hostProcess = getpid()
        let task = Task(
            kernel: kernel, tid: pid, process: process, credentials: credentials, files: DescriptorTable(),
            fs: TaskFileSystem(root: root, workingDirectory: root, umask: 0o022), memory: memory, name: Array("test".utf8))
        process.tasks = [task]
        kernel.processes[pid] = process
        kernel.tasks[pid] = task
        return task
    }

    /// A guest buffer.
    func buffer(_ bytes: [UInt8]) -> UInt64 {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 16), alignment: 16)
        buffer.copyMemory(from: bytes, byteCount: bytes.count)
        buffers.append(buffer)
        return UInt64(UInt(bitPattern: buffer))
    }

    func buffer<T: BitwiseCopyable>(of values: [T]) -> UInt64 { values.withUnsafeBytes { buffer(Array($0)) } }
}

extension Task {
    /// Makes one call: its result, as the guest would see it.
    func call(_ number: UInt64, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0, _ e: UInt64 = 0) -> Int64 {
        do throws(Errno) {
            switch try dispatchSyscall(self, number, SyscallArguments(a, b, c, d, e, 0)) {
            case .value(let result): return result
            case .native: return nativeResult
            case .park(let operation): return try operation.attempt(self) ?? parkedResult
            default: return Int64.min
            }
        } catch { return error.result }
    }
}

/// Stand for outcomes that are no results.
let nativeResult: Int64 = 1 << 40
let parkedResult: Int64 = 1 << 41

func load<T: BitwiseCopyable>(_ address: UInt64, as type: T.Type = T.self) -> T {
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(address)) else { preconditionFailure("null") }
    return pointer.loadUnaligned(as: T.self)
}
