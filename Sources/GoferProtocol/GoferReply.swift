import LinuxABI
import Primitives

/// A file that a reply names: one more reference to its node for the client.
public struct GoferEntry: Equatable, Sendable {
    public var node: GoferNodeID
    public var attributes: GoferAttributes
    /// A symbolic link's text; nil for other types, and if it could not be read.
    public var linkText: [UInt8]?

    public init(node: GoferNodeID, attributes: GoferAttributes, linkText: [UInt8]?) {
        self.node = node
        self.attributes = attributes
        self.linkText = linkText
    }
}

/// The answer to a walk: what was found, and why it ended before the last name, if it did.
public struct GoferWalk: Equatable, Sendable {
    public var entries: [GoferEntry]
    /// The error of the name after the last entry: `ENOENT` for a missing name. nil if all were found, or the last entry is a
    /// symbolic link or no directory.
    public var error: Errno?

    public init(entries: [GoferEntry], error: Errno?) {
        self.entries = entries
        self.error = error
    }
}

/// One directory entry with its attributes. It names no node.
public struct GoferDirectoryEntry: Equatable, Sendable {
    public var name: [UInt8]
    /// Where reading goes on after it.
    public var next: Int64
    /// What getdents64 says; the attributes are better where there are some.
    public var inode: UInt64
    public var direntType: UInt8
    /// nil for `.` and `..`, and if the file vanished meanwhile.
    public var attributes: GoferAttributes?
    public var linkText: [UInt8]?

    public init(
        name: [UInt8], next: Int64, inode: UInt64, direntType: UInt8, attributes: GoferAttributes?, linkText: [UInt8]?
    ) {
        self.name = name
        self.next = next
        self.inode = inode
        self.direntType = direntType
        self.attributes = attributes
        self.linkText = linkText
    }

    /// An upper bound of its size in a message.
    public var encodedSize: Int { name.count + (linkText?.count ?? 0) + 200 }
}

/// A part of a directory.
public struct GoferDirectoryPage: Equatable, Sendable {
    public var entries: [GoferDirectoryEntry]
    public var isLast: Bool

    public init(entries: [GoferDirectoryEntry], isLast: Bool) {
        self.entries = entries
        self.isLast = isLast
    }
}

/// statfs(2)'s answer.
public struct GoferFileSystemStatus: Equatable, Sendable {
    public var magic: UInt64 = 0
    public var blockSize: UInt64 = 0
    public var blocks: UInt64 = 0
    public var freeBlocks: UInt64 = 0
    public var availableBlocks: UInt64 = 0
    public var files: UInt64 = 0
    public var freeFiles: UInt64 = 0
    public var nameLength: UInt64 = 0

    public init() {}
}

/// The body of a successful reply; which one follows from the request.
public enum GoferReply: Equatable, Sendable {
    case done
    case root(GoferEntry, isReadOnly: Bool)
    case entry(GoferEntry)
    case walk(GoferWalk)
    case attributes(GoferAttributes)
    case directory(GoferDirectoryPage)
    case bytes([UInt8])
    case names([[UInt8]])
    case fileSystem(GoferFileSystemStatus)

    private var kind: UInt8 {
        switch self {
        case .done: 0
        case .root: 1
        case .entry: 2
        case .walk: 3
        case .attributes: 4
        case .directory: 5
        case .bytes: 6
        case .names: 7
        case .fileSystem: 8
        }
    }

    /// The message for the request `id`.
    public func encoded(id: UInt64) -> [UInt8] {
        var writer = WireWriter()
        writer.put(id)
        writer.put(Int32(0))
        writer.put(kind)
        switch self {
        case .done: break
        case .root(let entry, let isReadOnly):
            writer.put(entry)
            writer.put(UInt8(isReadOnly ? 1 : 0))
        case .entry(let entry): writer.put(entry)
        case .walk(let walk):
            writer.put(walk.error?.rawValue ?? 0)
            writer.put(UInt16(truncatingIfNeeded: walk.entries.count))
            for entry in walk.entries { writer.put(entry) }
        case .attributes(let attributes): writer.put(attributes)
        case .directory(let page):
            writer.put(UInt8(page.isLast ? 1 : 0))
            writer.put(UInt32(truncatingIfNeeded: page.entries.count))
            for entry in page.entries { writer.put(entry) }
        case .bytes(let bytes): writer.put(bytes)
        case .names(let names):
            writer.put(UInt32(truncatingIfNeeded: names.count))
            for name in names { writer.put(name) }
        case .fileSystem(let status):
            for value in [
                status.magic, status.blockSize, status.blocks, status.freeBlocks, status.availableBlocks, status.files,
                status.freeFiles, status.nameLength,
            ] { writer.put(value) }
        }
        return writer.bytes
    }

