// Turns the options into mounts, and into what each gofer serves.
import Control
import HostSyscalls
import LinuxABI

/// The mounts of a sandbox and the two gofers behind them.
final class MountPlan {
    enum GoferKind: Int, CaseIterable {
        /// The machine's system directories, as an unprivileged user.
        case rootView
        /// The current directory, binds, an own root directory: with the caller's rights.
        case caller
    }

    struct Attach {
        let id: UInt32
        let directory: SharedHostFD
        let fileName: [UInt8]?
        let isReadOnly: Bool
        let visiblePaths: [[UInt8]]?
    }

    private(set) var mounts: [MountConfiguration] = []
    private(set) var directories: [DirectoryConfiguration] = []
    private(set) var attaches: [GoferKind: [Attach]] = [:]
    private(set) var workingDirectory: [UInt8] = [0x2f]
    /// The gofers in use, in the order in which mounts number them.
    private(set) var gofers: [GoferKind] = []
    private let clonesMounts: Bool

    init(_ options: RunOptions, caller: Caller, privilege: Privilege) throws(RuntimeFailure) {
        clonesMounts = privilege == .root
        try mountRoot(options)
        var mounts: [MountConfiguration] = []
        var targets: [[UInt8]] = []
        func add(_ mount: MountConfiguration) {
            mounts.append(mount)
            targets.append(mount.target)
        }
        // What the caller asks for wins over what is there by default.
        for bind in options.binds { add(try self.bind(bind, caller)) }
        for path in options.writableDirectories {
            let target = GuestPath.normalized(path, from: caller.workingDirectory ?? [0x2f])
            add(try bind(RunOptions.Bind(source: path, target: target, isWritable: true), caller))
        }
        for memory in options.memoryMounts {
            add(MountConfiguration(target: memory.target, source: .tmpfs(size: memory.size, mode: 0o1777)))
        }
        try bindWorkingDirectory(options, caller, asked: targets).map(add)
        let defaults: [(String, MountConfiguration.Source)] = [
            ("/proc", .proc), ("/dev", .dev), ("/dev/shm", .tmpfs(size: 0, mode: 0o1777)), ("/tmp", .tmpfs(size: 0, mode: 0o1777)),
        ]
        for (target, source) in defaults where !targets.contains(Array(target.utf8)) {
            mounts.append(MountConfiguration(target: Array(target.utf8), source: source))
        }
        // A mount below another one comes after it. Stable: of two with one target the later one is on top.
        let sorted = mounts.enumerated().sorted {
            (GuestPath.depth($0.element.target), $0.offset) < (GuestPath.depth($1.element.target), $1.offset)
        }
        self.mounts.append(contentsOf: sorted.map(\.element))
        makeDirectories(options, caller)
    }

    /// Leaves the attached directories to the gofers that have them by now: undoing a copy of mounts takes milliseconds, and their
    /// ends run beside the sentry's.
    func releaseDescriptors() { attaches = [:] }

    // MARK: Root

    private func mountRoot(_ options: RunOptions) throws(RuntimeFailure) {
        let source: MountConfiguration.Source
        if let root = options.rootDirectory {
            let (directory, isDirectory) = try open(root, what: "rootfs")
            guard isDirectory else { throw RuntimeFailure("rootfs \(text(root)): Not a directory") }
            source = host(.caller, try clone(directory, isReadOnly: true), nil, isReadOnly: true, writes: .kept)
        } else {
            let (directory, _) = try open([0x2f], what: "the root directory")
            source = host(
                .rootView, try clone(directory, isReadOnly: true), nil, isReadOnly: true, writes: .kept,
                visiblePaths: RootView.visiblePaths.map { Array($0.utf8) })
        }
        mounts.append(MountConfiguration(target: [0x2f], source: source))
    }

    private func makeDirectories(_ options: RunOptions, _ caller: Caller) {
        if options.rootDirectory == nil {
            directories = RootView.madeDirectories.map { DirectoryConfiguration(path: Array($0.path.utf8), mode: $0.mode) }
            if let home = Caller.environment([]).first(where: { $0.starts(with: Array("HOME=/".utf8)) })?.dropFirst(5) {
                let path = GuestPath.normalized(Array(home))
                if !directories.contains(where: { $0.path == path }) && path != [0x2f] {
                    directories.append(DirectoryConfiguration(path: path, mode: 0o700, uid: caller.uid, gid: caller.gid))
                }
            }
        }
    }

    // MARK: Binds

