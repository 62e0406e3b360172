// sendfile(2), splice(2), copy_file_range(2): bytes from one description to another.
import Filesystems
import Kernel
import LinuxABI
import Memory
import Primitives
import VFS

/// Bytes on their way from one description to another. What was read and not yet written is its own state.
private final class CopyOperation: BlockingOperation {
    private let input: HeldDescription
    private let output: HeldDescription
    /// Where to read and write; nil: at the file positions.
    private(set) var inputOffset: Int64?
    private var outputOffset: Int64?
    private var left: Int
    private(set) var total = 0
    private var pending: [UInt8] = []
    private var waitsForInput = false
    /// Stores the offsets where the guest wants them, with the result.
    private let store: (Task, CopyOperation) throws(Errno) -> Void

    init(
        _ task: Task, from input: FileDescription, at inputOffset: Int64?, to output: FileDescription, at outputOffset: Int64?, count: Int,
        _ store: @escaping (Task, CopyOperation) throws(Errno) -> Void
    ) {
        self.input = HeldDescription(input, task.vfs)
        self.output = HeldDescription(output, task.vfs)
        self.inputOffset = inputOffset
        self.outputOffset = outputOffset
        // At the file positions too.
        let start = max(inputOffset ?? input.offset, outputOffset ?? output.offset)
        left = start > Int64.max - Int64(count) ? 0 : count
        self.store = store
    }

    var outputPosition: Int64? { outputOffset }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        do throws(Errno) {
            while left > 0 || !pending.isEmpty {
                if pending.isEmpty {
                    waitsForInput = false
                    guard canWrite else { return total > 0 ? try finish(task) : nil }
                    waitsForInput = true
                    if try !fill(task) { break }
                }
                waitsForInput = false
                try drain(task)
            }
        } catch .EAGAIN {
            if total > 0, pending.isEmpty { return try finish(task) }
            return nil
        } catch {
            putBack()
            if error == .EPIPE { task.raiseSignal(Signal.SIGPIPE) }
            // A copy that waited cannot go to the slow pool any more, and need not: what it needed the gofer for was done before.
            if total == 0 { throw error.isInternal && wasParked ? .EIO : error }
        }
        return try finish(task)
    }

    private var wasParked = false

    /// Whether the output takes bytes now: asked before any are taken from the input.
    private var canWrite: Bool {
        output.description.waitQueue == nil || !output.description.poll().isDisjoint(with: [.POLLOUT, .POLLERR, .POLLHUP])
    }

    /// Reads the next piece; false at the end. A pipe that is writable takes 4 KiB whole.
    private func fill(_ task: Task) throws(Errno) -> Bool {
        let sink = ArraySink(capacity: min(left, output.description.waitQueue == nil ? 256 << 10 : 4096))
        let count = try input.description.read(into: sink, at: inputOffset, task.vfs)
        guard count > 0 else { return false }
        if let offset = inputOffset { inputOffset = offset &+ Int64(count) }
        left -= count
        pending = sink.bytes
        return true
    }

    private func drain(_ task: Task) throws(Errno) {
        let count = try output.description.write(from: ArraySource(pending), at: outputOffset, task.vfs)
        if let offset = outputOffset { outputOffset = offset &+ Int64(count) }
        total += count
        pending.removeFirst(count)
        if count == 0 { throw .EAGAIN }
    }

    /// Bytes that the output did not take go back where they came from, if that has positions.
    private func putBack() {
        let count = Int64(pending.count)
        if count == 0 || !input.description.isSeekable { return }
        if let offset = inputOffset { inputOffset = offset - count } else { input.description.offset -= count }
        pending = []
    }

    private func finish(_ task: Task) throws(Errno) -> Int64 {
        putBack()
        try store(task, self)
        return Int64(total)
    }

    override func register(_ task: Task) {
        wasParked = true
        let file = waitsForInput ? input.description : output.description
        if let queue = file.waitQueue { wait(on: queue, interest: waitsForInput ? .readable : .writable, task) }
        // Either side may be what it waits for next.
        let other = waitsForInput ? output.description : input.description
        if let queue = other.waitQueue, queue !== file.waitQueue { wait(on: queue, interest: .any, task) }
    }

    override func interrupted(_ task: Task) -> Int64? {
        guard total > 0 else {
            putBack()
            return nil
        }
        return try? finish(task)
    }

    /// Tried in the handler, which alone may be sent to the slow pool; then parked unless that is not wanted.
    func run(_ task: Task, waits: Bool) throws(Errno) -> Outcome {
        if let result = try attempt(task) { return .value(result) }
        if !waits {
            if total > 0 { return .value(try finish(task)) }
            putBack()
            throw .EAGAIN
        }
        return .park(self)
    }
}

