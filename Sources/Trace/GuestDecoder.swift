// What an argument's pointer leads to, as text. Everything is the workload's: counts are bounded, faults give the bare address.
import LinuxABI
import VFS

/// Reads a guest's memory for the trace.
struct GuestDecoder {
    let memory: any GuestCopying

    /// Bytes of a buffer or string that are shown, elements of an array, bytes of a path.
    static let byteLimit = 32
    static let elementLimit = 16
    static let pathLimit = 4096

    // MARK: Arguments

    /// The text of an argument before the call; nil if only the call makes it known.
    func textBefore(_ format: SyscallFormat, index: Int, _ arguments: SyscallArguments) -> String? {
        let raw = arguments[index]
        switch format.arguments[index] {
        case .scalar(let scalar): return scalarText(raw, scalar)
        case .flags(let set): return set.text(raw)
        case .pointer(.output, _, _): return nil
        case .pointer(_, let pointee, let count): return text(raw, pointee, count: self.count(count, arguments, result: nil))
        }
    }

    /// The text of what the call wrote; nil for what it only read.
    func textAfter(_ format: SyscallFormat, index: Int, _ arguments: SyscallArguments, result: Int64?) -> String? {
        guard case .pointer(let direction, let pointee, let count) = format.arguments[index] else { return nil }
        if case .input = direction { return nil }
        guard let result, result >= 0 || result < -4095 else {
            if case .output = direction { return scalarText(arguments[index], .addr) }
            return nil
        }
        return text(arguments[index], pointee, count: self.count(count, arguments, result: result))
    }

    private enum Count {
        case one
        case many(UInt64)
    }

    private func count(_ format: CountFormat, _ arguments: SyscallArguments, result: Int64?) -> Count {
        switch format {
        case .one: .one
        case .fixed(let number): .many(UInt64(clamping: number))
        // Counts are `int` or `size_t`; a negative int is no count at all.
        case .argument(let index): .many(arguments[index])
        case .argumentOrResult(let index): .many(result.map { min(UInt64(clamping: $0), arguments[index]) } ?? arguments[index])
        }
    }

    // MARK: Pointees

    private func text(_ raw: UInt64, _ pointee: PointeeFormat, count: Count) -> String {
        let bare = scalarText(raw, .addr)
        if raw == 0 { return bare }
        let address = UserAddress(raw)
        let number =
            switch count {
            case .one: UInt64(1)
            case .many(let number): number
            }
        switch pointee {
        case .bytes: return bytesText(address, number) ?? bare
        case .path: return stringText(address, limit: GuestDecoder.pathLimit) ?? bare
        case .string: return stringText(address, limit: 256) ?? bare
        case .strings: return stringsText(address) ?? bare
        case .environment: return pointerCount(address).map { "\(bare) /* \($0) vars */" } ?? bare
        case .iovec: return vectorText(address, number) ?? bare
        case .sockaddr: return socketAddressText(address, number, isBounded: isMany(count)) ?? bare
        case .fdSet: return descriptorSetText(address, number) ?? bare
        case .openHow, .cloneArguments: return structText(address, pointee) ?? bare
        case .opaque: return bare
        default: break
        }
        guard case .many = count else { return structText(address, pointee) ?? bare }
        guard let size = elementSize(pointee) else { return bare }
        let shown = Int(min(number, UInt64(GuestDecoder.elementLimit)))
        var elements: [String] = []
        for index in 0..<shown {
            guard let element = structText(address + index * size, pointee, inArray: true) else { return bare }
            elements.append(element)
        }
        if number > UInt64(shown) { elements.append("...") }
        return "[" + elements.joined(separator: ", ") + "]"
    }

    private func isMany(_ count: Count) -> Bool { if case .many = count { true } else { false } }

    private func elementSize(_ pointee: PointeeFormat) -> Int? {
        switch pointee {
        case .int, .uint: 4
        case .long, .ulong, .off, .hex, .pollfd: 8
        case .timespec, .timeval: 16
        case .epollEvent: 12
        default: nil
        }
    }

    private func bytesText(_ address: UserAddress, _ count: UInt64) -> String? {
        let shown = Int(min(count, UInt64(GuestDecoder.byteLimit)))
        guard let bytes = try? memory.copyIn(address, count: shown) else { return nil }
        return quoted(bytes, limit: shown, hasMore: count > UInt64(shown))
    }

