// A task's descriptors and memory map, as /proc reads them.
import Kernel
import LinuxABI
import Memory
import VFS

/// The open descriptors' numbers, in order.
func procDescriptors(_ task: Task) -> [Int32] { task.files.all.map(\.fd.rawValue) }

func procDescription(_ task: Task, _ fd: Int32) -> FileDescription? { try? task.files.getAllowingPath(FD(fd)) }

func procClosesOnExec(_ task: Task, _ fd: Int32) -> Bool { (try? task.files.isCloseOnExec(FD(fd))) ?? false }

/// Sizes of parts of an address space, in bytes.
struct ProcMemorySizes {
    var virtualSize: UInt64 = 0
    var code: UInt64 = 0
    var data: UInt64 = 0
    var stack: UInt64 = 0
}

func procMemory(_ memory: AddressSpace) -> ProcMemorySizes {
    var sizes = ProcMemorySizes()
    for area in memory.areas {
        sizes.virtualSize &+= area.length
        if area.growsDown {
            sizes.stack &+= area.length
        } else if area.protection.contains(.PROT_EXEC) && area.file != nil {
            sizes.code &+= area.length
        } else if area.protection.contains(.PROT_WRITE) && !area.isShared {
            sizes.data &+= area.length
        }
    }
    return sizes
}

/// /proc/PID/maps.
func procTaskMaps(_ subject: ProcSubject, _ context: VFSContext) throws(Errno) -> [UInt8] {
    guard let task = subject.taskIfAny else { return [] }
    var text = ProcText()
    for area in task.memory.areas { text.append(procMapsLine(area)) }
    return text.bytes
}

/// One line of maps: the name begins in column 74.
func procMapsLine(_ area: MemoryArea) -> [UInt8] {
    let flags =
        (area.protection.contains(.PROT_READ) ? "r" : "-") + (area.protection.contains(.PROT_WRITE) ? "w" : "-")
        + (area.protection.contains(.PROT_EXEC) ? "x" : "-") + (area.isShared ? "s" : "p")
    let device = area.file?.device ?? 0
    var head =
        "\(hexadecimal(area.start, width: 8))-\(hexadecimal(area.end, width: 8)) \(flags) "
        + "\(hexadecimal(area.file == nil ? 0 : area.offset, width: 8)) "
        + "\(hexadecimal(device >> 8 & 0xfff, width: 2)):\(hexadecimal(device & 0xff | device >> 12 & 0xfff00, width: 2)) "
        + "\(area.file?.inode ?? 0) "
    var name: [UInt8] = []
    switch area.label {
    case .none: if let file = area.file { name = procEscaped(file.name, [0x0a]) }
    case .heap: name = Array("[heap]".utf8)
    case .stack: name = Array("[stack]".utf8)
    case .vdso: name = Array("[vdso]".utf8)
    }
    if !name.isEmpty { head += String(repeating: " ", count: max(0, 73 - head.utf8.count)) }
    return Array(head.utf8) + name + [0x0a]
}
