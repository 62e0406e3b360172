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
    ///   `E2BIG`; `ENOMEM`.
    public func loadAndExecute(
        directory: FD, path: [UInt8], arguments: [[UInt8]], environment: [[UInt8]], flags: Int32
    ) throws(Errno) -> Outcome {
        // Linux gives a program without arguments an empty one.
        var program = ProgramRequest(path: path, arguments: arguments.isEmpty ? [[]] : arguments, environment: environment)
        try checkSize(program)
        var description = try openProgram(directory: directory, path: path, flags: flags)
        for _ in 0..<6 {
            guard let script = try ScriptLine(try read(description, 0, 256)) else {
                let plan = try plan(description, program)
                let base = program.path.split(separator: UInt8(ascii: "/")).last ?? []
                return execute(plan, file: description.path, name: Array((program.name ?? Array(base)).prefix(15)))
            }
            // #!: the interpreter runs with the script's path in place of argument 0.
            if program.name == nil { program.name = Array(path.split(separator: UInt8(ascii: "/")).last ?? []) }
            var newArguments = [script.interpreter]
            if let argument = script.argument { newArguments.append(argument) }
            newArguments.append(program.path)
            newArguments.append(contentsOf: program.arguments.dropFirst())
            program.arguments = newArguments
            program.path = script.interpreter
            description = try openProgram(directory: .cwd, path: script.interpreter, flags: 0)
        }
        throw .ELOOP
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
        guard let position = Int64(exactly: offset) else { return [] }
        let sink = ArraySink(capacity: count)
        while sink.remaining > 0 {
            let done = try file.read(into: sink, at: position + Int64(sink.bytes.count), vfs)
            if done == 0 { break }
        }
        return sink.bytes
    }

    private func mapped(_ file: FileDescription) throws(Errno) -> MappedFile {
        let attributes = try file.attributes(vfs)
        return MappedFile(
            host: try file.mappable(writable: false, vfs), name: displayName(of: file), device: attributes.device,
            inode: attributes.inode, isWritable: false)
    }

    private func plan(_ file: FileDescription, _ program: ProgramRequest) throws(Errno) -> ImagePlan {
        let elf = try ElfFile { offset, count throws(Errno) in try read(file, offset, count) }
        var interpreter: (elf: ElfFile, file: MappedFile)?
        if let range = elf.interpreterRange {
            var name = try read(file, range.lowerBound, Int(range.upperBound - range.lowerBound))
            guard name.last == 0 else { throw .ENOEXEC }
            name.removeLast()
            let description = try openProgram(directory: .cwd, path: name, flags: 0)
            let loaded: ElfFile
            do throws(Errno) {
                loaded = try ElfFile { offset, count throws(Errno) in try read(description, offset, count) }
            } catch {
                throw error == .ENOEXEC ? .ELIBBAD : error
            }
            interpreter = (loaded, try mapped(description))
        }

        // The layout: stack at the top, mappings below it, a position-independent program at two thirds, each moved at random.
        let stackSize = min(max(process.limits.values[ResourceLimits.RLIMIT_STACK].soft, 131_072), 64 << 20).pageDown
        let stackTop = GuestLayout.workloadEnd - pageSize - UInt64.random(in: 0..<(1 << 22)) * pageSize
        let memory = AddressSpace(mmapTop: stackTop - stackSize - (1 << 20) - UInt64.random(in: 0..<(1 << 24)) * pageSize)
        var plan = ImagePlan(memory: memory)
        var stack = MemoryArea(
            start: stackTop - stackSize, end: stackTop,
            protection: elf.hasExecutableStack && elf.interpreterRange == nil ? .all : [.PROT_READ, .PROT_WRITE], isShared: false)
        stack.label = .stack
        try plan.mapAnonymous(stack)

        var bias: UInt64 = 0
        if elf.isPositionIndependent {
            let span = elf.span
            if interpreter == nil {
                bias = try memory.place(span.upperBound - span.lowerBound + elf.alignment, hint: 0, below: .max, owner: 0)
            } else {
                bias = 0x5555_5555_4000 + UInt64.random(in: 0..<(1 << 28)) * pageSize
            }
            bias = (bias + elf.alignment - 1) & ~(elf.alignment - 1)
            bias &-= span.lowerBound
        }
        try plan.map(elf, file: try mapped(file), bias: bias)
        let end = (elf.span.upperBound &+ bias)
        memory.brkStart = end + UInt64.random(in: 0..<(1 << 13)) * pageSize
        memory.brkEnd = memory.brkStart

        plan.entry = elf.entry &+ bias
        var interpreterBase: UInt64 = 0
        if let interpreter {
            let span = interpreter.elf.span
            if interpreter.elf.isPositionIndependent {
                interpreterBase = try memory.place(span.upperBound - span.lowerBound, hint: 0, below: .max, owner: 0) &- span.lowerBound
            }
            try plan.map(interpreter.elf, file: interpreter.file, bias: interpreterBase)
            plan.entry = interpreter.elf.entry &+ interpreterBase
        }

        let credentials = credentials
        let initial = InitialStack(
            top: stackTop - UInt64.random(in: 0..<512) * 16, arguments: program.arguments, environment: program.environment,
            fileName: program.path, random: (0..<16).map { _ in UInt8.random(in: 0...255) },
            auxiliary: [
                (33, kernel.platform?.vdsoAddress ?? 0),  // AT_SYSINFO_EHDR
                (51, kernel.platform?.minimumSignalStack ?? 2048),  // AT_MINSIGSTKSZ
                (16, hostAuxiliaryValue(16)),  // AT_HWCAP
                (6, pageSize),  // AT_PAGESZ
                (17, 100),  // AT_CLKTCK
                (3, elf.programHeaderAddress &+ (elf.programHeaderAddress == 0 ? 0 : bias)),  // AT_PHDR
                (4, UInt64(ElfFile.programHeaderSize)),  // AT_PHENT
                (5, UInt64(elf.programHeaderCount)),  // AT_PHNUM
                (7, interpreterBase),  // AT_BASE
                (8, 0),  // AT_FLAGS
                (9, elf.entry &+ bias),  // AT_ENTRY
                (11, UInt64(credentials.uid)), (12, UInt64(credentials.euid)),
                (13, UInt64(credentials.gid)), (14, UInt64(credentials.egid)),
                (23, 0),  // AT_SECURE: set-user-ID programs do not change credentials here
                (26, hostAuxiliaryValue(26)),  // AT_HWCAP2
            ])
        plan.stackPointer = initial.stackPointer
        plan.stackBytes = initial.bytes
        plan.argumentArea = initial.argumentArea
        plan.environmentArea = initial.environmentArea
        plan.auxiliaryVector = initial.auxiliaryVector
        return plan
    }

    /// What a description is called in /proc: its path, or what it says of itself.
    public func displayName(of file: FileDescription) -> [UInt8] {
        guard let path = file.path else { return Array(file.displayName.utf8) }
        return pathString(of: path, root: fs.root)
    }
}

