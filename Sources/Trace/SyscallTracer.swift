// --strace: one line per call, in strace(1)'s manner, from the formats generated out of the table.
import HostSyscalls
import Kernel
import LinuxABI

/// Writes a line for every call that ends: `[pid] name(arguments) = result <seconds>`. Called with the kernel lock held.
///
/// Input is read from the guest's memory when the call begins, output when it has succeeded. What another thread changes meanwhile
/// shows as it is found: the trace is for people, nothing is decided by it.
public final class SyscallTracer: SyscallTracing {
    /// A call that has begun.
    private struct Entry {
        let number: UInt64
        let startNanoseconds: UInt64
        /// The arguments' text, as far as it is known before the call.
        let before: [String?]
    }

    private let output: Int32
    /// By task: an exec may change the thread id in the middle of a call. A task that is killed in one leaves its entry to the next that
    /// gets its place in memory, so the most there ever were at once bounds it.
    private var entries: [ObjectIdentifier: Entry] = [:]

    /// - Parameter output: a host descriptor, borrowed.
    public init(output: Int32) { self.output = output }

    public func enter(_ task: Task, _ number: UInt64, _ arguments: SyscallArguments) {
        var before: [String?] = []
        if let format = SyscallFormat.format(of: number) {
            let decoder = GuestDecoder(memory: task.memory)
            before = format.arguments.indices.map { decoder.textBefore(format, index: $0, arguments) }
            if number == SyscallNumber.exit || number == SyscallNumber.exit_group {
                // Nothing comes after.
                return write("[\(task.tid)] \(format.name)(\(before.compactMap(\.self).joined(separator: ", "))) = ?\n")
            }
        }
        entries[ObjectIdentifier(task)] = Entry(number: number, startNanoseconds: HostClock.monotonic, before: before)
    }

    public func exit(_ task: Task, _ number: UInt64, _ arguments: SyscallArguments, result: Int64?) {
        // The first program starts without a call of its own.
        guard let entry = entries.removeValue(forKey: ObjectIdentifier(task)), entry.number == number else { return }
        var line = "[\(task.tid)] "
        if let format = SyscallFormat.format(of: number) {
            let decoder = GuestDecoder(memory: task.memory)
            let texts = shownArguments(format, arguments).map { index in
                let before = entry.before[index]
                let after = decoder.textAfter(format, index: index, arguments, result: result)
                guard let before, let after, before != after else { return after ?? before ?? hexadecimal(arguments[index]) }
                return "\(before) => \(after)"
            }
            line += "\(format.name)(\(texts.joined(separator: ", "))) = \(resultText(result, format.result))"
        } else {
            let texts = (0..<6).map { hexadecimal(arguments[$0]) }
            line += "syscall_\(number)(\(texts.joined(separator: ", "))) = \(resultText(result, .long))"
        }
        let duration = HostClock.monotonic &- entry.startNanoseconds
        line += " <\(duration / 1_000_000_000).\(padded(duration % 1_000_000_000 / 1000, to: 6))>"
        write(line + "\n")
    }

    /// open(2) and openat(2) look at the mode only if they may create.
    private func shownArguments(_ format: SyscallFormat, _ arguments: SyscallArguments) -> [Int] {
        let all = Array(format.arguments.indices)
        let creating: UInt64 = 0x40 | 0x40_0000
        switch format.name {
        case "open" where arguments.a1 & creating == 0: return [0, 1]
        case "openat" where arguments.a2 & creating == 0: return [0, 1, 2]
        default: return all
        }
    }

    /// Writes the whole line, or what of it the descriptor takes: a trace that cannot be written must not stop the sandbox.
    private func write(_ line: String) {
        let bytes = Array(line.utf8)
        var done = 0
        while done < bytes.count {
            let result = bytes.withUnsafeBytes {
                rawHostCall(HostSyscall.write, Int(output), Int(bitPattern: $0.baseAddress) + done, bytes.count - done)
            }
            if result == -4 { continue }
            if result <= 0 { return }
            done += result
        }
    }
}
