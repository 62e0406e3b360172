/// Where things lie in a guest's address space. What is at or above ``workloadEnd`` belongs to the stub, and no call of the
/// workload may name it.
public enum GuestLayout {
    /// The lowest address a guest may map (vm.mmap_min_addr).
    public static let workloadStart: UInt64 = 0x1_0000
    /// What the workload may map ends here: below the stub's code and slots.
    public static let workloadEnd: UInt64 = 0x7ffd_0000_0000
    /// The stub's code.
    public static let stubBase: UInt64 = 0x7ffe_0000_0000
    /// This process's slots.
    public static let slotBase: UInt64 = 0x7ffe_1000_0000
}
