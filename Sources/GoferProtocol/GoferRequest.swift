import LinuxABI
import Primitives

/// A node that the gofer holds for its client; never 0, never used again. The client owns a count of references per node: one for every
/// time that a reply named it, given back by `forget`.
public typealias GoferNodeID = UInt64

/// What chmod, chown, truncate and utimensat change.
public struct GoferAttributeChange: Equatable, Sendable {
    public var mode: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?
    public var size: Int64?
    public var accessTime: Timespec?
    public var modificationTime: Timespec?

    public init() {}
}

/// Who owns a new file and what its permission bits are.
public struct GoferCreation: Equatable, Sendable {
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32

    public init(mode: UInt32, uid: UInt32, gid: UInt32) {
        self.mode = mode
        self.uid = uid
        self.gid = gid
    }
}

/// How an open's descriptor will be used.
public enum GoferAccess: UInt8, Sendable {
    case read = 0
    case write = 1
    case readWrite = 2

    public var writes: Bool { self != .read }
}

/// A message of the client.
public enum GoferRequest: Equatable, Sendable {
    /// Answered by the root's ``GoferEntry``.
    case attach(version: UInt32, id: UInt32)
    /// A path, up to its first symbolic link, missing name or file that is no directory. Answered by a ``GoferWalk``; if `donates`, and the
    /// last entry is a regular file that may be read, with a descriptor of it: what is looked up is mostly opened next.
    case walk(node: GoferNodeID, names: [[UInt8]], donates: Bool)
    /// Gives references back. No reply.
    case forget([GoferForget])
    /// Answered by the current attributes and a descriptor of the regular file.
    case open(node: GoferNodeID, access: GoferAccess, truncates: Bool)
    /// Entries from `cookie` (0 at first) on, with attributes. Answered by a ``GoferDirectoryPage``.
    case readDirectory(node: GoferNodeID, cookie: Int64)
    case readlink(node: GoferNodeID)
    case stat(node: GoferNodeID)
    case statfs(node: GoferNodeID)
    case getXattr(node: GoferNodeID, name: [UInt8])
    case listXattrs(node: GoferNodeID)
    case setXattr(node: GoferNodeID, name: [UInt8], value: [UInt8], flags: Int32)
    case removeXattr(node: GoferNodeID, name: [UInt8])
    /// A new regular file. Answered by its ``GoferEntry`` and a descriptor open for reading and writing.
    case create(directory: GoferNodeID, name: [UInt8], GoferCreation)
    case makeDirectory(directory: GoferNodeID, name: [UInt8], GoferCreation)
    case makeFIFO(directory: GoferNodeID, name: [UInt8], GoferCreation)
    case symlink(directory: GoferNodeID, name: [UInt8], target: [UInt8], GoferCreation)
    /// Answered by the file's new attributes.
    case link(node: GoferNodeID, directory: GoferNodeID, name: [UInt8])
    case unlink(directory: GoferNodeID, name: [UInt8])
    case removeDirectory(directory: GoferNodeID, name: [UInt8])
    case rename(directory: GoferNodeID, name: [UInt8], newDirectory: GoferNodeID, newName: [UInt8])
    /// Answered by the new attributes.
    case setAttributes(node: GoferNodeID, GoferAttributeChange)
    case sync(node: GoferNodeID)
}

/// References to give back.
public struct GoferForget: Equatable, Sendable {
    public var node: GoferNodeID
    public var count: UInt32

    public init(node: GoferNodeID, count: UInt32) {
        self.node = node
        self.count = count
    }
}

/// A request that cannot be served: malformed, or against the limits. `id` is what the reply names.
public struct GoferBadRequest: Error {
    /// nil if the message is too short to have one.
    public let id: UInt64?
}

extension GoferRequest {
    private enum Operation: UInt8 {
        case attach = 1, walk, forget, open, readDirectory, readlink, stat, statfs, getXattr, listXattrs, setXattr, removeXattr
        case create, makeDirectory, makeFIFO, symlink, link, unlink, removeDirectory, rename, setAttributes, sync
    }

    /// The message, with `id` to match the reply.
    public func encoded(id: UInt64) -> [UInt8] {
        var writer = WireWriter()
        writer.put(id)
        encode(into: &writer)
        return writer.bytes
    }

