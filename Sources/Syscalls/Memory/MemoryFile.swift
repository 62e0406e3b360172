// memfd_create(2).
import Filesystems
import HostSyscalls
import Kernel
import LinuxABI
import Memory
import VFS

/// What all memfds live in: Linux's internal tmpfs mount. Guarded by the kernel lock.
private nonisolated(unsafe) let memoryFiles = TmpfsFileSystem(device: 1, now: HostClock.realtime)

/// Implements memfd_create(2). Seals and huge pages are missing.
///
/// - Throws: `EINVAL` for unknown flags, a name of more than 249 bytes, and MFD_HUGETLB.
func sysMemfdCreate(_ task: Task, _ name: UserAddress, _ flags: UInt32) throws(Errno) -> Outcome {
    let MFD_CLOEXEC: UInt32 = 1, MFD_ALLOW_SEALING: UInt32 = 2, MFD_NOEXEC_SEAL: UInt32 = 8, MFD_EXEC: UInt32 = 0x10
    guard flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC) == 0,
        flags & (MFD_NOEXEC_SEAL | MFD_EXEC) != MFD_NOEXEC_SEAL | MFD_EXEC
    else { throw .EINVAL }
    let text: [UInt8]
    do throws(Errno) { text = try task.memory.copyInString(name, limit: 250) } catch {
        throw error == .ENAMETOOLONG ? .EINVAL : error
    }
    let permissions: UInt32 = flags & MFD_NOEXEC_SEAL != 0 ? 0o666 : 0o777
    let file = try memoryFiles.makeMemoryFile(text, permissions: permissions, task.vfs)
    return .value(Int64(try task.install(file, closeOnExec: flags & MFD_CLOEXEC != 0).rawValue))
}
