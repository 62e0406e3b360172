// What a gofer serves: the directories that the runtime hands to it.
import GoferProtocol

/// One host directory (or file) that a gofer serves.
public struct GoferAttach: Sendable {
    /// How the client names it when it connects.
    public var id: UInt32
    /// A descriptor of the directory; O_PATH will do. The gofer owns it.
    public var directory: Int32
    /// nil serves the directory. Else the one file of this name in it: a bind of a single file.
    public var fileName: [UInt8]?
    /// Refuses every change, whatever the client asks.
    public var isReadOnly: Bool
    /// nil shows everything. Else only these paths ("usr", "etc", "var/lib/dpkg": relative, plain names), what is below them, and the
    /// directories that lead there; all else does not exist. Such a view is read-only.
    public var visiblePaths: [[UInt8]]?

    public init(id: UInt32, directory: Int32, fileName: [UInt8]? = nil, isReadOnly: Bool, visiblePaths: [[UInt8]]? = nil) {
        self.id = id
        self.directory = directory
        self.fileName = fileName
        self.isReadOnly = isReadOnly || visiblePaths != nil
        self.visiblePaths = visiblePaths
    }
}

/// Everything that ``goferMain(socket:configuration:)`` needs to know.
public struct GoferConfiguration: Sendable {
    public var attaches: [GoferAttach]
    /// Files that the gofer holds at once; each costs a descriptor. Less if the process's descriptor limit is lower.
    public var maximumNodes: Int
    public var threadCount: Int

    public init(attaches: [GoferAttach], maximumNodes: Int = 100_000, threadCount: Int = 2) {
        self.attaches = attaches
        self.maximumNodes = maximumNodes
        self.threadCount = threadCount
    }
}

/// The visible part of a directory tree: a written allow-list.
final class VisibleTree: Sendable {
    /// Tells views apart in a node's identity; 0 is "everything".
    let number: Int
    /// nil: the whole directory below this name is visible.
    let children: [[UInt8]: VisibleTree?]

    private init(number: Int, children: [[UInt8]: VisibleTree?]) {
        self.number = number
        self.children = children
    }

    /// The tree of `paths`; empty and `.` components are skipped, a path with `..` is ignored.
    static func make(_ paths: [[UInt8]]) -> VisibleTree {
        var counter = 0
        return make(paths.map { $0.split(separator: 0x2f).map { Array($0) }.filter { $0 != [0x2e] }[...] }, &counter)
    }

    private static func make(_ paths: [ArraySlice<[UInt8]>], _ counter: inout Int) -> VisibleTree {
        counter += 1
        let number = counter
        var groups: [[UInt8]: [ArraySlice<[UInt8]>]] = [:]
        for path in paths {
            guard let first = path.first, GoferLimits.isPlainName(first) else { continue }
            groups[first, default: []].append(path.dropFirst())
        }
        var children: [[UInt8]: VisibleTree?] = [:]
        for (name, rests) in groups {
            let isWhole = rests.contains { $0.isEmpty }
            children.updateValue(isWhole ? nil : make(rests, &counter), forKey: name)
        }
        return VisibleTree(number: number, children: children)
    }
}
