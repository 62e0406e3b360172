// statfs(2), fstatfs(2).
import Kernel
import LinuxABI
import Memory
import VFS

/// Implements statfs(2).
func sysStatfs(_ task: Task, _ path: UserAddress, _ buffer: UserAddress) throws(Errno) -> Outcome {
    try statistics(task, .place(try task.place(path)), buffer)
}

/// Implements fstatfs(2).
func sysFstatfs(_ task: Task, _ fd: FD, _ buffer: UserAddress) throws(Errno) -> Outcome {
    try statistics(task, .description(try task.files.getAllowingPath(fd)), buffer)
}

/// `struct statfs`: 120 bytes.
private func statistics(_ task: Task, _ target: FileTarget, _ buffer: UserAddress) throws(Errno) -> Outcome {
    let fileSystem = try target.inode().fileSystem
    let found = try fileSystem.statistics(task.vfs)
    // ST_VALID, ST_RELATIME, ST_RDONLY.
    let flags: UInt64 = 0x1020 | (target.place?.mount.isReadOnly == true ? 1 : 0)
    var record = GuestRecord()
    for value in [
        found.magic, found.blockSize, found.blocks, found.freeBlocks, found.availableBlocks, found.files, found.freeFiles,
        fileSystem.device, found.nameLength, found.blockSize, flags,
    ] {
        record.append(value)
    }
    record.pad(to: 120)
    try task.memory.copyOut(record.bytes, to: buffer)
    return .done
}
