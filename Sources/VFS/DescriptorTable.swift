import LinuxABI

/// A process's descriptors (Linux's `files_struct`). Guarded by the kernel lock.
public final class DescriptorTable {
    public init() {}
}