extension Task {
    /// A file offset that a pointer argument leads to; nil for a null pointer.
    fileprivate func offsetArgument(_ address: UserAddress, _ file: FileDescription) throws(Errno) -> Int64? {
        if address.isNull { return nil }
        let offset = try memory.copyIn(address, as: Int64.self)
        guard file.isSeekable else { throw .ESPIPE }
        // Room for the largest copy: nothing below has to fear an overflow.
        guard offset >= 0, offset <= Int64.max - Int64(maximumTransfer) else { throw .EINVAL }
        return offset
    }
}

/// Implements sendfile(2).
func sysSendfile(_ task: Task, _ out: FD, _ input: FD, _ offset: UserAddress, _ count: UInt64) throws(Errno) -> Outcome {
    let source = try task.files.readable(input)
    let target = try task.files.writable(out)
    let start = try task.offsetArgument(offset, source)
    if source.inode?.type == .directory { throw .EINVAL }
    if target.flags.contains(.O_APPEND) { throw .EINVAL }
    let count = Int(min(count, UInt64(maximumTransfer)))
    let operation = CopyOperation(task, from: source, at: start, to: target, at: nil, count: count) { (task, done) throws(Errno) in
        if let position = done.inputOffset { try task.memory.copyOut(position, to: offset) }
    }
    return try operation.run(task, waits: !target.isNonBlocking && !source.isNonBlocking)
}

/// Implements splice(2): one of the two is a pipe.
func sysSplice(
    _ task: Task, _ input: FD, _ inputOffset: UserAddress, _ out: FD, _ outputOffset: UserAddress, _ length: UInt64, _ flags: UInt32
) throws(Errno) -> Outcome {
    let SPLICE_F_NONBLOCK: UInt32 = 2
    guard flags & ~15 == 0 else { throw .EINVAL }
    if length == 0 { return .done }
    let source = try task.files.readable(input)
    let target = try task.files.writable(out)
    let sourcePipe = (source as? PipeDescription)?.pipe, targetPipe = (target as? PipeDescription)?.pipe
    guard sourcePipe != nil || targetPipe != nil, sourcePipe !== targetPipe else { throw .EINVAL }
    if sourcePipe != nil, !inputOffset.isNull { throw .ESPIPE }
    if targetPipe != nil, !outputOffset.isNull { throw .ESPIPE }
    if target.flags.contains(.O_APPEND) || source.inode?.type == .directory { throw .EINVAL }
    let from = try task.offsetArgument(inputOffset, source)
    let to = try task.offsetArgument(outputOffset, target)
    let count = Int(min(length, UInt64(maximumTransfer)))
    let operation = CopyOperation(task, from: source, at: from, to: target, at: to, count: count) { (task, done) throws(Errno) in
        if let position = done.inputOffset { try task.memory.copyOut(position, to: inputOffset) }
        if let position = done.outputPosition { try task.memory.copyOut(position, to: outputOffset) }
    }
    let waits = flags & SPLICE_F_NONBLOCK == 0 && !source.isNonBlocking && !target.isNonBlocking
    return try operation.run(task, waits: waits)
}

/// Implements copy_file_range(2): a plain copy, within one file system.
///
/// - Throws: `EXDEV` between file systems; `EINVAL` for ranges that overlap in one file, and for other than regular files.
func sysCopyFileRange(
    _ task: Task, _ input: FD, _ inputOffset: UserAddress, _ out: FD, _ outputOffset: UserAddress, _ length: UInt64, _ flags: UInt32
) throws(Errno) -> Outcome {
    let source = try task.files.get(input)
    let target = try task.files.get(out)
    let from = try task.offsetArgument(inputOffset, source)
    let to = try task.offsetArgument(outputOffset, target)
    guard flags == 0 else { throw .EINVAL }
    if source.inode?.type == .directory || target.inode?.type == .directory { throw .EISDIR }
    guard let sourceInode = source.inode, let targetInode = target.inode, sourceInode.type == .regular, targetInode.type == .regular
    else { throw .EINVAL }
    guard source.flags.reads, target.flags.writes, !target.flags.contains(.O_APPEND) else { throw .EBADF }
    guard sourceInode.fileSystem === targetInode.fileSystem else { throw .EXDEV }
    let count = Int(min(length, UInt64(maximumTransfer)))
    if sourceInode === targetInode {
        let first = from ?? source.offset, second = to ?? target.offset
        if first < second ? second - first < count : first - second < count { throw .EINVAL }
    }
    let operation = CopyOperation(task, from: source, at: from, to: target, at: to, count: count) { (task, done) throws(Errno) in
        if let position = done.inputOffset { try task.memory.copyOut(position, to: inputOffset) }
        if let position = done.outputPosition { try task.memory.copyOut(position, to: outputOffset) }
    }
    return try operation.run(task, waits: false)
}