    private func encode(into writer: inout WireWriter) {
        func start(_ operation: Operation, _ node: GoferNodeID) {
            writer.put(operation.rawValue)
            writer.put(node)
        }
        switch self {
        case .attach(let version, let id):
            writer.put(Operation.attach.rawValue)
            writer.put(version)
            writer.put(id)
        case .walk(let node, let names, let donates):
            start(.walk, node)
            writer.put(UInt8(donates ? 1 : 0))
            writer.put(UInt16(truncatingIfNeeded: names.count))
            for name in names { writer.put(name) }
        case .forget(let nodes):
            writer.put(Operation.forget.rawValue)
            writer.put(UInt16(truncatingIfNeeded: nodes.count))
            for forgotten in nodes {
                writer.put(forgotten.node)
                writer.put(forgotten.count)
            }
        case .open(let node, let access, let truncates):
            start(.open, node)
            writer.put(access.rawValue)
            writer.put(UInt8(truncates ? 1 : 0))
        case .readDirectory(let node, let cookie):
            start(.readDirectory, node)
            writer.put(cookie)
        case .readlink(let node): start(.readlink, node)
        case .stat(let node): start(.stat, node)
        case .statfs(let node): start(.statfs, node)
        case .getXattr(let node, let name):
            start(.getXattr, node)
            writer.put(name)
        case .listXattrs(let node): start(.listXattrs, node)
        case .setXattr(let node, let name, let value, let flags):
            start(.setXattr, node)
            writer.put(name)
            writer.put(value)
            writer.put(flags)
        case .removeXattr(let node, let name):
            start(.removeXattr, node)
            writer.put(name)
        case .create(let directory, let name, let creation):
            start(.create, directory)
            writer.put(name)
            writer.put(creation)
        case .makeDirectory(let directory, let name, let creation):
            start(.makeDirectory, directory)
            writer.put(name)
            writer.put(creation)
        case .makeFIFO(let directory, let name, let creation):
            start(.makeFIFO, directory)
            writer.put(name)
            writer.put(creation)
        case .symlink(let directory, let name, let target, let creation):
            start(.symlink, directory)
            writer.put(name)
            writer.put(target)
            writer.put(creation)
        case .link(let node, let directory, let name):
            start(.link, node)
            writer.put(directory)
            writer.put(name)
        case .unlink(let directory, let name):
            start(.unlink, directory)
            writer.put(name)
        case .removeDirectory(let directory, let name):
            start(.removeDirectory, directory)
            writer.put(name)
        case .rename(let directory, let name, let newDirectory, let newName):
            start(.rename, directory)
            writer.put(name)
            writer.put(newDirectory)
            writer.put(newName)
        case .setAttributes(let node, let change):
            start(.setAttributes, node)
            writer.put(change)
        case .sync(let node): start(.sync, node)
        }
    }

    /// Reads a message of a client that is not trusted: every field is checked.
    public static func decode(_ message: ArraySlice<UInt8>) throws(GoferBadRequest) -> (id: UInt64, request: GoferRequest) {
        var reader = WireReader(message)
        let id: UInt64
        do throws(WireError) { id = try reader.get() } catch { throw GoferBadRequest(id: nil) }
        do throws(WireError) {
            let request = try decodeBody(&reader)
            guard reader.remaining == 0 else { throw WireError() }
            return (id, request)
        } catch {
            throw GoferBadRequest(id: id)
        }
    }

