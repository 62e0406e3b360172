// Host files by path, for the runtime: it runs with the caller's rights, outside the cage.
import HostSyscalls
import LinuxABI

/// Paths of the host as bytes, and the few calls that the runtime makes on them.
enum HostPath {
    /// Calls `body` with the address of `path` and a NUL. A path that has a NUL in it is cut there, as the host would.
    static func with<T>(_ path: [UInt8], _ body: (Int) -> T) -> T {
        var terminated = path
        terminated.append(0)
        return terminated.withUnsafeBytes { body(Int(bitPattern: $0.baseAddress)) }
    }

    /// One host call whose argument `position` is a path.
    static func call(
        _ number: Int, _ path: [UInt8], at position: Int = 1, directory: Int = -100, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0
    ) throws(Errno) -> Int {
        let result: Result<Int, Errno> = with(path) { address in
            do throws(Errno) {
                return .success(
                    position == 0 ? try fileCall(number, address, b, c, d) : try fileCall(number, directory, address, b, c, d))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Opens close-on-exec; `flags` as open(2) has them.
    static func open(_ path: [UInt8], flags: Int, mode: Int = 0o600, directory: Int32 = -100) throws(Errno) -> HostFD {
        HostFD(
            owning: Int32(
                truncatingIfNeeded: try call(HostSyscall.openat, path, directory: Int(directory), flags | 0o2000000, mode)))
    }

    static func open(_ path: String, flags: Int, mode: Int = 0o600) throws(Errno) -> HostFD {
        try open(Array(path.utf8), flags: flags, mode: mode)
    }

    static func makeDirectory(_ path: String, mode: Int) throws(Errno) {
        _ = try call(HostSyscall.mkdirat, Array(path.utf8), mode)
    }

    static func remove(_ path: String, isDirectory: Bool = false) {
        _ = try? call(HostSyscall.unlinkat, Array(path.utf8), isDirectory ? 0x200 : 0)
    }

    static func rename(_ path: String, to newPath: String) throws(Errno) {
        let result: Result<Int, Errno> = with(Array(path.utf8)) { old in
            with(Array(newPath.utf8)) { new in
                do throws(Errno) { return .success(try fileCall(HostSyscall.renameat2, -100, old, -100, new, 0)) } catch {
                    return .failure(error)
                }
            }
        }
        _ = try result.get()
    }

    /// A whole small file, at most `limit` bytes.
    static func read(_ path: String, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        let file = try open(path, flags: 0)
        return try read(file, limit: limit)
    }

    static func read(_ file: borrowing HostFD, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while bytes.count < limit {
            let count = try fileCall(HostSyscall.read, Int(file.rawValue), Int(bitPattern: buffer.baseAddress), buffer.count)
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return bytes
    }

    static func write(_ file: Int32, _ bytes: [UInt8]) throws(Errno) {
        var position = 0
        while position < bytes.count {
            let result: Result<Int, Errno> = bytes.withUnsafeBytes { buffer in
                do throws(Errno) {
                    let address = Int(bitPattern: buffer.baseAddress) + position
                    return .success(try fileCall(HostSyscall.write, Int(file), address, buffer.count - position))
                } catch { return .failure(error) }
            }
            position += try result.get()
        }
    }

    /// Writes an existing file (of /proc) or a new one.
    static func write(_ path: String, _ text: String, flags: Int = 0o1) throws(Errno) {
        let file = try open(path, flags: flags)
        try write(file.rawValue, Array(text.utf8))
    }

    /// Where an open descriptor's file is, as the kernel names it.
    static func path(of descriptor: Int32) throws(Errno) -> [UInt8] {
        try HostDirectory.readlink(-100, Array("/proc/self/fd/\(descriptor)".utf8))
    }

    static func names(in path: String) -> [String] {
        // O_DIRECTORY
        guard let directory = try? open(path, flags: 0o200000) else { return [] }
        var names: [String] = []
        while let page = try? HostDirectory.entries(directory.rawValue, byteCount: 32 << 10), !page.isEmpty {
            for entry in page where entry.name != [0x2e] && entry.name != [0x2e, 0x2e] {
                names.append(String(decoding: entry.name, as: UTF8.self))
            }
        }
        return names
    }

    /// A memfd that holds `bytes`, at its start.
    static func memoryFile(_ name: String, _ bytes: [UInt8]) throws(Errno) -> HostFD {
        // MFD_CLOEXEC
        let file = HostFD(owning: Int32(truncatingIfNeeded: try call(HostSyscall.memfd_create, Array(name.utf8), at: 0, 1)))
        try write(file.rawValue, bytes)
        return file
    }
}

/// Plain absolute paths inside a sandbox, by text alone.
enum GuestPath {
    /// `path`, from `base` if it is relative, without `.`, `..` and doubled slashes. `..` at the root stays there.
    static func normalized(_ path: [UInt8], from base: [UInt8] = [0x2f]) -> [UInt8] {
        let whole = path.first == 0x2f ? path : base + [0x2f] + path
        var parts: [ArraySlice<UInt8>] = []
        for part in whole.split(separator: 0x2f) where part != [0x2e] {
            if part == [0x2e, 0x2e] { _ = parts.popLast() } else { parts.append(part) }
        }
        return [0x2f] + Array(parts.joined(separator: [0x2f]))
    }

    /// Whether `path` is `ancestor` or lies below it; both normalized.
    static func isInside(_ path: [UInt8], _ ancestor: [UInt8]) -> Bool {
        ancestor == [0x2f] || path == ancestor || path.starts(with: ancestor + [0x2f])
    }

    static func depth(_ path: [UInt8]) -> Int { path.split(separator: 0x2f).count }
}
