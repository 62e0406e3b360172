import HostSyscalls

/// What the zygote's initial stack tells: the auxiliary vector that the host gave it. The zygote runs only our own code.
struct ZygoteFacts {
    /// AT_SYSINFO_EHDR, or 0.
    private(set) var vdso: UInt64 = 0
    /// AT_MINSIGSTKSZ.
    private(set) var minimumSignalStack: UInt64 = 2048
    /// The pages of the stack it was started on, page-aligned.
    private(set) var stackRange: Range<UInt64>?

    init(process: Int32, stack: UInt64) {
        var words = [UInt64](repeating: 0, count: 80)
        let count = words.withUnsafeMutableBytes { buffer in
            var local = (UInt64(UInt(bitPattern: buffer.baseAddress)), UInt64(buffer.count))
            var remote = (stack, UInt64(buffer.count))
            return withUnsafePointer(to: &local) { localPointer in
                withUnsafePointer(to: &remote) { remotePointer in
                    rawHostCall(
                        HostSyscall.process_vm_readv, Int(process), Int(bitPattern: localPointer), 1, Int(bitPattern: remotePointer), 1, 0)
                }
            }
        }
        guard count > 0 else { return }
        // argc, argv…, 0, envp…, 0, then pairs.
        var index = 1
        while index < words.count, words[index] != 0 { index += 1 }
        index += 1
        while index < words.count, words[index] != 0 { index += 1 }
        index += 1
        while index + 1 < words.count, words[index] != 0 {
            switch words[index] {
            case 33: vdso = words[index + 1]
            case 51: minimumSignalStack = words[index + 1]
            case 31:
                let start = (stack & ~4095) - (1 << 20)
                stackRange = start..<((words[index + 1] + 4095) & ~4095)
            default: break
            }
            index += 2
        }
    }
}
