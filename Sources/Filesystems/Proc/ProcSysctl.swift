// /proc/sys: read-only values that programs look at.
import Kernel
import LinuxABI
import VFS

/// Builds /proc/sys.
func procSysctl(_ proc: ProcFileSystem, _ builder: inout ProcTreeBuilder) -> StaticDirectory {
    builder.buildsSysctl = true
    defer { builder.buildsSysctl = false }
    let root = builder.directory()
    let kernel = proc.kernel

    let kernelDirectory = builder.directory()
    root.add("kernel", kernelDirectory)
    kernelDirectory.add("hostname", builder.file { [unowned kernel] _ in kernel.hostName + [0x0a] })
    kernelDirectory.add("domainname", builder.file { [unowned kernel] _ in kernel.domainName + [0x0a] })
    for (name, value) in [
        ("ostype", KernelIdentity.name), ("osrelease", KernelIdentity.release), ("version", KernelIdentity.version),
        ("pid_max", "32768"), ("threads-max", "32000"), ("cap_last_cap", "40"), ("ngroups_max", "65536"), ("overflowuid", "65534"),
        ("overflowgid", "65534"), ("tainted", "0"), ("randomize_va_space", "2"), ("core_pattern", "core"), ("core_uses_pid", "0"),
        ("dmesg_restrict", "1"), ("kptr_restrict", "2"), ("perf_event_paranoid", "3"), ("unprivileged_userns_clone", "0"),
        ("sched_child_runs_first", "0"), ("shmmax", "18446744073692774399"), ("shmall", "18446744073692774399"), ("shmmni", "4096"),
        ("msgmax", "8192"), ("msgmnb", "16384"), ("msgmni", "32000"), ("sem", "32000\t1024000000\t500\t32000"),
        ("io_uring_disabled", "2"),
    ] {
        kernelDirectory.add(name, builder.text(value + "\n"))
    }
    let random = builder.directory()
    kernelDirectory.add("random", random)
    let bootID = proc.bootID
    random.add("uuid", builder.file { _ in randomUUID() })
    random.add("boot_id", builder.file { _ in bootID })
    random.add("entropy_avail", builder.text("256\n"))
    random.add("poolsize", builder.text("256\n"))

    let vm = builder.directory()
    root.add("vm", vm)
    for (name, value) in [
        ("overcommit_memory", "0"), ("overcommit_ratio", "50"), ("overcommit_kbytes", "0"), ("max_map_count", "65530"),
        ("mmap_min_addr", "65536"), ("swappiness", "60"), ("nr_hugepages", "0"), ("page-cluster", "3"),
    ] {
        vm.add(name, builder.text(value + "\n"))
    }

    let fs = builder.directory()
    root.add("fs", fs)
    for (name, value) in [
        ("file-max", "9223372036854775807"), ("file-nr", "0\t0\t9223372036854775807"), ("nr_open", "1048576"),
        ("pipe-max-size", "\(Pipe.maximumCapacity)"), ("pipe-user-pages-soft", "\(Pipe.softPageLimit)"), ("pipe-user-pages-hard", "0"),
        ("lease-break-time", "45"), ("protected_hardlinks", "1"), ("protected_symlinks", "1"), ("protected_fifos", "1"),
        ("protected_regular", "2"), ("suid_dumpable", "0"), ("aio-max-nr", "0"), ("aio-nr", "0"),
    ] {
        fs.add(name, builder.text(value + "\n"))
    }
    let epoll = builder.directory()
    fs.add("epoll", epoll)
    epoll.add("max_user_watches", builder.text("\(EpollDescription.maximumWatches)\n"))

    let net = builder.directory()
    root.add("net", net)
    let core = builder.directory()
    net.add("core", core)
    core.add("somaxconn", builder.text("4096\n"))
    return root
}
