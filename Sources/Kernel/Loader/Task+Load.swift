import Auth
import HostSyscalls
import LinuxABI
import Memory
import Platform
import VFS

// From a path to a planned image: scripts, the ELF file, its interpreter, the stack.

extension Task {
    /// Finds the program and replaces the image with it. Every failure before the image is being replaced is an errno.
    ///
    /// - Throws: what the path walk throws; `EACCES` if it is not an executable regular file; `ENOEXEC`; `ELOOP` for scripts of scripts;
    ///   `E2BIG`; `ELIBBAD`. A program whose segments cannot be mapped ends the process with SIGSEGV, as on Linux.
    public func loadAndExecute(
        directory: FD, path: [UInt8], arguments: [[UInt8]], environment: [[UInt8]], flags: Int32
    ) throws(Errno) -> Outcome {
        // Linux gives a program without arguments an empty one.
        var program = ProgramRequest(
            fileName: fileName(directory, path), arguments: arguments.isEmpty ? [[]] : arguments, environment: environment)
        try checkSize(program)
        var description = try openProgram(directory: directory, path: path, flags: flags)
        var scriptName = program.fileName
        for _ in 0...ProgramRequest.scriptDepth {
            guard let script = try ScriptLine(try read(description, 0, ScriptLine.bufferSize)) else {
                let request = try imageRequest(description, program)
                // While a gofer was asked, the lock was free: another thread may have ended this one.
                if isDead || process.isExiting { throw .EINTR }
                // execve by a descriptor alone names the process after the file that runs, an interpreter too.
                let namedPath = path.isEmpty ? displayName(of: description) : path
                let name = namedPath.split(separator: UInt8(ascii: "/")).last ?? []
                let plan: ImagePlan
                do throws(Errno) { plan = try ImagePlan(request) } catch {
                    // Linux has given the old image up when it finds that the new one cannot be mapped.
                    process.exitGroup(status: Signal.SIGSEGV)
                    return .contextReplaced
                }
                return execute(plan, file: description.path, name: Array(name.prefix(15)))
            }
            // The interpreter will open the script by a descriptor that is closed by then (binfmt_script.c).
            if scriptName != path && scriptName == program.fileName, try files.isCloseOnExec(directory) { throw .ENOENT }
            // The interpreter runs with the script's name in place of argument 0.
            var newArguments = [script.interpreter]
            if let argument = script.argument { newArguments.append(argument) }
            newArguments.append(scriptName)
            newArguments.append(contentsOf: program.arguments.dropFirst())
            program.arguments = newArguments
            try checkSize(program)
            scriptName = script.interpreter
            description = try openProgram(directory: .cwd, path: script.interpreter, flags: 0)
        }
        throw .ELOOP
    }

    /// What the new program is told it was started as: for execveat(2) a path through the directory's descriptor.
    private func fileName(_ directory: FD, _ path: [UInt8]) -> [UInt8] {
        if directory == .cwd || path.first == UInt8(ascii: "/") { return path }
        let base = Array("/dev/fd/\(directory.rawValue)".utf8)
        return path.isEmpty ? base : base + [UInt8(ascii: "/")] + path
    }

    /// Arguments and environment together may take a quarter of the stack's limit, at most 6 MiB.
    private func checkSize(_ program: ProgramRequest) throws(Errno) {
        let limit = min(max(process.limits.values[ResourceLimits.RLIMIT_STACK].soft / 4, 131_072), 6 << 20)
        var total: UInt64 = 0
        for string in program.arguments + program.environment { total += UInt64(string.count) + 9 }
        if total > limit { throw .E2BIG }
    }

    private func openProgram(directory: FD, path: [UInt8], flags: Int32) throws(Errno) -> FileDescription {
        if path.isEmpty && flags & 0x1000 != 0 && directory != .cwd {
            let file = try files.getAllowingPath(directory)
            guard let place = file.path else { throw .EACCES }
            return try openForExec(place, vfs)
        }
        var start: VFSPath?
        if directory != .cwd && path.first != UInt8(ascii: "/") {
            start = try files.getAllowingPath(directory).path
            if start == nil { throw .ENOTDIR }
        }
        return try openForExec(path, from: start, noFollow: flags & 0x100 != 0, vfs)
    }

