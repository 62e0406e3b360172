// What the runtime tells a gofer when it starts it.
import Primitives

/// One gofer's configuration, passed in a memfd.
public struct GoferLaunch: Equatable, Sendable {
    public struct Attach: Equatable, Sendable {
        public var id: UInt32
        /// A descriptor of the directory, inherited.
        public var directory: Int32
        /// The one file in it that is served; nil: the whole directory.
        public var fileName: [UInt8]?
        public var isReadOnly: Bool
        /// The only paths that exist; nil: all.
        public var visiblePaths: [[UInt8]]?

        public init(id: UInt32, directory: Int32, fileName: [UInt8]? = nil, isReadOnly: Bool, visiblePaths: [[UInt8]]? = nil) {
            self.id = id
            self.directory = directory
            self.fileName = fileName
            self.isReadOnly = isReadOnly
            self.visiblePaths = visiblePaths
        }
    }

    public var socket: Int32
    public var attaches: [Attach]
    public var cage: CageConfiguration

    public init(socket: Int32, attaches: [Attach], cage: CageConfiguration) {
        self.socket = socket
        self.attaches = attaches
        self.cage = cage
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.put(ControlLimits.version)
        writer.put(socket)
        writer.putList(attaches) { writer, attach in
            writer.put(attach.id)
            writer.put(attach.directory)
            writer.putOptional(attach.fileName) { $0.put($1) }
            writer.putFlag(attach.isReadOnly)
            writer.putOptional(attach.visiblePaths) { writer, paths in writer.putList(paths) { $0.put($1) } }
        }
        cage.put(into: &writer)
        return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        guard try reader.get(UInt32.self) == ControlLimits.version else { throw WireError() }
        socket = try reader.get()
        attaches = []
        for _ in 0..<(try reader.getCount()) {
            let id = try reader.get(UInt32.self)
            let directory = try reader.get(Int32.self)
            let fileName = try reader.getFlag() ? try reader.getBytes() : nil
            let isReadOnly = try reader.getFlag()
            let paths = try reader.getFlag() ? try reader.getByteStrings() : nil
            attaches.append(Attach(id: id, directory: directory, fileName: fileName, isReadOnly: isReadOnly, visiblePaths: paths))
        }
        cage = try CageConfiguration(from: &reader)
        guard reader.remaining == 0 else { throw WireError() }
    }
}
