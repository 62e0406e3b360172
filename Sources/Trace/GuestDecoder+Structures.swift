// The structures of system calls as text (the layouts are x86-64's).
import LinuxABI

extension GuestDecoder {
    /// One value at `address`; nil if it cannot be read.
    func structText(_ address: UserAddress, _ pointee: PointeeFormat, inArray: Bool = false) -> String? {
        switch pointee {
        case .int, .uint, .long, .ulong, .off, .hex: integerText(address, pointee).map { inArray ? $0 : "[\($0)]" }
        case .timespec: words(address, 2).map { timeText($0[...], "nsec") }
        case .timeval: words(address, 2).map { timeText($0[...], "usec") }
        case .itimerspec: words(address, 4).map { "{it_interval=\(timeText($0[..<2], "nsec")), it_value=\(timeText($0[2...], "nsec"))}" }
        case .itimerval: words(address, 4).map { "{it_interval=\(timeText($0[..<2], "usec")), it_value=\(timeText($0[2...], "usec"))}" }
        case .stat: words(address, 18).map(statText)
        case .statx: words(address, 32).map(statxText)
        case .statfs:
            words(address, 11).map { "{f_type=\(hexadecimal($0[0])), f_bsize=\($0[1]), f_blocks=\($0[2]), f_bfree=\($0[3]), ...}" }
        case .sigset: words(address, 1).map { signalSetText($0[0]) }
        case .sigaction: words(address, 4).map(actionText)
        case .siginfo: words(address, 4).map(signalInfoText)
        case .stack: words(address, 3).map { "{ss_sp=\(scalarText($0[0], .addr)), ss_flags=\(stackFlags.text($0[1])), ss_size=\($0[2])}" }
        case .msghdr: words(address, 7).map(messageText)
        case .pollfd: words(address, 1).map { pollText($0[0]) }
        case .epollEvent: epollText(address)
        case .rlimit: words(address, 2).map { "{rlim_cur=\(limitText($0[0])), rlim_max=\(limitText($0[1]))}" }
        case .rusage:
            words(address, 18).map {
                "{ru_utime=\(timeText($0[..<2], "usec")), ru_stime=\(timeText($0[2..<4], "usec")), ru_maxrss=\($0[4]), ...}"
            }
        case .utsname: nameText(address)
        case .tms: words(address, 4).map { "{tms_utime=\($0[0]), tms_stime=\($0[1]), tms_cutime=\($0[2]), tms_cstime=\($0[3])}" }
        case .waitStatus: (try? memory.copyIn(address, as: Int32.self)).map { "[\(waitStatusText($0))]" }
        case .openHow:
            words(address, 3).map { "{flags=\(FlagSet.open_flags.text($0[0])), mode=\(octal($0[1])), resolve=\(hexadecimal($0[2]))}" }
        case .cloneArguments:
            words(address, 8).map {
                "{flags=\(FlagSet.clone_flags.text($0[0])), exit_signal=\(signalName(Int32(truncatingIfNeeded: $0[4]))), "
                    + "stack=\(scalarText($0[5], .addr)), stack_size=\($0[6]), tls=\(scalarText($0[7], .addr))}"
            }
        case .bytes, .path, .string, .strings, .environment, .iovec, .sockaddr, .fdSet, .opaque: nil
        }
    }

    private func integerText(_ address: UserAddress, _ pointee: PointeeFormat) -> String? {
        switch pointee {
        case .int: (try? memory.copyIn(address, as: Int32.self)).map { String($0) }
        case .uint: (try? memory.copyIn(address, as: UInt32.self)).map { String($0) }
        case .long, .off: (try? memory.copyIn(address, as: Int64.self)).map { String($0) }
        case .hex: (try? memory.copyIn(address, as: UInt64.self)).map(hexadecimal)
        default: (try? memory.copyIn(address, as: UInt64.self)).map { String($0) }
        }
    }

    private func timeText(_ words: ArraySlice<UInt64>, _ unit: String) -> String {
        guard let seconds = words.first, let fraction = words.last else { return "?" }
        switch fraction {
        case 0x3fff_ffff: return "UTIME_NOW"
        case 0x3fff_fffe: return "UTIME_OMIT"
        default: return "{tv_sec=\(Int64(bitPattern: seconds)), tv_\(unit)=\(Int64(bitPattern: fraction))}"
        }
    }

    private func statText(_ words: [UInt64]) -> String {
        // st_dev, st_ino, st_nlink, st_mode | st_uid, st_gid | pad, st_rdev, st_size, …
        "{st_mode=\(modeText(words[3])), st_size=\(words[6]), st_ino=\(words[1]), st_nlink=\(words[2]), st_uid=\(words[3] >> 32), ...}"
    }

    private func statxText(_ words: [UInt64]) -> String {
        // stx_mask | stx_blksize, stx_attributes, stx_nlink | stx_uid, stx_gid | stx_mode, stx_ino, stx_size, …
        "{stx_mask=\(FlagSet.statx_mask.text(words[0] & 0xffff_ffff)), stx_mode=\(modeText(words[3] >> 32 & 0xffff)), stx_size=\(words[5]), "
            + "stx_ino=\(words[4]), ...}"
    }

    private func modeText(_ word: UInt64) -> String {
        let types: [UInt64: String] = [
            0o140000: "S_IFSOCK", 0o120000: "S_IFLNK", 0o100000: "S_IFREG", 0o060000: "S_IFBLK", 0o040000: "S_IFDIR", 0o020000: "S_IFCHR",
            0o010000: "S_IFIFO",
        ]
        let mode = word & 0xffff_ffff
        guard let type = types[mode & 0o170000] else { return octal(mode) }
        return "\(type)|\(octal(mode & 0o7777))"
    }

