// membarrier(2).
import Kernel
import LinuxABI

/// The commands that concern only threads of the calling process: PRIVATE_EXPEDITED (8), its SYNC_CORE (32) and RSEQ (128) forms, and the
/// registration of each. The GLOBAL ones would reach beyond the sandbox.
private let privateCommands: Int32 = 8 | 16 | 32 | 64 | 128 | 256

/// Implements membarrier(2): the host carries out the private commands, whose reach is the calling process.
///
/// - Throws: `EINVAL` for other commands, or flags.
func sysMembarrier(_ task: Task, _ command: Int32, _ flags: UInt32, _ cpu: Int32) throws(Errno) -> Outcome {
    if command == 0 {
        guard flags == 0 else { throw .EINVAL }
        return .value(Int64(privateCommands))
    }
    guard command > 0, command.nonzeroBitCount == 1, privateCommands & command != 0 else { throw .EINVAL }
    // MEMBARRIER_CMD_FLAG_CPU belongs to the RSEQ form.
    guard flags == 0 || command == 128 && flags == 1 else { throw .EINVAL }
    return .native
}
