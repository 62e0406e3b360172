// /proc/PID/fd and fdinfo.
import Kernel
import LinuxABI
import VFS

/// /proc/PID/fd: a magic link for each descriptor.
final class ProcDescriptorDirectory: SyntheticDirectory {
    private let subject: ProcSubject

    init(_ origin: SyntheticOrigin, _ subject: ProcSubject) {
        self.subject = subject
        super.init(origin, permissions: 0o500)
    }

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        let task = try subject.task()
        try subject.checkAccess(context)
        guard let fd = procNumber(name), let description = procDescription(task, fd) else { throw .ENOENT }
        let permissions: UInt32 = (description.flags.reads ? 0o500 : 0) | (description.flags.writes ? 0o300 : 0)
        let origin = subject.origin(ProcSubject.descriptorKind, index: UInt64(fd))
        return ProcMagicLink(origin, permissions: permissions, subject) { [weak description] () throws(Errno) -> ProcLinkTarget in
            guard let description else { throw .ENOENT }
            return description.path.map { .path($0) } ?? .description(description)
        }
    }

    override func entries(_ context: VFSContext) throws(Errno) -> [SyntheticEntry] {
        let task = try subject.task()
        try subject.checkAccess(context)
        return procDescriptors(task).map {
            SyntheticEntry(Array(String($0).utf8), subject.number(ProcSubject.descriptorKind, index: UInt64($0)), .symlink)
        }
    }

    override func attributes(_ context: VFSContext) throws(Errno) -> FileAttributes {
        var attributes = try super.attributes(context)
        // Linux tells the number of open descriptors by the size.
        attributes.size = Int64(subject.taskIfAny.map { procDescriptors($0).count } ?? 0)
        return attributes
    }
}

/// /proc/PID/fdinfo: a text for each descriptor.
final class ProcDescriptorInfoDirectory: SyntheticDirectory {
    private let subject: ProcSubject

    init(_ origin: SyntheticOrigin, _ subject: ProcSubject) {
        self.subject = subject
        super.init(origin)
    }

    override func lookup(_ name: FileName, _ context: VFSContext) throws(Errno) -> Inode {
        let task = try subject.task()
        guard let fd = procNumber(name), procDescription(task, fd) != nil else { throw .ENOENT }
        let subject = subject
        return SyntheticFile(subject.origin(ProcSubject.descriptorInfoKind, index: UInt64(fd)), permissions: 0o444) {
            (context: VFSContext) throws(Errno) -> [UInt8] in
            try subject.checkAccess(context)
            let task = try subject.task()
            guard let description = procDescription(task, fd) else { throw .ENOENT }
            var flags = description.flags.rawValue
            if procClosesOnExec(task, fd) { flags |= OpenFlags.O_CLOEXEC.rawValue }
            var text = ProcText()
            text.line("pos:\t\(description.offset)")
            text.line("flags:\t0\(octal(UInt64(flags)))")
            text.line("mnt_id:\t\(description.path?.mount.id ?? 0)")
            text.line("ino:\t\(description.inode?.number ?? 0)")
            if let epoll = description as? EpollDescription { text.append(epoll.watchLines) }
            if let event = description as? EventFDDescription { text.append(event.counterLine) }
            return text.bytes
        }
    }

    override func entries(_ context: VFSContext) throws(Errno) -> [SyntheticEntry] {
        let task = try subject.task()
        try subject.checkAccess(context)
        return procDescriptors(task).map {
            SyntheticEntry(Array(String($0).utf8), subject.number(ProcSubject.descriptorInfoKind, index: UInt64($0)), .regular)
        }
    }
}