    private func bind(_ bind: RunOptions.Bind, _ caller: Caller) throws(RuntimeFailure) -> MountConfiguration {
        let (file, isDirectory) = try open(bind.source, what: "bind")
        let source: MountConfiguration.Source
        if isDirectory {
            try checkReadable(file, bind.source)
            let directory = try clone(file, isReadOnly: !bind.isWritable)
            source = host(.caller, directory, nil, isReadOnly: !bind.isWritable, writes: bind.isWritable ? .passed : .refused)
        } else {
            // The file's own place, whatever links lead there.
            guard let path = try? HostPath.path(of: file.rawValue), let slash = path.lastIndex(of: 0x2f) else {
                throw RuntimeFailure("bind \(text(bind.source)): cannot be named")
            }
            let parent = path[..<slash].isEmpty ? [0x2f] : Array(path[..<slash])
            let (directory, _) = try open(parent, what: "bind")
            source = host(
                .caller, try clone(directory, isReadOnly: !bind.isWritable), Array(path[(slash + 1)...]), isReadOnly: !bind.isWritable,
                writes: bind.isWritable ? .passed : .refused)
        }
        return MountConfiguration(target: bind.target, source: source, isShared: bind.isShared)
    }

    /// The current directory under its own path: writes stay in memory. None if the root view has it, or it is asked for already.
    private func bindWorkingDirectory(
        _ options: RunOptions, _ caller: Caller, asked: [[UInt8]]
    ) throws(RuntimeFailure) -> MountConfiguration? {
        workingDirectory = options.workingDirectory.map { GuestPath.normalized($0, from: caller.workingDirectory ?? [0x2f]) } ?? [0x2f]
        guard options.rootDirectory == nil, let current = caller.workingDirectory else { return nil }
        // "(unreachable)/…": the directory lies outside of this mount namespace's root.
        guard current.first == 0x2f else { return nil }
        if options.workingDirectory == nil { workingDirectory = current }
        if RootView.covers(current) || asked.contains(where: { $0 != [0x2f] && GuestPath.isInside(current, $0) }) { return nil }
        let (directory, _) = try open(current, what: "current directory")
        try checkReadable(directory, current)
        return MountConfiguration(
            target: current, source: host(.caller, try clone(directory, isReadOnly: true), nil, isReadOnly: true, writes: .kept))
    }

    // MARK: Descriptors

    private func open(_ path: [UInt8], what: String) throws(RuntimeFailure) -> (SharedHostFD, isDirectory: Bool) {
        do throws(Errno) {
            // O_PATH
            let file = try HostPath.open(path, flags: 0o10000000)
            let format = try HostDirectory.status(file.rawValue).format
            guard format == 0o040000 || format == 0o100000 else { throw .EINVAL }
            return (SharedHostFD(file), format == 0o040000)
        } catch {
            if error == .EINVAL { throw RuntimeFailure("\(what) \(text(path)): neither a directory nor a regular file") }
            throw RuntimeFailure("\(what) \(text(path))", error)
        }
    }

    private func checkReadable(_ directory: SharedHostFD, _ path: [UInt8]) throws(RuntimeFailure) {
        do throws(Errno) {
            // O_DIRECTORY: the open itself checks, with the caller's rights.
            _ = try HostPath.open(Array(".".utf8), flags: 0o200000, directory: directory.rawValue)
        } catch { throw RuntimeFailure("cannot read directory \(text(path))", error) }
    }

    /// A private copy of the directory's mounts without devices and setuid, read-only if it may be; the directory itself where the
    /// rights for that are missing: the gofer then keeps to these rules alone.
    private func clone(_ directory: SharedHostFD, isReadOnly: Bool) throws(RuntimeFailure) -> SharedHostFD {
        guard clonesMounts else { return directory }
        // OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE | O_CLOEXEC
        let tree = HostPath.with([]) {
            rawHostCall(HostSyscall.open_tree, Int(directory.rawValue), $0, 1 | 0x1000 | 0x8000 | 0o2000000)
        }
        guard tree >= 0 else { return directory }
        let copy = SharedHostFD(HostFD(owning: Int32(truncatingIfNeeded: tree)))
        // struct mount_attr: set (RDONLY, NOSUID, NODEV), clear, propagation (MS_PRIVATE), user namespace.
        let attributes: [UInt64] = [(isReadOnly ? 1 : 0) | 2 | 4, 0, 0x4_0000, 0]
        let result = attributes.withUnsafeBytes { bytes in
            HostPath.with([]) {
                rawHostCall(HostSyscall.mount_setattr, tree, $0, 0x1000 | 0x8000, Int(bitPattern: bytes.baseAddress), 32)
            }
        }
        guard result >= 0 else { throw RuntimeFailure("mount_setattr", Errno(Int32(truncatingIfNeeded: -result))) }
        return copy
    }

    private func host(
        _ kind: GoferKind, _ directory: SharedHostFD, _ fileName: [UInt8]?, isReadOnly: Bool, writes: HostWrites,
        visiblePaths: [[UInt8]]? = nil
    ) -> MountConfiguration.Source {
        if !gofers.contains(kind) { gofers.append(kind) }
        let number = gofers.firstIndex(of: kind) ?? 0
        let id = UInt32(attaches[kind]?.count ?? 0)
        attaches[kind, default: []].append(
            Attach(id: id, directory: directory, fileName: fileName, isReadOnly: isReadOnly, visiblePaths: visiblePaths))
        return .host(gofer: UInt32(number), attach: id, isFile: fileName != nil, writes: writes)
    }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
