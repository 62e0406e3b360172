// Starts the gofers and the sentry of one sandbox, each with exactly the descriptors that it needs.
import Control
import HostSyscalls
import LinuxABI

/// The processes of a sandbox, as the supervisor holds them.
struct SandboxProcesses: ~Copyable {
    var sentry: HostProcess
    var gofers: [SharedProcess]
    /// The supervisor's end of the ``SupervisorLink``.
    var link: HostFD
}

/// A child process in a list.
final class SharedProcess {
    let process: HostProcess

    init(_ process: consuming HostProcess) { self.process = process }
}

/// The first arguments by which the executable knows its roles.
public enum ProcessRole: String, CaseIterable, Sendable {
    case sentry = "__sentry"
    case gofer = "__gofer"

    /// The number of the descriptor with the configuration, in either role.
    public static let configurationDescriptor: Int32 = 3
}

struct Launch {
    let options: RunOptions
    let plan: MountPlan
    let caller: Caller
    let privilege: Privilege
    let users: HostUsers?
    /// What is executed in every role: this program itself.
    let executable: SharedHostFD
    let log: SharedHostFD
    let null: SharedHostFD
    let control: SharedHostFD?
    let trace: SharedHostFD?

    /// Whether real identities separate the processes; else a user namespace does.
    private var hasIdentities: Bool { privilege == .root && users != nil }

    func start() throws(RuntimeFailure) -> SandboxProcesses {
        // The sentry first: it has the longest way to its first request.
        let pairs = try plan.gofers.map { kind throws(RuntimeFailure) in (kind, try socketPair()) }
        let (link, far) = try socketPair()
        let sentry = try startSentry(gofers: pairs.map(\.1.0), link: far)
        var gofers: [SharedProcess] = []
        do throws(RuntimeFailure) {
            for (kind, pair) in pairs { gofers.append(SharedProcess(try startGofer(kind, socket: pair.1))) }
        } catch {
            sentry.signal(9)
            _ = sentry.reap(waits: true)
            throw error
        }
        do throws(HostErrno) { return SandboxProcesses(sentry: sentry, gofers: gofers, link: try link.fd.duplicate()) } catch {
            throw RuntimeFailure("socket", error.guestErrno)
        }
    }

    private func socketPair() throws(RuntimeFailure) -> (SharedHostFD, SharedHostFD) {
        do throws(HostErrno) {
            let (near, far) = try HostSocket.makePair()
            return (SharedHostFD(HostFD(owning: near)), SharedHostFD(HostFD(owning: far)))
        } catch { throw RuntimeFailure("socketpair", error.guestErrno) }
    }

    private func memoryFile(_ name: String, _ bytes: [UInt8]) throws(RuntimeFailure) -> SharedHostFD {
        do throws(Errno) {
            let file = try HostPath.memoryFile(name, bytes)
            try fileCall(HostSyscall.lseek, Int(file.rawValue), 0, 0)
            return SharedHostFD(file)
        } catch { throw RuntimeFailure("memfd_create", error) }
    }

    // MARK: Gofer

    private func startGofer(_ kind: MountPlan.GoferKind, socket: SharedHostFD) throws(RuntimeFailure) -> HostProcess {
        // 0, 1: null; 2: the log; 3: the configuration; 4: the socket; then the attached directories.
        let attaches = plan.attaches[kind] ?? []
        let launch = GoferLaunch(
            socket: 4,
            attaches: attaches.enumerated().map { index, attach in
                GoferLaunch.Attach(
                    id: attach.id, directory: Int32(5 + index), fileName: attach.fileName, isReadOnly: attach.isReadOnly,
                    visiblePaths: attach.visiblePaths)
            },
            cage: goferCage(kind))
        let configuration = try memoryFile("gofer", launch.encoded())
        let descriptors =
            [null.rawValue, null.rawValue, log.rawValue, configuration.rawValue, socket.rawValue] + attaches.map(\.directory.rawValue)
        defer { withExtendedLifetime(configuration) {} }
        do throws(HostErrno) {
            return try executable.fd.start(
                .gofer, descriptors: descriptors, namespaces: privilege == .root ? [.mount, .ipc, .network, .uts] : [])
        } catch { throw RuntimeFailure("cannot start a gofer", error.guestErrno) }
    }

    private func goferCage(_ kind: MountPlan.GoferKind) -> CageConfiguration {
        guard privilege == .root else {
            // A user namespace of its own would show it every other user's files as nobody's: it stays in the caller's.
            return CageConfiguration(identity: nil, hasEmptyRoot: false)
        }
        switch kind {
        case .rootView:
            return CageConfiguration(
                identity: users?.gofer ?? CageConfiguration.Identity(uid: 65534, gid: 65534), hasEmptyRoot: true)
        case .caller:
            return CageConfiguration(
                identity: nil, capabilities: Privilege.effectiveCapabilities() & GuestCapabilities.gofer, hasEmptyRoot: true)
        }
    }

