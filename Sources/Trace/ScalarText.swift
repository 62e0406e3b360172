// Integers, results and sets of constants as text.
import Glibc
import LinuxABI

func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

func octal(_ value: UInt64) -> String { value == 0 ? "0" : "0" + String(value, radix: 8) }

/// `value` with leading zeros.
func padded(_ value: UInt64, to width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// An argument or a successful result.
func scalarText(_ raw: UInt64, _ format: ScalarFormat) -> String {
    switch format {
    case .fd, .int, .pid: return String(Int32(truncatingIfNeeded: raw))
    case .dirfd:
        let number = Int32(truncatingIfNeeded: raw)
        return number == -100 ? "AT_FDCWD" : String(number)
    case .signal: return signalName(Int32(truncatingIfNeeded: raw))
    case .uint: return String(UInt32(truncatingIfNeeded: raw))
    case .mode, .octal: return octal(raw & 0xffff_ffff)
    case .uid, .gid:
        let id = UInt32(truncatingIfNeeded: raw)
        return id == .max ? "-1" : String(id)
    case .dev: return hexadecimal(raw & 0xffff_ffff)
    case .long, .off: return String(Int64(bitPattern: raw))
    case .ulong, .size: return String(raw)
    case .hex: return hexadecimal(raw)
    case .addr: return raw == 0 ? "NULL" : hexadecimal(raw)
    }
}

/// A call's result: nil for one that does not return.
func resultText(_ result: Int64?, _ format: ScalarFormat) -> String {
    guard let result else { return "?" }
    if result < 0 && result > -4096 {
        let number = Int32(-result)
        guard let text = strerror(number) else { return "-1 \(Errno(number))" }
        return "-1 \(Errno(number)) (\(String(cString: text)))"
    }
    return scalarText(UInt64(bitPattern: result), format)
}

extension FlagSet {
    /// The names of what `raw` holds, joined as in C; the rest as a number.
    func text(_ raw: UInt64) -> String {
        let value =
            switch scalar {
            case .int, .uint, .fd, .mode: raw & 0xffff_ffff
            default: raw
            }
        if isEnumeration {
            if let entry = entries.first(where: { $0.value == value }) { return entry.name }
            return scalarText(raw, scalar)
        }
        var names: [String] = []
        var decided: UInt64 = 0
        for entry in entries where decided & entry.mask == 0 && value & entry.mask == entry.value {
            names.append(entry.name)
            decided |= entry.mask
        }
        // Bits of a field that no entry names stay in the rest.
        let rest = value & ~decided
        if rest != 0 { names.append(hexadecimal(rest)) }
        return names.isEmpty ? "0" : names.joined(separator: "|")
    }
}

private let signalNames = [
    "0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
    "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
    "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
]

/// `SIGINT`, `SIGRT_3`, or the number if there is no such signal.
func signalName(_ number: Int32) -> String {
    if signalNames.indices.contains(Int(number)) { return signalNames[Int(number)] }
    return (32...64).contains(number) ? "SIGRT_\(number - 32)" : String(number)
}

/// A signal set as strace shows it: the names without SIG; the complement if most are in it.
func signalSetText(_ set: UInt64) -> String {
    let isComplement = set.nonzeroBitCount > 32
    let shown = isComplement ? ~set : set
    let names = (1...64).filter { shown >> UInt64($0 - 1) & 1 != 0 }.map { number -> String in
        let name = signalName(Int32(number))
        return String(name.dropFirst(3))
    }
    return (isComplement ? "~[" : "[") + names.joined(separator: " ") + "]"
}

/// Bytes in quotation marks, what is not printable escaped, `limit` of them at most.
func quoted(_ bytes: [UInt8], limit: Int, hasMore: Bool = false) -> String {
    var text = "\""
    for byte in bytes.prefix(limit) {
        switch byte {
        case UInt8(ascii: "\n"): text += "\\n"
        case UInt8(ascii: "\t"): text += "\\t"
        case UInt8(ascii: "\r"): text += "\\r"
        case UInt8(ascii: "\""): text += "\\\""
        case UInt8(ascii: "\\"): text += "\\\\"
        case 0x20..<0x7f: text.unicodeScalars.append(Unicode.Scalar(byte))
        default: text += "\\" + String(byte, radix: 8)
        }
    }
    return text + (hasMore || bytes.count > limit ? "\"..." : "\"")
}
