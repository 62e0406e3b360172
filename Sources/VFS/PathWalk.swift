import LinuxABI

/// How the last component of a path is treated.
public struct WalkOptions: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A symbolic link at the end is followed. A trailing slash follows it in any case.
    public static let followLast = WalkOptions(rawValue: 1)
    /// An empty path means the start itself (AT_EMPTY_PATH).
    public static let allowEmpty = WalkOptions(rawValue: 2)
    // openat2(2)'s RESOLVE_*.
    public static let noSymlinks = WalkOptions(rawValue: 4)
    public static let noMagicLinks = WalkOptions(rawValue: 8)
    public static let noMountCrossing = WalkOptions(rawValue: 16)
    /// Nothing above the start: EXDEV.
    public static let beneath = WalkOptions(rawValue: 32)
    /// The start is the root.
    public static let inRoot = WalkOptions(rawValue: 64)
    /// The last component is a name to be made or removed: never followed, not even with a slash behind it (LOOKUP_PARENT).
    public static let lastIsName = WalkOptions(rawValue: 128)
}

/// Where a path leads: the directory of its last component, that name, and what is there.
public struct WalkResult {
    public var parent: VFSPath
    /// Empty if the path ends in `/`, `.` or `..`.
    public var name: FileName
    /// nil if nothing of that name exists.
    public var path: VFSPath?
    /// The path ended in a slash: it must be a directory.
    public var wantsDirectory: Bool
    /// The last component was `.`
    public var endsInDot = false
    /// The last component was `..`
    public var endsInDotDot = false
}

private let slash = UInt8(ascii: "/")
private let dot = UInt8(ascii: ".")
private let maximumLinks = 40
private let maximumPath = 4096
private let maximumName = 255

extension VFSContext {
    /// The existing file that `path` names.
    ///
    /// - Throws: `ENOENT`, `ENOTDIR`, `ELOOP`, `EACCES`, `ENAMETOOLONG`.
    public final func resolve(_ path: [UInt8], from start: VFSPath? = nil, _ options: WalkOptions = .followLast) throws(Errno) -> VFSPath {
        let result = try walk(path, from: start, options)
        guard let found = result.path else { throw .ENOENT }
        if result.wantsDirectory, found.inode?.type != .directory { throw .ENOTDIR }
        return found
    }

    /// Walks `path` to its last component (Linux's namei.c).
    ///
    /// - Parameter start: where a relative path begins; nil: the working directory.
    public final func walk(_ path: [UInt8], from start: VFSPath? = nil, _ options: WalkOptions) throws(Errno) -> WalkResult {
        guard let root, let begin = start ?? workingDirectory else { throw .ENOENT }
        if path.count >= maximumPath { throw .ENAMETOOLONG }
        if path.isEmpty {
            guard options.contains(.allowEmpty) else { throw .ENOENT }
            return WalkResult(parent: begin, name: [], path: begin, wantsDirectory: false)
        }
        var walker = PathWalker(context: self, root: options.contains(.inRoot) ? begin : root, start: begin, options: options)
        return try walker.walk(path)
    }
}

/// One walk: iterative, its state bounded by the number of links times the length of a path.
private struct PathWalker {
    let context: VFSContext
    let root: VFSPath
    let start: VFSPath
    let options: WalkOptions
    var current: VFSPath
    /// Components still to go, last first.
    var rest: [FileName] = []
    var linksFollowed = 0
    var wantsDirectory = false

    init(context: VFSContext, root: VFSPath, start: VFSPath, options: WalkOptions) {
        self.context = context
        self.root = root
        self.start = start
        self.options = options
        current = start
    }

