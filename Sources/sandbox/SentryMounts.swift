// Builds the file systems that a sandbox's configuration names, and mounts them.
import Auth
import Control
import Filesystems
import HostSyscalls
import Kernel
import LinuxABI
import VFS

/// The sentry itself as a caller of VFS, before any guest runs: it may wait, and it may do anything.
final class SetupContext: VFSContext {
    init() { super.init(credentials: Credentials(user: 0, group: 0, capabilities: .all)) }

    override var now: Timespec { HostClock.realtime }
    override var mayBlock: Bool { true }
}

/// What could not be mounted, and why.
struct MountFailure: Error {
    let target: [UInt8]
    let reason: Errno

    var text: String { "cannot mount \(String(decoding: target, as: UTF8.self)): \(reason)" }
}

/// Mounts everything in order. The namespace holds it all.
struct SentryMounts {
    let namespace = MountNamespace()
    let context = SetupContext()
    private let kernel: Kernel
    private let facts: SandboxFacts
    private let terminals: TerminalRegistry
    private var clients: [UInt32: GoferClient] = [:]
    private var lastDevice: UInt64 = 0x100
    private let goferSockets: [Int32]

    init(kernel: Kernel, facts: SandboxFacts, terminals: TerminalRegistry, goferSockets: [Int32]) {
        self.kernel = kernel
        self.facts = facts
        self.terminals = terminals
        self.goferSockets = goferSockets
    }

    private mutating func nextDevice() -> UInt64 {
        lastDevice += 1
        return lastDevice
    }

    mutating func mount(_ configuration: MountConfiguration) throws(MountFailure) {
        do throws(Errno) {
            let (fileSystem, root, source, isReadOnly) = try make(configuration)
            let place = namespace.mounts.isEmpty ? nil : try target(configuration.target, isDirectory: root.type == .directory)
            namespace.mount(
                fileSystem, root: Dentry(name: [], parent: nil, inode: root), at: place, isReadOnly: isReadOnly, source: source)
            if place == nil {
                context.root = namespace.root
                context.workingDirectory = namespace.root
            }
        } catch {
            throw MountFailure(target: configuration.target, reason: error)
        }
    }

    private mutating func make(
        _ configuration: MountConfiguration
    ) throws(Errno) -> (FileSystem, root: Inode, source: String, isReadOnly: Bool) {
        switch configuration.source {
        case .host(let gofer, let attach, _, let writes):
            guard Int(gofer) < goferSockets.count else { throw .EINVAL }
            let client = clients[gofer] ?? GoferClient(socketFD: goferSockets[Int(gofer)])
            clients[gofer] = client
            let isExclusive = writes != .passed && !configuration.isShared
            let lower = try GoferFileSystem.attach(client, id: attach, mode: isExclusive ? .exclusive : .shared, device: nextDevice())
            if writes == .kept {
                let overlay = OverlayFileSystem.inMemory(
                    over: lower.root, device: nextDevice(), upperDevice: nextDevice(), now: HostClock.realtime)
                return (overlay, overlay.root, "overlay", false)
            }
            return (lower, lower.root, "gofer", writes == .refused)
        case .tmpfs(let size, let mode):
            let tmpfs = TmpfsFileSystem(
                device: nextDevice(), sizeLimit: size == 0 ? 1 << 30 : size, rootPermissions: mode, now: HostClock.realtime)
            guard let root = tmpfs.root else { throw .EIO }
            return (tmpfs, root, "tmpfs", false)
        case .proc:
            let proc = ProcFileSystem(kernel: kernel, facts: facts, time: HostClock.realtime)
            return (proc, proc.root, "proc", false)
        case .dev:
            let dev = DevFileSystem(terminals: terminals, time: HostClock.realtime)
            return (dev, dev.root, "devtmpfs", false)
        }
    }

    /// The place to mount on; missing directories, or the file, are made.
    private func target(_ path: [UInt8], isDirectory: Bool) throws(Errno) -> VFSPath {
        var made: [UInt8] = []
        let names = path.split(separator: UInt8(ascii: "/"))
        for (index, name) in names.enumerated() {
            made.append(UInt8(ascii: "/"))
            made.append(contentsOf: name)
            do throws(Errno) {
                _ = try context.resolve(made)
            } catch {
                guard error == .ENOENT else { throw error }
                if index == names.count - 1 && !isDirectory {
                    _ = try context.makeNode(made, type: .regular, permissions: 0o644, specialDevice: 0)
                } else {
                    try context.makeDirectory(made, permissions: 0o755)
                }
            }
        }
        return try context.resolve(path)
    }

    /// Makes a directory after all is mounted, if nothing of that name is there.
    func makeDirectory(_ configuration: DirectoryConfiguration) {
        do throws(Errno) {
            let place = try target(configuration.path, isDirectory: true)
            guard let inode = place.inode else { return }
            try context.changeOwner(inode, on: place, uid: configuration.uid, gid: configuration.gid)
            try context.changeMode(inode, on: place, configuration.mode)
        } catch {
            kernel.log("directory \(String(decoding: configuration.path, as: UTF8.self)): \(error)")
        }
    }
}
