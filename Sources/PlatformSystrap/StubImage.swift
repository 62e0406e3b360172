import CStub
import HostSyscalls

/// The stub's code and where its parts lie in every guest process.
struct StubImage {
    /// The code begins here in the ELF image, after its headers.
    private static let codeOffset: UInt64 = 0x100

    let entry, handler, restorer, returnIP, notifyStart, notifyEnd, sleepIP, timedWait, timedWaitIP: UInt64
    let end: UInt64
    /// The tiny ELF file that the zygote executes: one segment, read and execute.
    let elf: [UInt8]

    init() {
        let symbols = palisade_stub()
        func address(_ offset: Int) -> UInt64 { UInt64(STUB_BASE) + StubImage.codeOffset + UInt64(offset) }
        entry = address(symbols.entry)
        handler = address(symbols.handler)
        restorer = address(symbols.restorer)
        returnIP = address(symbols.return_ip)
        notifyStart = address(symbols.notify_start)
        notifyEnd = address(symbols.notify_end)
        sleepIP = address(symbols.sleep_ip)
        timedWait = address(symbols.timed_wait)
        timedWaitIP = address(symbols.timed_wait_ip)
        end = address(symbols.size)

        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        func put<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
        let size = StubImage.codeOffset + UInt64(symbols.size)
        put(UInt16(2))  // ET_EXEC
        put(UInt16(62))  // EM_X86_64
        put(UInt32(1))
        put(entry)
        put(UInt64(64))  // program headers follow
        put(UInt64(0))
        put(UInt32(0))
        put(UInt16(64))
        put(UInt16(56))
        put(UInt16(1))
        put(UInt16(0))
        put(UInt16(0))
        put(UInt16(0))
        put(UInt32(1))  // PT_LOAD
        put(UInt32(5))  // PF_R|PF_X
        put(UInt64(0))
        put(UInt64(STUB_BASE))
        put(UInt64(STUB_BASE))
        put(size)
        put(size)
        put(UInt64(4096))
        bytes.append(contentsOf: [UInt8](repeating: 0, count: Int(StubImage.codeOffset) - bytes.count))
        // SAFETY: the stub's section lies in this binary; start and size come from its own symbols.
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: symbols.code, count: symbols.size))
        elf = bytes
    }

    /// A memfd that holds the image, executable.
    func makeFile() throws(HostErrno) -> HostFD {
        // MFD_CLOEXEC, and MFD_EXEC where the kernel knows it (6.3 on).
        let descriptor: Int
        do throws(HostErrno) {
            descriptor = try "stub".withHostCString { name throws(HostErrno) in try hostCall(HostSyscall.memfd_create, name, 0x11) }
        } catch {
            descriptor = try "stub".withHostCString { name throws(HostErrno) in try hostCall(HostSyscall.memfd_create, name, 1) }
        }
        let file = HostFD(owning: Int32(descriptor))
        var written = 0
        while written < elf.count {
            let result: Result<Int, HostErrno> = elf.withUnsafeBytes { bytes in
                do throws(HostErrno) {
                    let start = Int(bitPattern: bytes.baseAddress) + written
                    return .success(try hostCall(HostSyscall.pwrite64, descriptor, start, bytes.count - written, written))
                } catch { return .failure(error) }
            }
            written += try result.get()
        }
        return file
    }
}
