// The default root of a sandbox, put together as the sentry does: the machine's own system directories through a gofer's view, a memory
// layer above, the VFS on top; compared with what the host says.
import Glibc
import HostSyscalls
import LinuxABI
import Testing
import VFS

@testable import Filesystems
@testable import Gofer

@Suite struct RootViewTests {
    let context = TestContext()

    init() throws {
        let root = open("/", 0o10000000 | O_DIRECTORY | O_CLOEXEC)
        let visible = ["bin", "sbin", "lib", "lib64", "usr", "etc", "opt", "var/lib/dpkg"].map(bytes)
        let attach = GoferAttach(id: 0, directory: root, isReadOnly: true, visiblePaths: visible)
        let server = GoferServer(GoferConfiguration(attaches: [attach]))
        let (client, gofer) = try HostSocket.makePair()
        HostThread.start("root gofer") {
            server.serve(socket: gofer)
            close(gofer)
        }
        let lower = try GoferFileSystem.connect(socketFD: client, attach: 0, mode: .exclusive, device: 1)
        let overlay = OverlayFileSystem.inMemory(
            over: lower.root, device: 2, upperDevice: 3, now: Timespec(seconds: 1, nanoseconds: 0))
        let namespace = MountNamespace()
        let dentry = Dentry(name: [], parent: nil, inode: overlay.root)
        namespace.mount(overlay, root: dentry, at: nil, isReadOnly: false, source: "overlay")
        context.fileSystems = [lower, overlay]
        context.root = namespace.root
        context.workingDirectory = namespace.root
        context.keptAlive.append(namespace)
    }

    @Test(arguments: [
        "/bin/sh", "/usr/bin/env", "/etc/passwd", "/etc/os-release", "/usr/lib", "/lib64/ld-linux-x86-64.so.2", "/usr/bin/awk",
    ])
    func filesAreAsOnTheHost(_ path: String) throws {
        var host = stat()
        #expect(stat(path, &host) == 0)
        let place = try context.resolve(bytes(path))
        let attributes = try #require(place.inode).attributes(context)
        #expect(attributes.mode == host.st_mode)
        #expect(attributes.size == Int64(host.st_size))
        #expect(attributes.uid == host.st_uid)
        #expect(attributes.inode == host.st_ino)
        #expect(attributes.modificationTime.seconds == Int64(host.st_mtim.tv_sec))
        guard attributes.type == .regular else { return }
        let description = try context.open(bytes(path), flags: [], permissions: 0)
        let sink = ArraySink(capacity: 4096)
        let count = try description.read(into: sink, at: nil, context)
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        #expect(count == Glibc.read(file, &buffer, 4096))
        #expect(sink.bytes == Array(buffer[..<count]))
    }

    @Test(arguments: [
        "/home", "/root", "/proc/self", "/tmp", "/dev/null", "/var/log", "/var/lib/dpkg/../../../home", "/etc/../root/.bashrc",
    ])
    func theRestOfTheMachineDoesNotExist(_ path: String) {
        #expect(errno { () throws(Errno) in _ = try context.resolve(bytes(path)) } == .ENOENT)
    }

    @Test func listingsAreTheHosts() throws {
        for path in ["/usr/bin", "/etc", "/usr/lib"] {
            var host: Set<String> = []
            let listing = try #require(opendir(path))
            while let entry = readdir(listing) {
                withUnsafePointer(to: entry.pointee.d_name) { pointer in
                    _ = pointer.withMemoryRebound(to: CChar.self, capacity: 256) { host.insert(String(cString: $0)) }
                }
            }
            closedir(listing)
            let description = try context.open(bytes(path), flags: .O_DIRECTORY, permissions: 0)
            let names = try description.names(context, limit: 100)
            #expect(Set(names) == host)
            #expect(names.count == host.count)
        }
    }

    @Test func everythingCanBeChangedWithoutTheHostKnowing() throws {
        let description = try context.open(bytes("/etc/passwd"), flags: [.O_WRONLY, .O_APPEND], permissions: 0)
        #expect(try description.write(from: ArraySource(bytes("me:x:1:1::/:/bin/sh\n")), at: nil, context) > 0)
        try context.unlink(bytes("/etc/os-release"))
        try context.makeDirectory(bytes("/home"), permissions: 0o755)
        try context.rename(bytes("/usr/lib"), to: bytes("/usr/lib.old"))
        #expect(errno { () throws(Errno) in _ = try context.resolve(bytes("/usr/lib")) } == .ENOENT)
        try context.rename(bytes("/usr/lib.old"), to: bytes("/usr/lib"))
        #expect(try context.resolve(bytes("/lib64/ld-linux-x86-64.so.2")).inode?.type == .regular)
        _ = try context.open(bytes("/home/file"), flags: [.O_CREAT, .O_RDWR], permissions: 0o644)
        #expect(try #require(try context.resolve(bytes("/etc/passwd")).inode).attributes(context).size > 0)
        #expect(access("/etc/os-release", F_OK) == 0)
    }
}
