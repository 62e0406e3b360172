import Glibc
import HostSyscalls
import LinuxABI
import Memory
import Platform
import Testing

@testable import Kernel

private func errno(_ body: () throws(Errno) -> Void) -> Errno? {
    do throws(Errno) { try body() } catch { return error }
    return nil
}

private func contents(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count <= 0 { return bytes }
        bytes.append(contentsOf: buffer[..<count])
    }
}

/// What a file system does: short at the end, nothing beyond.
private func elf(_ bytes: [UInt8]) throws(Errno) -> ElfFile {
    try ElfFile { offset, count throws(Errno) in
        guard offset < UInt64(bytes.count) else { return [] }
        return Array(bytes[Int(offset)...].prefix(count))
    }
}

private let nothing: SharedHostFD = {
    let descriptor = open("/dev/null", O_RDONLY)
    return SharedHostFD(HostFD(owning: descriptor))
}()

private func image(_ elf: ElfFile) -> ImageFile {
    ImageFile(elf: elf, file: MappedFile(name: Array("/x".utf8), device: 1, inode: 1, isWritable: false), host: nothing)
}

private func plan(_ bytes: [UInt8], interpreter: [UInt8]? = nil) throws(Errno) -> ImagePlan {
    var loader: ImageFile?
    if let interpreter { loader = image(try elf(interpreter)) }
    return try ImagePlan(
        ImageRequest(
            program: image(try elf(bytes)), interpreter: loader, arguments: [Array("prog".utf8), Array("a b".utf8)],
            environment: [Array("X=1".utf8)], fileName: Array("/bin/prog".utf8)))
}

/// What holds for every plan, whatever the file said.
private func expectSane(_ plan: ImagePlan) {
    for order in plan.orders {
        // Only mmap, always fixed, private, page-aligned, inside the workload's range.
        let (address, length, protection, flags, _, offset) = order.arguments
        #expect(order.number == 9 && flags & 0x12 == 0x12 && flags & 1 == 0 && protection & ~7 == 0)
        #expect(address % pageSize == 0 && length % pageSize == 0 && length > 0 && offset % pageSize == 0)
        #expect(address >= GuestLayout.workloadStart && length <= GuestLayout.workloadEnd && address <= GuestLayout.workloadEnd - length)
    }
    for (address, count) in plan.zeroFill {
        #expect(count > 0 && count < 4096)
        #expect(plan.memory.map.area(at: address)?.protection.contains(.PROT_WRITE) == true)
        #expect((address + UInt64(count)) % pageSize == 0)
    }
    #expect(plan.entry < GuestLayout.workloadEnd)
    #expect(plan.stackPointer % 16 == 0)
    let stack = plan.memory.map.area(at: plan.stackPointer)
    #expect(stack?.label == .stack)
    #expect(stack.map { plan.stackPointer + UInt64(plan.stackBytes.count) <= $0.end } == true)
}

@Suite struct LoaderTests {
    private let interpreter = "/lib64/ld-linux-x86-64.so.2"

