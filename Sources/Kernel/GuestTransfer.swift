import LinuxABI
import Memory
import Platform
import VFS

// Guest memory as the source and sink of file I/O: one range, or the ranges of an iovec.

/// A range of addresses that a process may have; copying decides what is there. The stub's own range is nothing that can be copied.
public struct GuestRange: Sendable {
    public var start: UInt64
    public var count: Int

    /// TASK_SIZE_MAX of x86-64.
    private static let end: UInt64 = 0x7fff_ffff_f000

    /// - Throws: `EFAULT` if it does not lie in user space (access_ok of Linux).
    public init(_ address: UserAddress, _ count: UInt64) throws(Errno) {
        let (end, overflow) = address.rawValue.addingReportingOverflow(count)
        if overflow || end > Self.end { throw .EFAULT }
        start = address.rawValue
        self.count = Int(count)
    }
}

extension AddressSpace {
    /// An iovec array: at most 1,024 ranges, together at most MAX_RW_COUNT bytes (import_iovec of Linux).
    ///
    /// - Throws: `EINVAL` for more, or a negative length; `EFAULT`.
    public func copyInVectors(_ address: UserAddress, _ count: UInt64) throws(Errno) -> [GuestRange] {
        if count > 1024 { throw .EINVAL }
        var ranges: [GuestRange] = []
        ranges.reserveCapacity(Int(count))
        let bytes = try copyIn(address, count: Int(count) * 16)
        var room = maximumTransfer
        for index in 0..<Int(count) {
            let (base, length) = bytes.withUnsafeBytes {
                (
                    $0.loadUnaligned(fromByteOffset: 16 * index, as: UInt64.self),
                    $0.loadUnaligned(fromByteOffset: 16 * index + 8, as: UInt64.self)
                )
            }
            if Int64(bitPattern: length) < 0 { throw .EINVAL }
            // The whole range is checked, as access_ok does; only then is it cut.
            var range = try GuestRange(UserAddress(base), length)
            range.count = min(range.count, room)
            room -= range.count
            if range.count > 0 { ranges.append(range) }
        }
        return ranges
    }
}

/// What one read or write moves at most (Linux's MAX_RW_COUNT).
public let maximumTransfer = 0x7fff_f000

/// Guest memory that a read fills.
public final class GuestSink: IOSink {
    private let memory: AddressSpace
    private let ranges: [GuestRange]
    private var index = 0
    private var position = 0

    public init(_ memory: AddressSpace, _ ranges: [GuestRange]) {
        self.memory = memory
        self.ranges = ranges
        super.init(capacity: ranges.reduce(0) { $0 + $1.count })
    }

    override public func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        var done = 0
        while done < bytes.count, index < ranges.count {
            let range = ranges[index]
            let count = min(range.count - position, bytes.count - done)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<done + count])
            let copied = memory.copyOutPartial(piece, to: UserAddress(range.start + UInt64(position)))
            done += copied
            position += copied
            remaining -= copied
            if copied < count {
                if done == 0 { throw .EFAULT }
                return done
            }
            if position == range.count {
                index += 1
                position = 0
            }
        }
        return done
    }
}

/// Guest memory that a write empties.
public final class GuestSource: IOSource {
    private let memory: AddressSpace
    private let ranges: [GuestRange]
    private var index = 0
    private var position = 0

    public init(_ memory: AddressSpace, _ ranges: [GuestRange]) {
        self.memory = memory
        self.ranges = ranges
        super.init(count: ranges.reduce(0) { $0 + $1.count })
    }

    override public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        var done = 0
        while done < buffer.count, index < ranges.count {
            let range = ranges[index]
            let count = min(range.count - position, buffer.count - done)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            let copied = memory.copyInPartial(UserAddress(range.start + UInt64(position)), into: piece)
            done += copied
            position += copied
            remaining -= copied
            if copied < count {
                if done == 0 { throw .EFAULT }
                return done
            }
            if position == range.count {
                index += 1
                position = 0
            }
        }
        return done
    }

    override public func giveBack(_ count: Int) {
        remaining += count
        var left = count
        while left > position {
            left -= position
            index -= 1
            position = ranges[index].count
        }
        position -= left
    }
}
