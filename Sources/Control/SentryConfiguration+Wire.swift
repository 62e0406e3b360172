// The wire form of a sentry's configuration.
import Primitives

extension SentryConfiguration {
    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.put(ControlLimits.version)
        program.put(into: &writer)
        writer.put(hostName)
        writer.putList(mounts) { writer, mount in mount.put(into: &writer) }
        writer.putList(directories) { writer, directory in
            writer.put(directory.path)
            writer.put(directory.mode)
            writer.put(directory.uid)
            writer.put(directory.gid)
        }
        writer.putList(limits) { writer, limit in
            writer.put(limit.resource)
            writer.put(limit.soft)
            writer.put(limit.hard)
        }
        writer.put(hostFacts.cpuInfo)
        writer.put(hostFacts.memoryTotal)
        writer.putList(hostFacts.cpus) { $0.put($1) }
        writer.put(platform.rawValue)
        writer.putFlag(traces)
        writer.putFlag(reportsStatistics)
        writer.putList(descriptors.streams) { $0.put($1) }
        writer.putList(descriptors.gofers) { $0.put($1) }
        writer.put(descriptors.supervisor)
        writer.put(descriptors.control)
        writer.put(descriptors.trace)
        cage.put(into: &writer)
        return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        guard try reader.get(UInt32.self) == ControlLimits.version else { throw WireError() }
        program = try ProgramConfiguration(from: &reader)
        hostName = try reader.getBytes()
        mounts = []
        for _ in 0..<(try reader.getCount()) { mounts.append(try MountConfiguration(from: &reader)) }
        directories = []
        for _ in 0..<(try reader.getCount()) {
            directories.append(
                DirectoryConfiguration(path: try reader.getBytes(), mode: try reader.get(), uid: try reader.get(), gid: try reader.get()))
        }
        limits = []
        for _ in 0..<(try reader.getCount()) {
            limits.append(ResourceLimit(resource: try reader.get(), soft: try reader.get(), hard: try reader.get()))
        }
        hostFacts = HostFacts(cpuInfo: try reader.getBytes(), memoryTotal: try reader.get(), cpus: try reader.getIntegers())
        guard let platform = PlatformChoice(rawValue: try reader.get()) else { throw WireError() }
        self.platform = platform
        traces = try reader.getFlag()
        reportsStatistics = try reader.getFlag()
        descriptors = SentryDescriptors(
            streams: try reader.getIntegers(), gofers: try reader.getIntegers(), supervisor: try reader.get(), control: try reader.get(),
            trace: try reader.get())
        cage = try CageConfiguration(from: &reader)
        guard reader.remaining == 0 else { throw WireError() }
    }
}

extension ProgramConfiguration {
    func put(into writer: inout WireWriter) {
        writer.putList(arguments) { $0.put($1) }
        writer.putList(environment) { $0.put($1) }
        writer.put(workingDirectory)
        writer.put(uid)
        writer.put(gid)
        writer.putList(groups) { $0.put($1) }
        writer.put(capabilities)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            arguments: try reader.getByteStrings(), environment: try reader.getByteStrings(), workingDirectory: try reader.getBytes(),
            uid: try reader.get(), gid: try reader.get(), groups: try reader.getIntegers(), capabilities: try reader.get())
        guard !arguments.isEmpty else { throw WireError() }
    }
}

extension MountConfiguration {
    func put(into writer: inout WireWriter) {
        writer.put(target)
        switch source {
        case .host(let gofer, let attach, let isFile, let writes):
            writer.put(UInt8(0))
            writer.put(gofer)
            writer.put(attach)
            writer.putFlag(isFile)
            writer.put(writes.rawValue)
        case .tmpfs(let size, let mode):
            writer.put(UInt8(1))
            writer.put(size)
            writer.put(mode)
        case .proc: writer.put(UInt8(2))
        case .dev: writer.put(UInt8(3))
        }
        writer.putFlag(isShared)
    }

    init(from reader: inout WireReader) throws(WireError) {
        target = try reader.getBytes()
        switch try reader.get(UInt8.self) {
        case 0:
            let gofer = try reader.get(UInt32.self)
            let attach = try reader.get(UInt32.self)
            let isFile = try reader.getFlag()
            guard let writes = HostWrites(rawValue: try reader.get()) else { throw WireError() }
            source = .host(gofer: gofer, attach: attach, isFile: isFile, writes: writes)
        case 1: source = .tmpfs(size: try reader.get(), mode: try reader.get())
        case 2: source = .proc
        case 3: source = .dev
        default: throw WireError()
        }
        isShared = try reader.getFlag()
    }
}

extension CageConfiguration {
    func put(into writer: inout WireWriter) {
        writer.putOptional(identity) { writer, identity in
            writer.put(identity.uid)
            writer.put(identity.gid)
            writer.putList(identity.groups) { $0.put($1) }
        }
        writer.put(capabilities)
        writer.putFlag(hasEmptyRoot)
        writer.putFlag(keepsDescriptorDirectory)
    }

    init(from reader: inout WireReader) throws(WireError) {
        identity = try reader.getFlag() ? Identity(uid: try reader.get(), gid: try reader.get(), groups: try reader.getIntegers()) : nil
        capabilities = try reader.get()
        hasEmptyRoot = try reader.getFlag()
        keepsDescriptorDirectory = try reader.getFlag()
    }
}
