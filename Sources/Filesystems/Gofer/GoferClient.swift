// Requests to one gofer process, from any number of threads. Replies are matched by request id.
// Lock order: `lock` is a leaf, never held across a send or a receive.
import GoferProtocol
import HostSyscalls
import LinuxABI

/// The sentry's end of a gofer's socket. Thread-safe.
///
/// There is no thread for it: of those that wait for replies, one reads the socket, and hands on what belongs to others. When the gofer
/// dies, every call is `EIO`, for ever.
public final class GoferClient: @unchecked Sendable {
    /// A reply and the descriptor that came with it.
    struct Answer {
        var reply: GoferReply
        var descriptor: SharedHostFD?
    }

    /// One call that waits.
    private final class Call {
        let wakeUp = HostSemaphore()
        var message: [UInt8]?
        var descriptor: SharedHostFD?
    }

    /// Donated descriptors of open files, over all mounts. Guarded by the kernel lock, unlike the rest.
    var pinnedDescriptors = 0

    private let socket: HostFD
    private let buffer: UnsafeMutableRawBufferPointer
    private let lock = FutexLock()
    // Guarded by `lock`.
    private var calls: [UInt64: Call] = [:]
    private var nextID: UInt64 = 1
    private var isDead = false
    /// Whether a thread reads the socket: it alone uses `buffer`.
    private var isReading = false
    private var forgotten: [GoferForget] = []
    private var requestCount: UInt64 = 0

    /// Takes ownership of `socketFD`, a `SOCK_SEQPACKET` unix socket with a gofer at its other end.
    public init(socketFD: Int32) {
        socket = HostFD(owning: socketFD)
        buffer = .allocate(byteCount: GoferLimits.message, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// How many requests were sent: for statistics and tests.
    public var requestsSent: UInt64 {
        lock.lock()
        defer { lock.unlock() }
        return requestCount
    }

    /// Asks and waits for the answer. Never with the kernel lock held.
    ///
    /// - Throws: the gofer's error; `EIO` if the gofer is gone or answers nonsense.
    func call(_ request: GoferRequest) throws(Errno) -> Answer {
        let call = Call()
        lock.lock()
        if isDead {
            lock.unlock()
            throw .EIO
        }
        let id = nextID
        nextID &+= 1
        requestCount &+= 1
        calls[id] = call
        let forgets = takeForgets()
        lock.unlock()
        do throws(HostErrno) {
            for forget in forgets { try HostSocket.send(socket.rawValue, forget) }
            try HostSocket.send(socket.rawValue, request.encoded(id: id))
        } catch {
            // ENOMEM, ENOBUFS: this call only. All else means that the gofer is gone.
            if error.rawValue == 12 || error.rawValue == 105 {
                abandon(id)
                throw .ENOMEM
            }
            die()
        }
        let message = wait(for: call, id: id)
        guard let message else { throw .EIO }
        return Answer(reply: try GoferReply.decode(message[...]), descriptor: call.descriptor)
    }

    /// Notes that references to a node are given back; they travel with the next request, or at once when many have gathered.
    func forget(_ node: GoferNodeID, count: UInt32) {
        lock.lock()
        forgotten.append(GoferForget(node: node, count: count))
        guard forgotten.count >= GoferLimits.forgottenNodes, !isDead else {
            if isDead { forgotten.removeAll() }
            lock.unlock()
            return
        }
        let batch = Array(forgotten.prefix(GoferLimits.forgottenNodes))
        do throws(HostErrno) {
            // A gofer that does not read at the moment gets them later. A short send without waiting may stay under the lock.
            try HostSocket.send(socket.rawValue, GoferRequest.forget(batch).encoded(id: 0), waits: false)
            forgotten.removeFirst(batch.count)
        } catch {}
        lock.unlock()
    }

    /// Messages for all forgotten nodes; called under the lock.
    private func takeForgets() -> [[UInt8]] {
        var messages: [[UInt8]] = []
        var rest = forgotten[...]
        while !rest.isEmpty {
            messages.append(GoferRequest.forget(Array(rest.prefix(GoferLimits.forgottenNodes))).encoded(id: 0))
            rest = rest.dropFirst(GoferLimits.forgottenNodes)
        }
        forgotten.removeAll(keepingCapacity: true)
        return messages
    }

    /// Waits until `call` has its message, reading the socket if nobody else does; nil when the gofer is gone.
    private func wait(for call: Call, id: UInt64) -> [UInt8]? {
        lock.lock()
        while call.message == nil && !isDead {
            if isReading {
                lock.unlock()
                call.wakeUp.wait()
                lock.lock()
                continue
            }
            isReading = true
            lock.unlock()
            let isOpen = receiveOne()
            lock.lock()
            isReading = false
            if !isOpen { dieLocked() }
        }
        calls[id] = nil
        // The next that waits reads on.
        if !isReading, let next = calls.first(where: { $0.value.message == nil }) { next.value.wakeUp.post() }
        lock.unlock()
        return call.message
    }

    /// Receives one message and gives it to its call. Whether the gofer is still there.
    private func receiveOne() -> Bool {
        let message: [UInt8]
        var descriptor: SharedHostFD?
        do throws(HostErrno) {
            let received = try HostSocket.receive(socket.rawValue, into: buffer, acceptsDescriptor: true)
            if received.descriptor >= 0 { descriptor = SharedHostFD(HostFD(owning: received.descriptor)) }
            guard received.count > 0, !received.isTruncated else { return false }
            message = Array(buffer[..<received.count])
        } catch {
            return false
        }
        guard let id = GoferReply.requestID(of: message[...]) else { return false }
        lock.lock()
        if let call = calls[id], call.message == nil {
            call.message = message
            call.descriptor = descriptor
            call.wakeUp.post()
        }
        lock.unlock()
        return true
    }

    private func abandon(_ id: UInt64) {
        lock.lock()
        calls[id] = nil
        lock.unlock()
    }

    private func die() {
        lock.lock()
        dieLocked()
        lock.unlock()
    }

    private func dieLocked() {
        isDead = true
        forgotten.removeAll()
        for call in calls.values { call.wakeUp.post() }
    }
}