    /// The message that tells the client of `error`.
    public static func encoded(error: Errno, id: UInt64) -> [UInt8] {
        var writer = WireWriter()
        writer.put(id)
        writer.put(error.rawValue)
        return writer.bytes
    }

    /// A reply's request id; nil for a message too short.
    public static func requestID(of message: ArraySlice<UInt8>) -> UInt64? {
        var reader = WireReader(message)
        do throws(WireError) { return try reader.get() } catch { return nil }
    }

    /// Reads a reply: the body, or the gofer's error. A gofer is not trusted with the sentry: a malformed message is EIO.
    ///
    /// - Throws: the gofer's error; `EIO`.
    public static func decode(_ message: ArraySlice<UInt8>) throws(Errno) -> GoferReply {
        var reader = WireReader(message)
        let error: Int32
        do throws(WireError) {
            _ = try reader.get(UInt64.self)
            error = try reader.get()
        } catch {
            throw .EIO
        }
        if error != 0 { throw (1..<512).contains(error) ? Errno(error) : .EIO }
        do throws(WireError) {
            let reply = try decodeBody(&reader)
            guard reader.remaining == 0 else { throw WireError() }
            return reply
        } catch {
            throw .EIO
        }
    }

    private static func decodeBody(_ reader: inout WireReader) throws(WireError) -> GoferReply {
        switch try reader.get(UInt8.self) {
        case 0: return .done
        case 1: return .root(try reader.getEntry(), isReadOnly: try reader.getBool())
        case 2: return .entry(try reader.getEntry())
        case 3:
            let error: Int32 = try reader.get()
            guard (0..<512).contains(error) else { throw WireError() }
            let count = Int(try reader.get(UInt16.self))
            guard count <= GoferLimits.walkNames else { throw WireError() }
            var entries: [GoferEntry] = []
            for _ in 0..<count { entries.append(try reader.getEntry()) }
            return .walk(GoferWalk(entries: entries, error: error == 0 ? nil : Errno(error)))
        case 4: return .attributes(try reader.getAttributes())
        case 5:
            let isLast = try reader.getBool()
            let count = Int(try reader.get(UInt32.self))
            var entries: [GoferDirectoryEntry] = []
            guard count <= GoferLimits.message else { throw WireError() }
            for _ in 0..<count { entries.append(try reader.getDirectoryEntry()) }
            return .directory(GoferDirectoryPage(entries: entries, isLast: isLast))
        case 6: return .bytes(try reader.getBytes())
        case 7:
            let count = Int(try reader.get(UInt32.self))
            guard count <= GoferLimits.message else { throw WireError() }
            var names: [[UInt8]] = []
            for _ in 0..<count { names.append(try reader.getBytes()) }
            return .names(names)
        case 8:
            var status = GoferFileSystemStatus()
            status.magic = try reader.get()
            status.blockSize = try reader.get()
            status.blocks = try reader.get()
            status.freeBlocks = try reader.get()
            status.availableBlocks = try reader.get()
            status.files = try reader.get()
            status.freeFiles = try reader.get()
            status.nameLength = try reader.get()
            return .fileSystem(status)
        default: throw WireError()
        }
    }
}

extension WireWriter {
    fileprivate mutating func put(_ entry: GoferEntry) {
        put(entry.node)
        put(entry.attributes)
        putOptional(entry.linkText)
    }

    fileprivate mutating func put(_ entry: GoferDirectoryEntry) {
        put(entry.name)
        put(entry.next)
        put(entry.inode)
        put(entry.direntType)
        put(UInt8(entry.attributes == nil ? 0 : 1))
        if let attributes = entry.attributes { put(attributes) }
        putOptional(entry.linkText)
    }

    private mutating func putOptional(_ text: [UInt8]?) {
        put(UInt8(text == nil ? 0 : 1))
        if let text { put(text) }
    }
}

extension WireReader {
    fileprivate mutating func getEntry() throws(WireError) -> GoferEntry {
        let node: GoferNodeID = try get()
        let attributes = try getAttributes()
        return GoferEntry(node: node, attributes: attributes, linkText: try getLinkText())
    }

    fileprivate mutating func getDirectoryEntry() throws(WireError) -> GoferDirectoryEntry {
        let name = try getBytes(limit: GoferLimits.name)
        guard !name.isEmpty, !name.contains(0x2f), !name.contains(0) else { throw WireError() }
        let next: Int64 = try get()
        let inode: UInt64 = try get()
        let type: UInt8 = try get()
        let attributes = try getBool() ? try getAttributes() : nil
        return GoferDirectoryEntry(
            name: name, next: next, inode: inode, direntType: type, attributes: attributes, linkText: try getLinkText())
    }

    private mutating func getLinkText() throws(WireError) -> [UInt8]? {
        guard try getBool() else { return nil }
        let text = try getBytes(limit: GoferLimits.linkText)
        guard !text.isEmpty, !text.contains(0) else { throw WireError() }
        return text
    }
}