    /// Up to `limit` bytes to the first NUL, read in pieces that cross no page boundary: the next page may not be there.
    private func string(_ address: UserAddress, limit: Int) -> (bytes: [UInt8], isWhole: Bool)? {
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let position = address + bytes.count
            let piece = min(256 - Int(position.rawValue & 255), limit - bytes.count)
            guard let part = try? memory.copyIn(position, count: piece) else { return nil }
            if let end = part.firstIndex(of: 0) { return (bytes + part[..<end], true) }
            bytes += part
        }
        return (bytes, false)
    }

    private func stringText(_ address: UserAddress, limit: Int) -> String? {
        string(address, limit: limit).map { quoted($0.bytes, limit: limit, hasMore: !$0.isWhole) }
    }

    private func stringsText(_ address: UserAddress) -> String? {
        var texts: [String] = []
        while true {
            guard let pointer = try? memory.copyIn(address + 8 * texts.count, as: UInt64.self) else { return nil }
            if pointer == 0 { break }
            if texts.count == GuestDecoder.elementLimit {
                texts.append("...")
                break
            }
            texts.append(stringText(UserAddress(pointer), limit: 256) ?? hexadecimal(pointer))
        }
        return "[" + texts.joined(separator: ", ") + "]"
    }

    /// The number of pointers before the first NULL, 1,000 at most.
    private func pointerCount(_ address: UserAddress) -> Int? {
        for index in 0..<1000 {
            guard let pointer = try? memory.copyIn(address + 8 * index, as: UInt64.self) else { return nil }
            if pointer == 0 { return index }
        }
        return 1000
    }

    private func vectorText(_ address: UserAddress, _ count: UInt64) -> String? {
        var texts: [String] = []
        for index in 0..<Int(min(count, UInt64(GuestDecoder.elementLimit))) {
            guard let words = self.words(address + 16 * index, 2) else { return nil }
            texts.append("{iov_base=\(bytesText(UserAddress(words[0]), words[1]) ?? scalarText(words[0], .addr)), iov_len=\(words[1])}")
        }
        if count > UInt64(texts.count) { texts.append("...") }
        return "[" + texts.joined(separator: ", ") + "]"
    }

    private func descriptorSetText(_ address: UserAddress, _ count: UInt64) -> String? {
        let bits = Int(min(count, 1024))
        guard let bytes = try? memory.copyIn(address, count: (bits + 63) / 64 * 8) else { return nil }
        let set = (0..<bits).filter { bytes[$0 / 8] >> UInt8($0 % 8) & 1 != 0 }
        return "[" + set.map(String.init).joined(separator: " ") + "]"
    }

    private func socketAddressText(_ address: UserAddress, _ count: UInt64, isBounded: Bool) -> String? {
        let length = isBounded ? Int(min(count, 110)) : 28
        guard length >= 2, let bytes = try? memory.copyIn(address, count: length) else { return nil }
        let port = { Int(bytes[2]) << 8 | Int(bytes[3]) }
        switch Int(bytes[0]) | Int(bytes[1]) << 8 {
        case 1:
            let path = bytes[2...]
            if path.first == 0 { return "{sa_family=AF_UNIX, sun_path=@\(quoted(Array(path.dropFirst()), limit: 108))}" }
            return "{sa_family=AF_UNIX, sun_path=\(quoted(Array(path.prefix { $0 != 0 }), limit: 108))}"
        case 2 where length >= 8:
            return "{sa_family=AF_INET, sin_port=\(port()), sin_addr=\(bytes[4..<8].map(String.init).joined(separator: "."))}"
        case 10 where length >= 24:
            let groups = stride(from: 8, to: 24, by: 2).map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
            return "{sa_family=AF_INET6, sin6_port=\(port()), sin6_addr=\(groups.joined(separator: ":"))}"
        case let family: return "{sa_family=\(FlagSet.address_family.text(UInt64(family)))}"
        }
    }

    /// `count` words of 8 bytes.
    func words(_ address: UserAddress, _ count: Int) -> [UInt64]? {
        guard let bytes = try? memory.copyIn(address, count: count * 8) else { return nil }
        return stride(from: 0, to: bytes.count, by: 8).map { start in
            bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// An iovec array inside another structure.
    func vector(_ address: UInt64, _ count: UInt64) -> String {
        vectorText(UserAddress(address), count) ?? scalarText(address, .addr)
    }

    func socketAddress(_ address: UInt64, _ count: UInt64) -> String {
        socketAddressText(UserAddress(address), count, isBounded: true) ?? scalarText(address, .addr)
    }

    func namedField(_ bytes: ArraySlice<UInt8>) -> String { quoted(Array(bytes.prefix { $0 != 0 }), limit: 64) }
}