    private func actionText(_ words: [UInt64]) -> String {
        let handler = words[0] == 0 ? "SIG_DFL" : words[0] == 1 ? "SIG_IGN" : hexadecimal(words[0])
        return "{sa_handler=\(handler), sa_mask=\(signalSetText(words[3])), sa_flags=\(actionFlags.text(words[1])), "
            + "sa_restorer=\(scalarText(words[2], .addr))}"
    }

    private func signalInfoText(_ words: [UInt64]) -> String {
        "{si_signo=\(signalName(Int32(truncatingIfNeeded: words[0]))), si_code=\(Int32(truncatingIfNeeded: words[1])), "
            + "si_pid=\(Int32(truncatingIfNeeded: words[2])), si_uid=\(words[2] >> 32), si_status=\(Int32(truncatingIfNeeded: words[3]))}"
    }

    private func messageText(_ words: [UInt64]) -> String {
        let name = words[0] == 0 ? "NULL" : socketAddress(words[0], words[1] & 0xffff_ffff)
        return "{msg_name=\(name), msg_iov=\(vector(words[2], words[3])), msg_iovlen=\(words[3]), msg_controllen=\(words[5]), "
            + "msg_flags=\(FlagSet.msg_flags.text(words[6]))}"
    }

    private func pollText(_ word: UInt64) -> String {
        let returned = word >> 48
        return "{fd=\(Int32(truncatingIfNeeded: word)), events=\(pollFlags.text(word >> 32 & 0xffff))"
            + (returned == 0 ? "}" : ", revents=\(pollFlags.text(returned))}")
    }

    private func epollText(_ address: UserAddress) -> String? {
        guard let events = try? memory.copyIn(address, as: UInt32.self) else { return nil }
        guard let data = try? memory.copyIn(address + 4, as: UInt64.self) else { return nil }
        return "{events=\(epollFlags.text(UInt64(events))), data=\(hexadecimal(data))}"
    }

    private func limitText(_ value: UInt64) -> String { value == .max ? "RLIM64_INFINITY" : String(value) }

    private func nameText(_ address: UserAddress) -> String? {
        guard let bytes = try? memory.copyIn(address, count: 390) else { return nil }
        return
            "{sysname=\(namedField(bytes[..<65])), nodename=\(namedField(bytes[65..<130])), release=\(namedField(bytes[130..<195])), ...}"
    }

    private func waitStatusText(_ status: Int32) -> String {
        switch status & 0x7f {
        case 0: return "{WIFEXITED(s) && WEXITSTATUS(s) == \(status >> 8 & 0xff)}"
        case 0x7f:
            return status == 0xffff ? "{WIFCONTINUED(s)}" : "{WIFSTOPPED(s) && WSTOPSIG(s) == \(signalName(status >> 8 & 0xff))}"
        case let signal: return "{WIFSIGNALED(s) && WTERMSIG(s) == \(signalName(signal))\(status & 0x80 != 0 ? " && WCOREDUMP(s)" : "")}"
        }
    }
}

private let actionFlags = FlagSet(
    .ulong, isEnumeration: false,
    [
        .init("SA_RESTORER", 0x0400_0000, 0x0400_0000), .init("SA_NOCLDSTOP", 1, 1), .init("SA_NOCLDWAIT", 2, 2), .init("SA_SIGINFO", 4, 4),
        .init("SA_ONSTACK", 0x0800_0000, 0x0800_0000), .init("SA_RESTART", 0x1000_0000, 0x1000_0000),
        .init("SA_NODEFER", 0x4000_0000, 0x4000_0000), .init("SA_RESETHAND", 0x8000_0000, 0x8000_0000),
    ])

private let stackFlags = FlagSet(
    .int, isEnumeration: false, [.init("SS_ONSTACK", 1, 1), .init("SS_DISABLE", 2, 2), .init("SS_AUTODISARM", 1 << 31, 1 << 31)])

private let pollFlags = FlagSet(
    .ulong, isEnumeration: false,
    [
        .init("POLLIN", 1, 1), .init("POLLPRI", 2, 2), .init("POLLOUT", 4, 4), .init("POLLERR", 8, 8), .init("POLLHUP", 0x10, 0x10),
        .init("POLLNVAL", 0x20, 0x20), .init("POLLRDNORM", 0x40, 0x40), .init("POLLRDBAND", 0x80, 0x80), .init("POLLWRNORM", 0x100, 0x100),
        .init("POLLRDHUP", 0x2000, 0x2000),
    ])

private let epollFlags = FlagSet(
    .ulong, isEnumeration: false,
    [
        .init("EPOLLIN", 1, 1), .init("EPOLLPRI", 2, 2), .init("EPOLLOUT", 4, 4), .init("EPOLLERR", 8, 8), .init("EPOLLHUP", 0x10, 0x10),
        .init("EPOLLRDNORM", 0x40, 0x40), .init("EPOLLWRNORM", 0x100, 0x100), .init("EPOLLRDHUP", 0x2000, 0x2000),
        .init("EPOLLEXCLUSIVE", 1 << 28, 1 << 28), .init("EPOLLWAKEUP", 1 << 29, 1 << 29), .init("EPOLLONESHOT", 1 << 30, 1 << 30),
        .init("EPOLLET", 1 << 31, 1 << 31),
    ])