    @Test(arguments: ["/bin/ls", "/bin/true", "/bin/sh"]) func plansTheProgramsOfThisMachine(path: String) throws {
        let bytes = contents(path)
        let file = try elf(bytes)
        #expect(file.isPositionIndependent && !file.hasExecutableStack && file.interpreterRange != nil)
        for _ in 0..<20 {
            let plan = try plan(bytes, interpreter: contents(interpreter))
            expectSane(plan)
            // Program, interpreter and stack; the heap has room behind the program.
            #expect(plan.memory.map.count >= 9)
            #expect(
                plan.memory.brkStart > 0x5555_0000_0000 && plan.memory.map.isFree(plan.memory.brkStart, plan.memory.brkStart + (1 << 30)))
        }
    }

    @Test func plansAStaticPositionIndependentProgram() throws {
        let plan = try plan(contents(interpreter))
        expectSane(plan)
        #expect(plan.memory.map.isFree(plan.memory.brkStart, plan.memory.brkStart + (1 << 30)))
    }

    @Test func refusesWhatIsNoProgram() {
        #expect(errno { () throws(Errno) in _ = try elf([]) } == .ENOEXEC)
        #expect(errno { () throws(Errno) in _ = try elf(Array("#!/bin/sh\n".utf8)) } == .ENOEXEC)
        let good = contents("/bin/true")
        for (offset, value) in [(0, 0), (4, 1), (5, 2), (16, 1), (16, 4), (18, 3), (54, 55), (56, 0)] as [(Int, UInt8)] {
            var bytes = good
            bytes[offset] = value
            #expect(errno { () throws(Errno) in _ = try elf(bytes) } == .ENOEXEC)
        }
        #expect(errno { () throws(Errno) in _ = try elf(Array(good[..<63])) } == .ENOEXEC)
        #expect(errno { () throws(Errno) in _ = try elf(Array(good[..<100])) } == .ENOEXEC)
    }

    @Test(arguments: ["/bin/true", "/lib64/ld-linux-x86-64.so.2"]) func survivesEveryCorruption(path: String) {
        let bytes = Array(contents(path).prefix(2048))
        var random = SeededGenerator(state: 42)
        let tableEnd = 64 + 56 * 14
        var planned = 0
        for _ in 0..<6000 {
            var broken = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let offset = Int.random(in: 0..<min(tableEnd, broken.count), using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: broken[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: broken[offset] = UInt8.random(in: 0...255, using: &random)
                default:
                    // A whole word of an awkward value.
                    let word = offset & ~7
                    let value = [0, 1, .max, 1 << 63, (1 << 47) - 1, .max - 4095, 0x7ffd_0000_0000].randomElement(using: &random) ?? 0
                    if word + 8 <= broken.count {
                        for index in 0..<8 { broken[word + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
                    }
                }
            }
            if let plan = try? plan(broken) {
                planned += 1
                expectSane(plan)
            }
        }
        #expect(planned > 0)
    }

    @Test func laterSegmentsLieOverEarlierOnes() throws {
        // ET_EXEC with two segments in the same page: text, then data with a tail.
        var bytes = [UInt8](repeating: 0, count: 8192)
        func put<T: FixedWidthInteger>(_ value: T, _ offset: Int) {
            for index in 0..<MemoryLayout<T>.size { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> T(index * 8)) }
        }
        put(0x464c_457f as UInt32, 0)
        put(0x0001_0102 as UInt32, 4)
        put(2 as UInt16, 16)
        put(62 as UInt16, 18)
        put(0x400_100 as UInt64, 24)
        put(64 as UInt64, 32)
        put(56 as UInt16, 54)
        put(2 as UInt16, 56)
        for (index, segment) in [(5, 0, 0x400_000, 0x900, 0xa00), (6, 0x900, 0x400_900, 0x100, 0x3000)].enumerated() {
            let at = 64 + index * 56
            put(1 as UInt32, at)
            put(UInt32(segment.0), at + 4)
            put(UInt64(segment.1), at + 8)
            put(UInt64(segment.2), at + 16)
            put(UInt64(segment.3), at + 32)
            put(UInt64(segment.4), at + 40)
            put(4096 as UInt64, at + 48)
        }
        let plan = try plan(bytes)
        expectSane(plan)
        #expect(plan.entry == 0x400_100)
        #expect(plan.memory.map.area(at: 0x400_000)?.protection == [.PROT_READ, .PROT_WRITE])
        #expect(plan.zeroFill.count == 1 && plan.zeroFill[0] == (0x400_a00, 0x600))
        #expect(plan.memory.map.covers(0x400_000, 0x404_000))
        #expect(plan.memory.brkStart >= 0x404_000)
    }

    @Test func laysTheStackOutAsLinuxDoes() throws {
        let plan = try plan(contents("/bin/true"), interpreter: contents(interpreter))
        let bytes = plan.stackBytes
        func word(_ index: Int) -> UInt64 { bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) } }
        func string(_ address: UInt64) -> String {
            let tail = bytes[Int(address - plan.stackPointer)...]
            return String(decoding: tail.prefix { $0 != 0 }, as: UTF8.self)
        }
        #expect(word(0) == 2)
        #expect(string(word(1)) == "prog" && string(word(2)) == "a b" && word(3) == 0)
        #expect(string(word(4)) == "X=1" && word(5) == 0)
        var auxiliary: [UInt64: UInt64] = [:]
        var index = 6
        while word(index) != 0 {
            auxiliary[word(index)] = word(index + 1)
            index += 2
        }
        #expect(auxiliary[6] == 4096 && auxiliary[4] == 56 && auxiliary[17] == 100)
        #expect(string(auxiliary[31] ?? 0) == "/bin/prog" && string(auxiliary[15] ?? 0) == "x86_64")
        #expect(auxiliary[25].map { $0 % 16 == 0 && $0 > plan.stackPointer } == true)
        #expect(auxiliary[9] != plan.entry && auxiliary[7].map { $0 != 0 && $0 < plan.entry } == true)
        // The program headers are where AT_PHDR says: in an area of the program.
        #expect(auxiliary[3].flatMap { plan.memory.map.area(at: $0) }?.file != nil)
        #expect(plan.auxiliaryVector.count == (index - 6 + 2) * 8)
        #expect(plan.argumentArea.upperBound == plan.environmentArea.lowerBound)
        #expect(string(plan.argumentArea.lowerBound) == "prog")
        #expect(plan.argumentArea.count == 9 && plan.environmentArea.count == 4)
    }

    @Test func givesTheStackRoomForWhatItHolds() throws {
        let elf = try elf(contents("/bin/true"))
        var request = ImageRequest(
            program: image(elf), interpreter: nil, arguments: (0..<1000).map { _ in [UInt8](repeating: 65, count: 4000) },
            environment: [], fileName: [])
        request.stackLimit = 0
        expectSane(try ImagePlan(request))
        request.stackLimit = .max
        expectSane(try ImagePlan(request))
    }
}

