import Auth
import LinuxABI
import Memory
import VFS

/// A process that the sentry itself starts: the first one, or one of `sandbox exec`.
public struct ProcessSpec {
    /// A name without a slash is looked up in the environment's PATH.
    public var arguments: [[UInt8]]
    public var environment: [[UInt8]]
    public var credentials: Credentials
    public var root: VFSPath
    public var workingDirectory: [UInt8]
    public var limits: ResourceLimits
    /// Its descriptors 0, 1, 2 …; nil for one that is closed.
    public var files: [FileDescription?]
    public var controllingTerminal: AnyObject?

    public init(
        arguments: [[UInt8]], environment: [[UInt8]], credentials: Credentials, root: VFSPath, workingDirectory: [UInt8],
        limits: ResourceLimits, files: [FileDescription?], controllingTerminal: AnyObject? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.credentials = credentials
        self.root = root
        self.workingDirectory = workingDirectory
        self.limits = limits
        self.files = files
        self.controllingTerminal = controllingTerminal
    }
}

/// What kept a process from starting.
public enum ProcessStartFailure: Error {
    case workingDirectory(Errno)
    case program(Errno)

    public var errno: Errno {
        switch self {
        case .workingDirectory(let errno), .program(let errno): errno
        }
    }
}

extension Kernel {
    /// Starts a process without a parent; it leads a session and a group of its own.
    ///
    /// Call with the lock held. `started` hears, with the lock held, once the program was found and its image is being mapped, or of
    /// the errno that execve(2) gave.
    public func startProcess(_ spec: ProcessSpec, started: @escaping (Result<ThreadGroup, ProcessStartFailure>) -> Void) {
        let pid: Int32
        do throws(Errno) { pid = try allocatePID() } catch { return started(.failure(.program(error))) }
        let process = ThreadGroup(kernel: self, pid: pid)
        process.processGroup = pid
        process.session = pid
        process.limits = spec.limits
        process.controllingTerminal = spec.controllingTerminal
        let files = DescriptorTable()
        for (number, file) in spec.files.enumerated() {
            guard let file else { continue }
            _ = try? files.install(file, from: Int32(clamping: number), limit: 1 << 20, closeOnExec: false)
        }
        let task = Task(
            kernel: self, tid: pid, process: process, credentials: spec.credentials, files: files,
            fs: TaskFileSystem(root: spec.root, workingDirectory: spec.root, umask: 0o022), memory: AddressSpace(),
            name: Array("init".utf8))
        process.tasks = [task]
        processes[pid] = process
        tasks[pid] = task
        let isFirst = initProcess == nil
        if isFirst { initProcess = process }
        slowPool.submit { [self] in
            task.isOnSlowPath = true
            defer { task.isOnSlowPath = false }
            do throws(ProcessStartFailure) {
                do throws(Errno) { task.fs.workingDirectory = try task.vfs.resolve(spec.workingDirectory) } catch {
                    throw .workingDirectory(error)
                }
                do throws(Errno) { try task.start(spec) } catch { throw .program(error) }
                started(.success(process))
            } catch {
                if isFirst { initProcess = nil }
                task.release()
                processes[pid] = nil
                started(.failure(error))
            }
        }
    }
}

extension Task {
    /// Finds the program as a shell would, and executes it.
    fileprivate func start(_ spec: ProcessSpec) throws(Errno) {
        guard let name = spec.arguments.first, !name.isEmpty else { throw .ENOENT }
        if name.contains(UInt8(ascii: "/")) {
            _ = try loadAndExecute(
                directory: .cwd, path: name, arguments: spec.arguments, environment: spec.environment, flags: 0)
            return
        }
        let prefix = Array("PATH=".utf8)
        let path = spec.environment.first { $0.starts(with: prefix) }?.dropFirst(prefix.count) ?? Array("/usr/bin:/bin".utf8)[...]
        var failure = Errno.ENOENT
        for directory in path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            let candidate = (directory.isEmpty ? [UInt8(ascii: ".")] : Array(directory)) + [UInt8(ascii: "/")] + name
            do throws(Errno) {
                _ = try loadAndExecute(
                    directory: .cwd, path: candidate, arguments: spec.arguments, environment: spec.environment, flags: 0)
                return
            } catch {
                // Like execvp(3): go on after what only says "not here"; remember a file that may not be executed.
                if error == .EACCES { failure = error } else if error != .ENOENT && error != .ENOTDIR { throw error }
            }
        }
        throw failure
    }
}