    private func read(_ file: FileDescription, _ offset: UInt64, _ count: Int) throws(Errno) -> [UInt8] {
        // Beyond what a file can have there is nothing; adding to the position must not overflow below.
        guard offset <= UInt64(Int64.max) - 65_536 * 2, let position = Int64(exactly: offset) else { return [] }
        let sink = ArraySink(capacity: count)
        while sink.remaining > 0 {
            let done = try file.read(into: sink, at: position + Int64(sink.bytes.count), vfs)
            if done == 0 { break }
        }
        return sink.bytes
    }

    private func image(_ file: FileDescription, _ elf: ElfFile) throws(Errno) -> ImageFile {
        let host = try file.mappable(writable: false, vfs)
        let attributes = try file.attributes(vfs)
        return ImageFile(
            elf: elf,
            file: MappedFile(
                name: displayName(of: file), device: attributes.device, inode: attributes.inode, isWritable: false),
            host: host)
    }

    /// The interpreter that an ELF file names, if it does (binfmt_elf.c).
    private func interpreter(of file: FileDescription, _ elf: ElfFile) throws(Errno) -> ImageFile? {
        guard let range = elf.interpreterRange else { return nil }
        let name = try read(file, range.lowerBound, Int(range.upperBound - range.lowerBound))
        guard UInt64(name.count) == range.upperBound - range.lowerBound, name.last == 0 else { throw .ENOEXEC }
        let description = try openProgram(directory: .cwd, path: Array(name.prefix { $0 != 0 }), flags: 0)
        let loaded: ElfFile
        do throws(Errno) {
            loaded = try ElfFile { offset, count throws(Errno) in try read(description, offset, count) }
        } catch {
            throw error == .ENOEXEC ? .ELIBBAD : error
        }
        return try image(description, loaded)
    }

    private func imageRequest(_ file: FileDescription, _ program: ProgramRequest) throws(Errno) -> ImageRequest {
        let elf = try ElfFile { offset, count throws(Errno) in try read(file, offset, count) }
        let interpreter = try interpreter(of: file, elf)
        var request = ImageRequest(
            program: try image(file, elf), interpreter: interpreter, arguments: program.arguments, environment: program.environment,
            fileName: program.fileName)
        request.stackLimit = process.limits.values[ResourceLimits.RLIMIT_STACK].soft
        let credentials = credentials
        request.identity = (credentials.uid, credentials.euid, credentials.gid, credentials.egid)
        request.vdsoAddress = kernel.platform?.vdsoAddress ?? 0
        request.minimumSignalStack = kernel.platform?.minimumSignalStack ?? 2048
        request.hardwareCapabilities = (
            hostAuxiliaryValue(InitialStack.Key.AT_HWCAP.rawValue), hostAuxiliaryValue(InitialStack.Key.AT_HWCAP2.rawValue)
        )
        request.restartableSequences = (
            hostAuxiliaryValue(InitialStack.Key.AT_RSEQ_FEATURE_SIZE.rawValue), hostAuxiliaryValue(InitialStack.Key.AT_RSEQ_ALIGN.rawValue)
        )
        return request
    }

    /// What a description is called in /proc: its path, or what it says of itself.
    public func displayName(of file: FileDescription) -> [UInt8] {
        guard let path = file.path else { return Array(file.displayName.utf8) }
        return pathString(of: path, root: fs.root)
    }
}

/// What is being executed: the arguments change while scripts lead on to interpreters.
private struct ProgramRequest {
    /// How many interpreters of interpreters Linux follows.
    static let scriptDepth = 5

    let fileName: [UInt8]
    var arguments: [[UInt8]]
    let environment: [[UInt8]]
}
