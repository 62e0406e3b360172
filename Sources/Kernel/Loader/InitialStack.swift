import LinuxABI

/// The stack that a new program starts on (Linux's create_elf_tables): from the stack pointer up: argc, argv, NULL, envp, NULL, the
/// auxiliary vector, then the strings.
public struct InitialStack {
    /// Keys of the auxiliary vector (linux/auxvec.h).
    public enum Key: UInt64, Sendable {
        case AT_NULL = 0
        case AT_PHDR = 3
        case AT_PHENT = 4
        case AT_PHNUM = 5
        case AT_PAGESZ = 6
        case AT_BASE = 7
        case AT_FLAGS = 8
        case AT_ENTRY = 9
        case AT_UID = 11
        case AT_EUID = 12
        case AT_GID = 13
        case AT_EGID = 14
        case AT_PLATFORM = 15
        case AT_HWCAP = 16
        case AT_CLKTCK = 17
        case AT_SECURE = 23
        case AT_RANDOM = 25
        case AT_HWCAP2 = 26
        case AT_RSEQ_FEATURE_SIZE = 27
        case AT_RSEQ_ALIGN = 28
        case AT_EXECFN = 31
        case AT_SYSINFO_EHDR = 33
        case AT_MINSIGSTKSZ = 51
    }

    public let stackPointer: UInt64
    public let bytes: [UInt8]
    public let argumentArea: Range<UInt64>
    public let environmentArea: Range<UInt64>
    public let auxiliaryVector: [UInt8]

    /// - Parameters:
    ///   - top: the end of the stack, 16-byte aligned, with room below for all that is given.
    ///   - random: what AT_RANDOM shows.
    ///   - auxiliary: the pairs but AT_NULL. AT_RANDOM, AT_EXECFN and AT_PLATFORM get their addresses here.
    public init(
        top: UInt64, arguments: [[UInt8]], environment: [[UInt8]], fileName: [UInt8], random: (UInt64, UInt64),
        auxiliary: [(Key, UInt64)]
    ) {
        // The strings, in the order Linux has them: arguments, environment, the file's name, and 8 zero bytes at the very top.
        var strings: [UInt8] = []
        var offsets: [UInt64] = []
        for string in arguments + environment {
            offsets.append(UInt64(strings.count))
            strings.append(contentsOf: string)
            strings.append(0)
        }
        let argumentsLength = UInt64(arguments.reduce(0) { $0 + $1.count + 1 })
        let environmentLength = UInt64(strings.count) - argumentsLength
        let fileNameOffset = UInt64(strings.count)
        strings.append(contentsOf: fileName)
        strings.append(contentsOf: [UInt8](repeating: 0, count: 1 + 8))

        let stringsStart = top - UInt64(strings.count)
        let platform = Array("x86_64\0".utf8)
        let platformStart = (stringsStart - UInt64(platform.count)) & ~15
        let randomStart = platformStart - 16
        let wordCount = 1 + arguments.count + 1 + environment.count + 1 + (auxiliary.count + 1) * 2
        let pointer = (randomStart - UInt64(wordCount * 8)) & ~15

        var result: [UInt8] = []
        result.reserveCapacity(Int(top - pointer))
        func put(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { result.append(contentsOf: $0) } }
        func pad(to address: UInt64) {
            result.append(contentsOf: [UInt8](repeating: 0, count: Int(address - pointer) - result.count))
        }
        put(UInt64(arguments.count))
        for offset in offsets[..<arguments.count] { put(stringsStart + offset) }
        put(0)
        for offset in offsets[arguments.count...] { put(stringsStart + offset) }
        put(0)
        let auxiliaryStart = result.count
        for (key, value) in auxiliary {
            put(key.rawValue)
            switch key {
            case .AT_RANDOM: put(randomStart)
            case .AT_EXECFN: put(stringsStart + fileNameOffset)
            case .AT_PLATFORM: put(platformStart)
            default: put(value)
            }
        }
        put(Key.AT_NULL.rawValue)
        put(0)
        auxiliaryVector = Array(result[auxiliaryStart...])
        pad(to: randomStart)
        put(random.0)
        put(random.1)
        result.append(contentsOf: platform)
        pad(to: stringsStart)
        result.append(contentsOf: strings)

        stackPointer = pointer
        bytes = result
        argumentArea = stringsStart..<stringsStart + argumentsLength
        environmentArea = argumentArea.upperBound..<argumentArea.upperBound + environmentLength
    }
}
