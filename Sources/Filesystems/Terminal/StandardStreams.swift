// Makes the sandbox's first descriptions from the descriptors that the runtime donated.
import HostSyscalls
import Kernel
import LinuxABI
import VFS

/// The descriptions for descriptors 0, 1, 2 … of the first process, and the terminal behind them if there is one.
public struct StandardStreams {
    /// nil where the caller had closed the descriptor.
    public private(set) var descriptions: [FileDescription?] = []
    /// The first terminal among the descriptors. The leader sets its session and foreground group to the first process's.
    public private(set) var terminal: HostTerminal?

    /// `descriptors`, nil where the caller had none, are host descriptors as ``StreamDonation`` prepares them; the same host file among them becomes one file inside,
    /// owned by the first process's user.
    ///
    /// - Throws: the host's error if one cannot be looked at.
    public init(
        _ descriptors: [SharedHostFD?], kernel: Kernel, poller: HostPoller?, terminals: TerminalRegistry, uid: UInt32, gid: UInt32
    ) throws(Errno) {
        var known: [FileIdentity: HostStreamInode] = [:]
        for descriptor in descriptors {
            guard let descriptor else {
                descriptions.append(nil)
                continue
            }
            var host = HostStat()
            try host.fill(descriptor.rawValue)
            let flags = OpenFlags(
                rawValue: UInt32(truncatingIfNeeded: max(0, rawHostCall(HostSyscall.fcntl, Int(descriptor.rawValue), 3))) & 0o2003)
            let type = FileType(rawValue: host.mode & 0o170000) ?? .regular
            if type == .characterDevice && host.specialDevice == DeviceNumber.null {
                let stream = HostStream(descriptor: descriptor, kind: .device, poller: nil)
                let node = HostStreamInode(stream: stream, type: type, uid: uid, gid: gid)
                descriptions.append(NullDescription(inode: node, flags: flags, path: nil))
                continue
            }
            let kind = Self.kind(of: descriptor, type)
            let stream = HostStream(descriptor: descriptor, kind: kind, poller: poller)
            if kind == .terminal {
                let terminal =
                    self.terminal
                    ?? terminals.add { HostTerminal(stream: stream, index: $0, kernel: kernel, uid: uid, gid: gid) }
                self.terminal = terminal
                descriptions.append(HostFileDescription(stream: stream, node: terminal.inode, terminal: terminal, flags: flags))
                continue
            }
            let identity = FileIdentity(device: host.device, inode: host.inode)
            let node = known[identity] ?? HostStreamInode(stream: stream, type: type, uid: uid, gid: gid)
            known[identity] = node
            descriptions.append(HostFileDescription(stream: stream, node: node, terminal: nil, flags: flags))
        }
    }

    private struct FileIdentity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    private static func kind(of descriptor: SharedHostFD, _ type: FileType) -> HostStream.Kind {
        switch type {
        case .regular, .directory, .symlink, .blockDevice: return .regular
        case .fifo: return .pipe
        case .socket: return .socket
        case .characterDevice:
            let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
            defer { scratch.deallocate() }
            let result = rawHostCall(
                HostSyscall.ioctl, Int(descriptor.rawValue), Int(IoctlRequest.TCGETS), Int(bitPattern: scratch.baseAddress))
            return result >= 0 ? .terminal : .device
        }
    }
}