    mutating func walk(_ path: [UInt8]) throws(Errno) -> WalkResult {
        try push(path)
        while let name = rest.popLast() {
            let isLast = rest.isEmpty
            guard let directory = current.inode, directory.type == .directory else { throw .ENOTDIR }
            try context.check(directory, .execute)
            if name.count == 1 && name[0] == dot {
                if isLast { return WalkResult(parent: current, name: [], path: current, wantsDirectory: true, endsInDot: true) }
                continue
            }
            if name.count == 2 && name[0] == dot && name[1] == dot {
                try goUp()
                if isLast { return WalkResult(parent: current, name: [], path: current, wantsDirectory: true, endsInDotDot: true) }
                continue
            }
            if name.count > maximumName { throw .ENAMETOOLONG }
            let dentry = try child(of: current, directory, name)
            guard let inode = dentry.inode else {
                if isLast { return WalkResult(parent: current, name: name, path: nil, wantsDirectory: wantsDirectory) }
                throw .ENOENT
            }
            if inode.type == .symlink, !isLast || options.contains(.followLast) || wantsDirectory && !options.contains(.lastIsName) {
                let parent = current
                if let end = try follow(inode, isLast: isLast) {
                    return WalkResult(parent: parent, name: name, path: end, wantsDirectory: wantsDirectory)
                }
                continue
            }
            var next = VFSPath(mount: current.mount, dentry: dentry)
            if dentry.mountCount > 0, let namespace = current.mount.namespace {
                next = namespace.crossed(next)
                if options.contains(.noMountCrossing), next.mount !== current.mount { throw .EXDEV }
            }
            if isLast { return WalkResult(parent: current, name: name, path: next, wantsDirectory: wantsDirectory) }
            current = next
        }
        // Only slashes, or a link to the root.
        return WalkResult(parent: current, name: [], path: current, wantsDirectory: true)
    }

    /// Puts a path's components in front of what is left; an absolute one starts at the root.
    private mutating func push(_ path: [UInt8]) throws(Errno) {
        if path.first == slash {
            if options.contains(.beneath) { throw .EXDEV }
            current = root
        }
        let isWholeRest = rest.isEmpty
        var components: [FileName] = []
        for part in path.split(separator: slash) { components.append(Array(part)) }
        if isWholeRest, path.last == slash { wantsDirectory = true }
        rest.append(contentsOf: components.reversed())
    }

    private mutating func goUp() throws(Errno) {
        if options.contains(.beneath), current.isSame(as: start) { throw .EXDEV }
        let above = current.parent(root: root)
        if options.contains(.noMountCrossing), above.mount !== current.mount { throw .EXDEV }
        current = current.mount.namespace?.crossed(above) ?? above
    }

    /// Follows a link: its text goes in front of the rest, or a magic link leads straight there. The end, if the walk is over.
    private mutating func follow(_ link: Inode, isLast: Bool) throws(Errno) -> VFSPath? {
        linksFollowed += 1
        if linksFollowed > maximumLinks || options.contains(.noSymlinks) { throw .ELOOP }
        if let target = try link.magicTarget(context) {
            if options.contains(.noMagicLinks) { throw .ELOOP }
            if !options.isDisjoint(with: [.beneath, .inRoot]) { throw .EXDEV }
            if isLast { return target }
            current = target
            return nil
        }
        let text = try link.readlink(context)
        if text.isEmpty { throw .ENOENT }
        try push(text)
        if rest.isEmpty { return current }
        return nil
    }

    /// The dentry of `name`, from the cache or the file system; its inode is nil if nothing is there.
    private func child(of place: VFSPath, _ directory: Inode, _ name: FileName) throws(Errno) -> Dentry {
        let parent = place.dentry
        let fileSystem = directory.fileSystem
        let known = parent.children[name]
        if let known, !fileSystem.revalidates {
            known.isRecent = true
            return known
        }
        if rest.count > 0 || known == nil {
            var names: [FileName] = [name]
            for component in rest.reversed() {
                if component == [dot] || component == [dot, dot] { break }
                names.append(component)
            }
            try directory.prefetch(names[...], context)
        }
        var found: Inode?
        do throws(Errno) { found = try directory.lookup(name, context) } catch {
            if error != .ENOENT { throw error }
        }
        // The lookup may have waited, and another walk, or the name's maker, may have been faster.
        if let current = parent.children[name], current.inode === found || !fileSystem.revalidates { return current }
        if let stale = parent.children[name] {
            parent.drop(stale)
            stale.dropChildren()
        }
        let dentry = Dentry(name: name, parent: parent, inode: found)
        if fileSystem.cachesDentries, !parent.isDeleted, found != nil || !fileSystem.revalidates { parent.cache(dentry) }
        return dentry
    }
}
