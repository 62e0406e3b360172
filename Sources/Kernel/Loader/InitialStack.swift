import LinuxABI

/// The stack that a new program starts on (arch-independent part of Linux's binfmt_elf.c): from the stack pointer up: argc, argv, NULL,
/// envp, NULL, the auxiliary vector, then the strings.
struct InitialStack {
    let stackPointer: UInt64
    let bytes: [UInt8]
    let argumentArea: Range<UInt64>
    let environmentArea: Range<UInt64>
    let auxiliaryVector: [UInt8]

    /// - Parameters:
    ///   - top: the end of the stack, 16-byte aligned.
    ///   - auxiliary: pairs; AT_RANDOM (25), AT_EXECFN (31) and AT_PLATFORM (15) are added here, and AT_NULL.
    ///   - random: 16 bytes.
    init(
        top: UInt64, arguments: [[UInt8]], environment: [[UInt8]], fileName: [UInt8], random: [UInt8], auxiliary: [(UInt64, UInt64)]
    ) {
        // The strings, in the order Linux has them: arguments, environment, the file's name, and 8 zero bytes at the very top.
        var strings: [UInt8] = []
        var offsets: [Int] = []
        for string in arguments + environment {
            offsets.append(strings.count)
            strings.append(contentsOf: string)
            strings.append(0)
        }
        let argumentsLength = arguments.reduce(0) { $0 + $1.count + 1 }
        let environmentLength = strings.count - argumentsLength
        let fileNameOffset = strings.count
        strings.append(contentsOf: fileName)
        strings.append(0)
        strings.append(contentsOf: [UInt8](repeating: 0, count: 8))

        let stringsStart = top - UInt64(strings.count)
        let platform = Array("x86_64\0".utf8)
        let platformStart = (stringsStart - UInt64(platform.count)) & ~15
        let randomStart = platformStart - 16

        var pairs = auxiliary
        pairs.append((25, randomStart))
        pairs.append((31, stringsStart + UInt64(fileNameOffset)))
        pairs.append((15, platformStart))
        pairs.append((0, 0))

        let wordCount = 1 + arguments.count + 1 + environment.count + 1 + pairs.count * 2
        let pointer = (randomStart - UInt64(wordCount * 8)) & ~15

        var result: [UInt8] = []
        result.reserveCapacity(Int(top - pointer))
        func put(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { result.append(contentsOf: $0) } }
        put(UInt64(arguments.count))
        for offset in offsets[..<arguments.count] { put(stringsStart + UInt64(offset)) }
        put(0)
        for offset in offsets[arguments.count...] { put(stringsStart + UInt64(offset)) }
        put(0)
        let auxiliaryStart = result.count
        for (key, value) in pairs {
            put(key)
            put(value)
        }
        auxiliaryVector = Array(result[auxiliaryStart...])
        func pad(to address: UInt64) {
            result.append(contentsOf: [UInt8](repeating: 0, count: Int(address - pointer) - result.count))
        }
        pad(to: randomStart)
        result.append(contentsOf: random.prefix(16))
        pad(to: platformStart)
        result.append(contentsOf: platform)
        pad(to: stringsStart)
        result.append(contentsOf: strings)

        stackPointer = pointer
        bytes = result
        argumentArea = stringsStart..<stringsStart + UInt64(argumentsLength)
        environmentArea = argumentArea.upperBound..<argumentArea.upperBound + UInt64(environmentLength)
    }
}
