// Lists, optionals and flags in the wire form of integers and bytes.
import Primitives

public enum ControlLimits {
    /// Changes with every change of a configuration or message: both ends are of one build, or the message is refused.
    public static let version: UInt32 = 1
    /// The longest message on the control socket and to the supervisor.
    public static let message = 128 << 10
    /// Connections that a sentry serves at once.
    public static let connections = 32
}

extension WireWriter {
    mutating func putFlag(_ value: Bool) { put(UInt8(value ? 1 : 0)) }

    mutating func putList<Element>(_ list: [Element], _ putElement: (inout WireWriter, Element) -> Void) {
        put(UInt32(list.count))
        for element in list { putElement(&self, element) }
    }

    mutating func putOptional<Value>(_ value: Value?, _ putValue: (inout WireWriter, Value) -> Void) {
        putFlag(value != nil)
        if let value { putValue(&self, value) }
    }
}

extension WireReader {
    mutating func getFlag() throws(WireError) -> Bool {
        switch try get(UInt8.self) {
        case 0: false
        case 1: true
        default: throw WireError()
        }
    }

    /// A list's count, no more than the rest of the message can hold.
    mutating func getCount() throws(WireError) -> Int {
        let count = Int(try get(UInt32.self))
        guard count <= remaining else { throw WireError() }
        return count
    }

    mutating func getByteStrings() throws(WireError) -> [[UInt8]] {
        var list: [[UInt8]] = []
        for _ in 0..<(try getCount()) { list.append(try getBytes()) }
        return list
    }

    mutating func getIntegers<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(WireError) -> [T] {
        var list: [T] = []
        for _ in 0..<(try getCount()) { list.append(try get(T.self)) }
        return list
    }
}