    // MARK: Sentry

    private func startSentry(gofers: [SharedHostFD], link: SharedHostFD) throws(RuntimeFailure) -> HostProcess {
        // 0, 1: null; 2: the log; 3: the configuration; then in order.
        var descriptors = [null.rawValue, null.rawValue, log.rawValue, -1]
        var kept: [SharedHostFD] = []
        func add(_ descriptor: SharedHostFD?) -> Int32 {
            guard let descriptor else { return -1 }
            kept.append(descriptor)
            descriptors.append(descriptor.rawValue)
            return Int32(descriptors.count - 1)
        }
        let streams = (Int32(0)..<3).map { number in
            // One that the caller had closed stays closed.
            if let stream = try? StreamDonation.prepare(number) { add(SharedHostFD(stream)) } else { add(nil) }
        }
        let numbers = SentryDescriptors(
            streams: streams, gofers: gofers.map { add($0) }, supervisor: add(link), control: add(control), trace: add(trace))
        let identity = hasIdentities ? users?.sentry : nil
        let configuration = SentryConfiguration(
            program: program, hostName: options.hostName, mounts: plan.mounts, directories: plan.directories, limits: Caller.limits(),
            hostFacts: Caller.hostFacts(), platform: options.platform, traces: options.traceFile != nil,
            reportsStatistics: options.reportsStatistics, descriptors: numbers,
            cage: CageConfiguration(identity: identity, hasEmptyRoot: true, keepsDescriptorDirectory: true))
        let file = try memoryFile("sentry", configuration.encoded())
        descriptors[3] = file.rawValue
        // The list names them by number only.
        defer { withExtendedLifetime((kept, file)) {} }
        return try startSentry(descriptors: descriptors)
    }

    private var program: ProgramConfiguration {
        let uid = options.user ?? caller.uid
        let gid = options.group ?? (options.user == nil ? caller.gid : options.user ?? 0)
        return ProgramConfiguration(
            arguments: options.command, environment: Caller.environment(options.environment), workingDirectory: plan.workingDirectory,
            uid: uid, gid: gid, groups: options.user == nil ? caller.groups : [], capabilities: uid == 0 ? GuestCapabilities.container : 0)
    }

    private func startSentry(descriptors: [Int32]) throws(RuntimeFailure) -> HostProcess {
        let namespaces: HostProcess.Namespaces = [.pid, .mount, .ipc, .network, .uts]
        if hasIdentities {
            do throws(HostErrno) {
                return try executable.fd.start(.sentry, descriptors: descriptors, namespaces: namespaces)
            } catch { throw RuntimeFailure("cannot start the sentry in namespaces of its own", error.guestErrno) }
        }
        // The maps of a user namespace are written from outside, before anything runs in it.
        let gate = try makePipe()
        defer { withExtendedLifetime(gate) {} }
        do throws(HostErrno) {
            let sentry = try executable.fd.start(
                .sentry, descriptors: descriptors, namespaces: namespaces.union(.user), gate: gate.read.rawValue)
            do throws(Errno) {
                try HostPath.write("/proc/\(sentry.pid)/setgroups", "deny")
                try HostPath.write("/proc/\(sentry.pid)/uid_map", "0 \(caller.uid) 1\n")
                try HostPath.write("/proc/\(sentry.pid)/gid_map", "0 \(caller.gid) 1\n")
                try HostPath.write(gate.write.rawValue, [1])
            } catch {
                sentry.signal(9)
                _ = sentry.reap(waits: true)
                throw HostErrno(error.rawValue)
            }
            return sentry
        } catch {
            throw RuntimeFailure(
                "cannot make a user namespace: \(error.guestErrno.text) (this host may forbid them to users: see `sandbox doctor`)")
        }
    }

    private func makePipe() throws(RuntimeFailure) -> (read: SharedHostFD, write: SharedHostFD) {
        var pair: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &pair) { rawHostCall(HostSyscall.pipe2, Int(bitPattern: $0), 0o2000000) }
        guard result == 0 else { throw RuntimeFailure("pipe", Errno(Int32(truncatingIfNeeded: -result))) }
        return (SharedHostFD(HostFD(owning: pair.0)), SharedHostFD(HostFD(owning: pair.1)))
    }
}

extension HostFD {
    /// Starts the executable that this descriptor names, in a role.
    fileprivate borrowing func start(
        _ role: ProcessRole, descriptors: [Int32], namespaces: HostProcess.Namespaces, gate: Int32? = nil
    ) throws(HostErrno) -> HostProcess {
        try HostProcess.start(
            executable: self, arguments: ["sandbox", role.rawValue], descriptors: descriptors, namespaces: namespaces, gate: gate)
    }
}