@Suite struct ScriptLineTests {
    private func parse(_ text: String) throws(Errno) -> (String, String?)? {
        guard let line = try ScriptLine(Array(Array(text.utf8).prefix(ScriptLine.bufferSize))) else { return nil }
        return (String(decoding: line.interpreter, as: UTF8.self), line.argument.map { String(decoding: $0, as: UTF8.self) })
    }

    @Test func readsInterpreterAndOneArgument() throws {
        #expect(try parse("\u{7f}ELF") == nil)
        #expect(try parse("#") == nil)
        #expect(try #require(try parse("#!/bin/sh\nrest")) == ("/bin/sh", nil))
        #expect(try #require(try parse("#! \t/bin/sh  -e  -x \t\n")) == ("/bin/sh", "-e  -x"))
        #expect(try #require(try parse("#!/bin/sh")) == ("/bin/sh", nil))
        #expect(try #require(try parse("#!/bin/sh \0 x\n")) == ("/bin/sh", nil))
    }

    @Test func refusesALineWithoutAWholeName() {
        for text in [
            "#!", "#!\n/bin/sh", "#!   \t\n", "#!\0", "#!/" + String(repeating: "a", count: 300), "#!" + String(repeating: " ", count: 300),
        ] {
            #expect(errno { () throws(Errno) in _ = try parse(text) } == .ENOEXEC)
        }
    }

    @Test func cutsALongArgumentOff() throws {
        let line = try #require(try parse("#!/bin/sh " + String(repeating: "a", count: 300)))
        #expect(line.0 == "/bin/sh")
        #expect(line.1?.count == 255 - "#!/bin/sh ".count)
    }
}

/// A small fixed generator, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
