import Filesystems
import Kernel
import LinuxABI
import Memory
import Primitives
import VFS

private let SPLICE_F_NONBLOCK: UInt32 = 2
private let knownSpliceFlags: UInt32 = 15

/// Implements tee(2): the bytes are copied, and stay in the first pipe.
///
/// - Throws: `EINVAL` if not both are pipes, or both the same; `EBADF`; `EAGAIN`.
func sysTee(_ task: Task, _ input: FD, _ output: FD, _ length: UInt64, _ flags: UInt32) throws(Errno) -> Outcome {
    guard flags & ~knownSpliceFlags == 0 else { throw .EINVAL }
    if length == 0 { return .done }
    let source = try task.files.readable(input)
    let target = try task.files.writable(output)
    guard let from = source as? PipeDescription, let to = target as? PipeDescription, from.pipe !== to.pipe else { throw .EINVAL }
    let operation = TeeOperation(task, from, to, limit: Int(min(length, UInt64(maximumTransfer))))
    if flags & SPLICE_F_NONBLOCK == 0 && !source.isNonBlocking && !target.isNonBlocking { return .park(operation) }
    guard let result = try operation.attempt(task) else { throw .EAGAIN }
    return .value(result)
}

/// A tee that waits for bytes, or for room.
private final class TeeOperation: BlockingOperation {
    private let source: PipeDescription
    private let target: PipeDescription
    private let holds: [HeldDescription]
    private let limit: Int

    init(_ task: Task, _ source: PipeDescription, _ target: PipeDescription, limit: Int) {
        self.source = source
        self.target = target
        holds = [HeldDescription(source, task.vfs), HeldDescription(target, task.vfs)]
        self.limit = limit
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        do throws(Errno) { return Int64(try source.tee(into: target, limit: limit)) } catch {
            if error == .EAGAIN { return nil }
            if error == .EPIPE { task.raiseSignal(Signal.SIGPIPE) }
            throw error
        }
    }

    override func register(_ task: Task) {
        if let queue = source.waitQueue { wait(on: queue, interest: .readable, task) }
        if let queue = target.waitQueue { wait(on: queue, interest: .writable, task) }
    }
}

/// Implements vmsplice(2): a write into a pipe, or a read out of one, by the descriptor's mode. The pages are copied, never given.
///
/// - Throws: `EBADF` if it is no pipe; `EINVAL`; `EFAULT`; `EAGAIN`.
func sysVmsplice(_ task: Task, _ fd: FD, _ vectors: UserAddress, _ count: UInt64, _ flags: UInt32) throws(Errno) -> Outcome {
    guard flags & ~knownSpliceFlags == 0 else { throw .EINVAL }
    guard let description = try task.files.get(fd) as? PipeDescription else { throw .EBADF }
    let ranges = try task.memory.copyInVectors(vectors, count)
    if ranges.isEmpty { return .done }
    let outcome =
        description.flags.writes
        ? try transferOut(task, fd, ranges, at: nil) : try transferIn(task, fd, ranges, at: nil)
    guard flags & SPLICE_F_NONBLOCK != 0, case .park(let operation) = outcome else { return outcome }
    guard let result = try operation.attempt(task) else { throw .EAGAIN }
    return .value(result)
}
