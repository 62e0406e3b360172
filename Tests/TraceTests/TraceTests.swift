import LinuxABI
import Testing
import VFS

@testable import Trace

/// Memory from 0x1000 on; everything else faults.
private final class FakeMemory: GuestCopying {
    var bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func copyIn(_ address: UserAddress, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
        guard address.rawValue >= 0x1000, let offset = Int(exactly: address.rawValue - 0x1000), offset <= bytes.count,
            buffer.count <= bytes.count - offset
        else { throw .EFAULT }
        for index in 0..<buffer.count { buffer[index] = bytes[offset + index] }
    }

    func copyOut(_ source: UnsafeRawBufferPointer, to address: UserAddress) throws(Errno) { throw .EFAULT }
}

@Suite struct TraceTests {
    private func before(_ number: UInt64, _ arguments: SyscallArguments, _ memory: [UInt8] = []) throws -> [String?] {
        let format = try #require(SyscallFormat.format(of: number))
        let decoder = GuestDecoder(memory: FakeMemory(memory + [UInt8](repeating: 0, count: 512)))
        return format.arguments.indices.map { decoder.textBefore(format, index: $0, arguments) }
    }

    private func after(_ number: UInt64, _ arguments: SyscallArguments, result: Int64?, _ memory: [UInt8] = []) throws -> [String?] {
        let format = try #require(SyscallFormat.format(of: number))
        let decoder = GuestDecoder(memory: FakeMemory(memory + [UInt8](repeating: 0, count: 512)))
        return format.arguments.indices.map { decoder.textAfter(format, index: $0, arguments, result: result) }
    }

    @Test func everyFormatHasItsNumberAndName() {
        for number in 0..<UInt64(SyscallNumber.count) {
            #expect(SyscallFormat.format(of: number)?.name == SyscallNumber.name(of: number))
        }
        #expect(SyscallFormat.format(of: 1 << 40) == nil)
    }

    @Test func openatShowsPathAndFlags() throws {
        let texts = try before(
            SyscallNumber.openat, SyscallArguments(UInt64(bitPattern: -100), 0x1000, 0x80241, 0o644, 0, 0), Array("/tmp/a\"b".utf8))
        #expect(texts == ["AT_FDCWD", "\"/tmp/a\\\"b\"", "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC", "0644"])
    }

    @Test func fieldsOfFlagsAreTold() {
        #expect(FlagSet.open_flags.text(0) == "O_RDONLY")
        #expect(FlagSet.open_flags.text(0x101000) == "O_RDONLY|O_SYNC")
        #expect(FlagSet.prot_flags.text(0) == "PROT_NONE")
        #expect(FlagSet.prot_flags.text(3) == "PROT_READ|PROT_WRITE")
        #expect(FlagSet.mmap_flags.text(0x22) == "MAP_PRIVATE|MAP_ANONYMOUS")
        #expect(FlagSet.futex_operation.text(0x81) == "FUTEX_WAKE|FUTEX_PRIVATE_FLAG")
        #expect(FlagSet.at_flags.text(0x8000_0000) == "0x80000000")
        #expect(FlagSet.unlinkat_flags.text(0) == "0")
        #expect(FlagSet.seek_whence.text(2) == "SEEK_END")
        #expect(FlagSet.seek_whence.text(77) == "77")
    }

    @Test func readShowsWhatCame() throws {
        let arguments = SyscallArguments(3, 0x1000, 100, 0, 0, 0)
        #expect(try before(SyscallNumber.read, arguments) == ["3", nil, "100"])
        #expect(try after(SyscallNumber.read, arguments, result: 3, Array("ab\n".utf8)) == [nil, "\"ab\\n\"", nil])
        #expect(try after(SyscallNumber.read, arguments, result: -9) == [nil, "0x1000", nil])
    }

    @Test func faultsGiveAddressesAndHugeCountsAreBounded() throws {
        #expect(try before(SyscallNumber.write, SyscallArguments(1, 0x10, 5, 0, 0, 0))[1] == "0x10")
        let texts = try before(SyscallNumber.write, SyscallArguments(1, 0x1000, .max, 0, 0, 0), Array("abc".utf8))
        #expect(texts[1]?.hasSuffix("\"...") == true)
        let polled = try before(SyscallNumber.poll, SyscallArguments(0x1000, .max, 0, 0, 0, 0))
        #expect(polled[0]?.hasSuffix("...]") == true)
        #expect(try before(SyscallNumber.writev, SyscallArguments(1, .max - 4, .max, 0, 0, 0))[1] == "0xfffffffffffffffb")
        _ = try before(SyscallNumber.select, SyscallArguments(.max, 0x1000, 0x1000, 0, 0, 0))
        _ = try before(SyscallNumber.bind, SyscallArguments(1, 0x1000, .max, 0, 0, 0))
    }

    @Test func results() {
        #expect(resultText(-2, .fd) == "-1 ENOENT (No such file or directory)")
        #expect(resultText(nil, .int) == "?")
        #expect(resultText(4096, .hex) == "0x1000")
    }

    @Test func signalSets() {
        #expect(signalSetText(1 << 1 | 1 << 16) == "[INT CHLD]")
        #expect(signalSetText(~0) == "~[]")
    }
}
