import HostSyscalls
import LinuxABI
import Platform
import Primitives

/// One guest address space (Linux's `mm_struct`): the map of areas, placement, limits, and copying. Guarded by the kernel lock.
public final class AddressSpace {
    /// The host process that holds the memory, once there is one; 0 before. Copies name it.
    public var hostProcess: Int32 = 0

    public init() {}
}
