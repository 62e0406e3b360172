import CStub
import HostSyscalls
import Platform

/// The slot windows of one address space, shared by the processes that share it (vfork).
///
/// Slot `index` of the address space lies in window `index / 16`; a window is mapped by an order when its first slot is needed.
final class SlotWindows {
    /// Slots that one address space may have: the range behind ``GuestLayout/slotBase``.
    static let capacity = 16_384

    private let file: SlotFile
    private(set) var windows: [Int]
    private var used: [Bool] = []

    init?(file: SlotFile) {
        guard let window = file.allocate() else { return nil }
        self.file = file
        windows = [window]
        used = [Bool](repeating: false, count: Int(SLOTS_PER_WINDOW))
    }

    deinit { for window in windows { file.release(window) } }

    /// Takes a free slot. `newWindow` is set when a window has to be mapped first.
    func allocate() -> (index: Int, newWindow: Int?)? {
        if let index = used.firstIndex(of: false) {
            used[index] = true
            return (index, nil)
        }
        guard used.count < SlotWindows.capacity, let window = file.allocate() else { return nil }
        windows.append(window)
        let index = used.count
        used.append(contentsOf: repeatElement(false, count: Int(SLOTS_PER_WINDOW)))
        used[index] = true
        return (index, window)
    }

    func release(_ index: Int) { used[index] = false }

    func slot(_ index: Int) -> Slot {
        file.slot(window: windows[index / Int(SLOTS_PER_WINDOW)], index: index % Int(SLOTS_PER_WINDOW))
    }

    /// A slot's address in the guest.
    static func address(_ index: Int) -> UInt64 { UInt64(SLOT_BASE) + UInt64(index) * UInt64(SLOT_SIZE) }
}

/// A host process that runs a guest process.
final class SystrapProcess: PlatformProcess {
    /// 0 until it has announced itself.
    var hostID: Int32 = 0
    let windows: SlotWindows
    /// Live threads, strongly held until they exit or the process is reaped.
    var threads: [SystrapThread] = []
    /// A kill was sent: events of its threads are ignored from then on.
    private(set) var isDying = false

    init(windows: SlotWindows) { self.windows = windows }

    func kill() {
        isDying = true
        // Not reaped before the kernel lock is taken for it: the id cannot have been reused.
        if hostID > 0 { _ = rawHostCall(HostSyscall.kill, Int(hostID), 9) }
    }
}
