import Filesystems
import Kernel
import LinuxABI
import Memory
import Primitives
import VFS

/// Implements epoll_create(2). The size is a relic, but must be positive.
func sysEpollCreate(_ task: Task, _ size: Int32) throws(Errno) -> Outcome {
    guard size > 0 else { throw .EINVAL }
    return try sysEpollCreate1(task, 0)
}

/// Implements epoll_create1(2).
///
/// - Throws: `EINVAL` for other flags than EPOLL_CLOEXEC; `EMFILE`.
func sysEpollCreate1(_ task: Task, _ flags: Int32) throws(Errno) -> Outcome {
    let flags = OpenFlags(rawValue: UInt32(bitPattern: flags))
    guard flags.isSubset(of: .O_CLOEXEC) else { throw .EINVAL }
    return .value(Int64(try task.install(EpollDescription(flags: []), closeOnExec: flags.contains(.O_CLOEXEC)).rawValue))
}

/// Implements epoll_ctl(2).
///
/// - Throws: `EBADF`; `EINVAL` if `epoll` is no instance or the operation unknown; what the operation throws; `EFAULT`.
func sysEpollCtl(_ task: Task, _ epoll: FD, _ operation: Int32, _ fd: FD, _ event: UserAddress) throws(Errno) -> Outcome {
    let addOperation: Int32 = 1
    let deleteOperation: Int32 = 2
    let modifyOperation: Int32 = 3
    var change = EpollEvent(events: 0, data: 0)
    if operation != deleteOperation {
        let bytes = try task.memory.copyIn(event, count: EpollEvent.size)
        bytes.withUnsafeBytes {
            change.events = $0.loadUnaligned(as: UInt32.self)
            change.data = $0.loadUnaligned(fromByteOffset: 4, as: UInt64.self)
        }
    }
    let instance = try task.description(epoll)
    let target = try task.description(fd)
    guard let instance = instance as? EpollDescription else {
        // Linux looks at the target first.
        throw target.waitQueue == nil ? .EPERM : .EINVAL
    }
    switch operation {
    case addOperation: try instance.add(fd.rawValue, target, change)
    case deleteOperation: try instance.remove(fd.rawValue, target)
    case modifyOperation: try instance.modify(fd.rawValue, target, change)
    default: throw .EINVAL
    }
    return .done
}

/// Implements epoll_wait(2).
func sysEpollWait(_ task: Task, _ epoll: FD, _ events: UserAddress, _ count: Int32, _ timeout: Int32) throws(Errno) -> Outcome {
    try wait(task, epoll, events, count, CallDeadline(milliseconds: timeout, task))
}

/// Implements epoll_pwait(2).
func sysEpollPwait(
    _ task: Task, _ epoll: FD, _ events: UserAddress, _ count: Int32, _ timeout: Int32, _ mask: UserAddress, _ maskSize: UInt64
) throws(Errno) -> Outcome {
    try useTemporarySignalMask(task, mask, size: maskSize)
    return try wait(task, epoll, events, count, CallDeadline(milliseconds: timeout, task))
}

/// Implements epoll_pwait2(2): the time limit is a timespec, which is not written back.
func sysEpollPwait2(
    _ task: Task, _ epoll: FD, _ events: UserAddress, _ count: Int32, _ timeout: UserAddress, _ mask: UserAddress, _ maskSize: UInt64
) throws(Errno) -> Outcome {
    let deadline = try CallDeadline(timespec: timeout, writesRemaining: false, task)
    try useTemporarySignalMask(task, mask, size: maskSize)
    return try wait(task, epoll, events, count, deadline)
}

/// - Throws: `EINVAL` if `count` is not positive or `epoll` no instance; `EBADF`; `EFAULT`.
private func wait(_ task: Task, _ epoll: FD, _ events: UserAddress, _ count: Int32, _ deadline: CallDeadline) throws(Errno) -> Outcome {
    guard count > 0, Int(count) <= Int(Int32.max) / EpollEvent.size else { throw .EINVAL }
    guard let instance = try task.description(epoll) as? EpollDescription else { throw .EINVAL }
    return try deadline.outcome(of: EpollWaitOperation(task, instance, events, limit: Int(count), deadline.deadline), task)
}

/// An epoll_wait on one instance.
private final class EpollWaitOperation: BlockingOperation {
    private let instance: EpollDescription
    private let hold: HeldDescription
    private let address: UserAddress
    private let limit: Int

    override var interruption: InterruptBehavior { .never }

    init(_ task: Task, _ instance: EpollDescription, _ address: UserAddress, limit: Int, _ deadline: UInt64?) {
        self.instance = instance
        hold = HeldDescription(instance, task.vfs)
        self.address = address
        self.limit = limit
        super.init()
        self.deadline = deadline
    }

    override func attempt(_ task: Task) throws(Errno) -> Int64? {
        let count = try instance.deliver(limit: limit) { (events: [EpollEvent]) throws(Errno) in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(events.count * EpollEvent.size)
            for event in events {
                withUnsafeBytes(of: event.events) { bytes.append(contentsOf: $0) }
                withUnsafeBytes(of: event.data) { bytes.append(contentsOf: $0) }
            }
            try task.memory.copyOut(bytes, to: address)
        }
        return count == 0 ? nil : Int64(count)
    }

    override func register(_ task: Task) {
        if let queue = instance.waitQueue { wait(on: queue, interest: .readable, task) }
    }
}
