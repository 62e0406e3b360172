import LinuxABI

/// The first line of a script: `#!interpreter [argument]` (Linux's binfmt_script.c).
public struct ScriptLine: Equatable {
    /// BINPRM_BUF_SIZE: what of a file decides how it is executed.
    public static let bufferSize = 256

    public let interpreter: [UInt8]
    /// Everything after the interpreter, as one argument.
    public let argument: [UInt8]?

    /// nil if the file does not begin with `#!`.
    ///
    /// - Parameter head: the file's first ``bufferSize`` bytes, fewer if it is shorter.
    /// - Throws: `ENOEXEC` if no interpreter is named, or its name may go on beyond the buffer.
    public init?(_ head: [UInt8]) throws(Errno) {
        guard head.count >= 2, head[0] == UInt8(ascii: "#"), head[1] == UInt8(ascii: "!") else { return nil }
        // Linux pads the buffer with zeros and never looks at its last byte but for a newline.
        let isWholeLine = head.firstIndex(of: 10).map { newline in !head[..<newline].contains(0) } ?? false
        let line = isWholeLine ? head[2...] : head[2..<min(head.count, ScriptLine.bufferSize - 1)]
        let isBlank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 }
        let end = line.firstIndex { $0 == 10 || $0 == 0 }
        let text = line[..<(end ?? line.endIndex)].drop(while: isBlank)
        let nameEnd = text.firstIndex(where: isBlank) ?? text.endIndex
        let isCutOff = nameEnd == line.endIndex && end == nil && head.count >= ScriptLine.bufferSize
        guard nameEnd > text.startIndex, !isCutOff else { throw .ENOEXEC }
        interpreter = Array(text[..<nameEnd])
        var rest = text[nameEnd...].drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        argument = rest.isEmpty ? nil : Array(rest)
    }
}