/// What is being executed: changes while scripts lead on to interpreters.
private struct ProgramRequest {
    var path: [UInt8]
    var arguments: [[UInt8]]
    var environment: [[UInt8]]
    /// The script's name, which the process keeps.
    var name: [UInt8]?
}

/// The first line of a script: `#!interpreter [argument]`.
struct ScriptLine {
    let interpreter: [UInt8]
    /// Everything after the interpreter, as one argument.
    let argument: [UInt8]?

    /// nil if the file does not begin with `#!`.
    ///
    /// - Throws: `ENOEXEC` if no interpreter is named within the first 256 bytes.
    init?(_ head: [UInt8]) throws(Errno) {
        guard head.count >= 2, head[0] == UInt8(ascii: "#"), head[1] == UInt8(ascii: "!") else { return nil }
        let line = head[2...]
        let isBlank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 }
        let end = line.firstIndex { $0 == 10 || $0 == 0 }
        var text = line[..<(end ?? line.endIndex)].drop(while: isBlank)
        guard let nameEnd = text.firstIndex(where: isBlank) ?? (end != nil || head.count < 256 ? text.endIndex : nil), nameEnd > text.startIndex
        else { throw .ENOEXEC }
        interpreter = Array(text[..<nameEnd])
        text = text[nameEnd...].drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        argument = text.isEmpty ? nil : Array(text)
    }
}
