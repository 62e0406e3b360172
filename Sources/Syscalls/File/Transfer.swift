import Kernel
import LinuxABI
import Memory
import Primitives
import VFS

/// A read in progress: the description, resolved once, and where the bytes go.
final class ReadOperation: BlockingOperation {
    private let file: FileDescription
    /// The descriptor may be closed, also as the last one, while the call waits.
    private let hold: HeldDescription
    private let sink: GuestSink
    private let offset: Int64?

    init(_ task: Task, _ file: FileDescription, _ sink: GuestSink, at offset: Int64?) {
        self.file = file
        hold = HeldDescription(file, task.vfs)
        self.sink = sink
        self.offset = offset
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        do throws(Errno) {
            return Int64(try file.read(into: sink, at: offset, task.vfs))
        } catch {
            if error == .EAGAIN && !file.isNonBlocking { return nil }
            throw error
        }
    }

    override func register(_ task: Task) {
        if let queue = file.waitQueue { wait(on: queue, interest: .readable, task) }
    }
}

/// A write in progress: a blocking one goes on until everything is taken; what was taken wins over any error.
final class WriteOperation: BlockingOperation {
    private let file: FileDescription
    private let hold: HeldDescription
    private let source: GuestSource
    private let offset: Int64?
    private var done = 0

    init(_ task: Task, _ file: FileDescription, _ source: GuestSource, at offset: Int64?) {
        self.file = file
        hold = HeldDescription(file, task.vfs)
        self.source = source
        self.offset = offset
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        while true {
            do throws(Errno) {
                let before = source.remaining
                let written = try file.write(from: source, at: offset.map { $0 + Int64(done) }, task.vfs)
                done += written
                // Regular files are short only at a limit or a fault; pipes and terminals take the rest later.
                if source.remaining == 0 || file.waitQueue == nil || written == 0 && before == source.remaining { return Int64(done) }
                if file.isNonBlocking { return Int64(done) }
            } catch {
                if error == .needsSlowPath && done == 0 { throw error }
                if error == .EPIPE { task.raiseSignal(Signal.SIGPIPE) }
                if error == .EAGAIN && !file.isNonBlocking { return nil }
                if done > 0 { return Int64(done) }
                throw error
            }
        }
    }

    override func register(_ task: Task) {
        if let queue = file.waitQueue { wait(on: queue, interest: .writable, task) }
    }

    override func interrupted(_ task: Task) -> Int64? { done > 0 ? Int64(done) : nil }
}

/// Runs a read or write: at once if it cannot block, else parked by the dispatcher.
private func perform(_ task: Task, _ operation: BlockingOperation, on file: FileDescription) throws(Errno) -> Outcome {
    if file.waitQueue != nil && !file.isNonBlocking { return .park(operation) }
    guard let result = try operation.attempt(task) else { throw .EAGAIN }
    return .value(result)
}

/// - Throws: `EINVAL` if a transfer would end beyond the largest position.
private func checkEnd(_ ranges: [GuestRange], at offset: Int64?) throws(Errno) {
    guard var end = offset else { return }
    for range in ranges {
        let (sum, overflow) = end.addingReportingOverflow(Int64(range.count))
        if overflow { throw .EINVAL }
        end = sum
    }
}

extension Task {
    /// RLIMIT_FSIZE: shortens a write to what the limit leaves.
    ///
    /// - Throws: `EFBIG`, with SIGXFSZ, at the limit.
    fileprivate func limitFileSize(_ file: FileDescription, _ source: IOSource, at offset: Int64?) throws(Errno) {
        let limit = process.limits.values[ResourceLimits.RLIMIT_FSIZE].soft
        guard limit < UInt64(Int64.max), source.remaining > 0, file.isSeekable, file.inode?.type == .regular else { return }
        let start = file.flags.contains(.O_APPEND) ? try file.attributes(vfs).size : offset ?? file.offset
        guard start < Int64(limit) else {
            raiseSignal(25)  // SIGXFSZ
            throw .EFBIG
        }
        source.remaining = Int(min(Int64(source.remaining), Int64(limit) - start))
    }
}

/// A read of `ranges`, at the file position or at `offset`.
func transferIn(_ task: Task, _ fd: FD, _ ranges: [GuestRange], at offset: Int64?) throws(Errno) -> Outcome {
    let file = try task.files.readable(fd)
    if offset != nil && !file.isSeekable { throw .ESPIPE }
    try checkEnd(ranges, at: offset ?? (file.isSeekable ? file.offset : nil))
    return try perform(task, ReadOperation(task, file, GuestSink(task.memory, ranges), at: offset), on: file)
}

/// A write of `ranges`, at the file position or at `offset`.
func transferOut(_ task: Task, _ fd: FD, _ ranges: [GuestRange], at offset: Int64?) throws(Errno) -> Outcome {
    let file = try task.files.writable(fd)
    if offset != nil && !file.isSeekable { throw .ESPIPE }
    try checkEnd(ranges, at: offset ?? (file.isSeekable ? file.offset : nil))
    let source = GuestSource(task.memory, ranges)
    try task.limitFileSize(file, source, at: offset)
    return try perform(task, WriteOperation(task, file, source, at: offset), on: file)
}
