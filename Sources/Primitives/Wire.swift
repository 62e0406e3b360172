/// Writes a message of fixed little-endian integers and length-prefixed bytes: the form of gofer requests and control messages.
public struct WireWriter {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func put<T: FixedWidthInteger>(_ value: T) {
        var rest = value.littleEndian
        withUnsafeBytes(of: &rest) { bytes.append(contentsOf: $0) }
    }

    /// A count of 4 bytes, then the bytes.
    public mutating func put(_ data: [UInt8]) {
        put(UInt32(data.count))
        bytes.append(contentsOf: data)
    }

    public mutating func put(_ text: String) { put(Array(text.utf8)) }
}

/// A message that is too short, too long or malformed. The sender is not trusted.
public struct WireError: Error {
    public init() {}
}

/// Reads what ``WireWriter`` wrote. Every read is bounds-checked: the sender is not trusted.
public struct WireReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    public var remaining: Int { bytes.endIndex - position }

    public mutating func get<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(WireError) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw WireError() }
        var value: T = 0
        for index in 0..<size { value |= T(truncatingIfNeeded: bytes[position + index]) << T(8 * index) }
        position += size
        return value
    }

    public mutating func getBytes() throws(WireError) -> [UInt8] {
        let count = Int(try get(UInt32.self))
        guard remaining >= count else { throw WireError() }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    public mutating func getString() throws(WireError) -> String {
        let data = try getBytes()
        guard let text = String(validating: data, as: UTF8.self) else { throw WireError() }
        return text
    }
}