    private static func decodeBody(_ reader: inout WireReader) throws(WireError) -> GoferRequest {
        guard let operation = Operation(rawValue: try reader.get()) else { throw WireError() }
        switch operation {
        case .attach: return .attach(version: try reader.get(), id: try reader.get())
        case .forget:
            let count = Int(try reader.get(UInt16.self))
            guard count <= GoferLimits.forgottenNodes else { throw WireError() }
            var nodes: [GoferForget] = []
            for _ in 0..<count { nodes.append(GoferForget(node: try reader.get(), count: try reader.get())) }
            return .forget(nodes)
        default: break
        }
        let node: GoferNodeID = try reader.get()
        switch operation {
        case .attach, .forget: throw WireError()
        case .walk:
            let donates = try reader.getBool()
            let count = Int(try reader.get(UInt16.self))
            guard count > 0, count <= GoferLimits.walkNames else { throw WireError() }
            var names: [[UInt8]] = []
            for _ in 0..<count { names.append(try reader.getName()) }
            return .walk(node: node, names: names, donates: donates)
        case .open:
            guard let access = GoferAccess(rawValue: try reader.get()) else { throw WireError() }
            return .open(node: node, access: access, truncates: try reader.getBool())
        case .readDirectory: return .readDirectory(node: node, cookie: try reader.get())
        case .readlink: return .readlink(node: node)
        case .stat: return .stat(node: node)
        case .statfs: return .statfs(node: node)
        case .getXattr: return .getXattr(node: node, name: try reader.getXattrName())
        case .listXattrs: return .listXattrs(node: node)
        case .setXattr:
            let name = try reader.getXattrName()
            let value = try reader.getBytes(limit: GoferLimits.xattrValue)
            let flags: Int32 = try reader.get()
            guard (0...2).contains(flags) else { throw WireError() }
            return .setXattr(node: node, name: name, value: value, flags: flags)
        case .removeXattr: return .removeXattr(node: node, name: try reader.getXattrName())
        case .create: return .create(directory: node, name: try reader.getName(), try reader.getCreation())
        case .makeDirectory: return .makeDirectory(directory: node, name: try reader.getName(), try reader.getCreation())
        case .makeFIFO: return .makeFIFO(directory: node, name: try reader.getName(), try reader.getCreation())
        case .symlink:
            let name = try reader.getName()
            let target = try reader.getBytes(limit: GoferLimits.linkText)
            guard !target.isEmpty, !target.contains(0) else { throw WireError() }
            return .symlink(directory: node, name: name, target: target, try reader.getCreation())
        case .link: return .link(node: node, directory: try reader.get(), name: try reader.getName())
        case .unlink: return .unlink(directory: node, name: try reader.getName())
        case .removeDirectory: return .removeDirectory(directory: node, name: try reader.getName())
        case .rename:
            return .rename(
                directory: node, name: try reader.getName(), newDirectory: try reader.get(), newName: try reader.getName())
        case .setAttributes: return .setAttributes(node: node, try reader.getChange())
        case .sync: return .sync(node: node)
        }
    }
}

extension WireWriter {
    fileprivate mutating func put(_ creation: GoferCreation) {
        put(creation.mode)
        put(creation.uid)
        put(creation.gid)
    }

    fileprivate mutating func put(_ change: GoferAttributeChange) {
        let fields: [Bool] = [
            change.mode != nil, change.uid != nil, change.gid != nil, change.size != nil, change.accessTime != nil,
            change.modificationTime != nil,
        ]
        var mask: UInt8 = 0
        for (bit, isSet) in fields.enumerated() where isSet { mask |= 1 << UInt8(bit) }
        put(mask)
        if let mode = change.mode { put(mode) }
        if let uid = change.uid { put(uid) }
        if let gid = change.gid { put(gid) }
        if let size = change.size { put(size) }
        if let time = change.accessTime { put(time) }
        if let time = change.modificationTime { put(time) }
    }
}

extension WireReader {
    fileprivate mutating func getXattrName() throws(WireError) -> [UInt8] {
        let name = try getBytes(limit: GoferLimits.xattrName)
        guard !name.isEmpty, !name.contains(0) else { throw WireError() }
        return name
    }

    fileprivate mutating func getCreation() throws(WireError) -> GoferCreation {
        let creation = GoferCreation(mode: try get(), uid: try get(), gid: try get())
        guard creation.mode <= 0o7777 else { throw WireError() }
        return creation
    }

    fileprivate mutating func getChange() throws(WireError) -> GoferAttributeChange {
        let mask: UInt8 = try get()
        guard mask < 1 << 6 else { throw WireError() }
        var change = GoferAttributeChange()
        if mask & 1 != 0 {
            let mode: UInt32 = try get()
            guard mode <= 0o7777 else { throw WireError() }
            change.mode = mode
        }
        if mask & 2 != 0 { change.uid = try get() as UInt32 }
        if mask & 4 != 0 { change.gid = try get() as UInt32 }
        if mask & 8 != 0 {
            let size: Int64 = try get()
            guard size >= 0 else { throw WireError() }
            change.size = size
        }
        if mask & 16 != 0 { change.accessTime = try getTime() }
        if mask & 32 != 0 { change.modificationTime = try getTime() }
        return change
    }
}
