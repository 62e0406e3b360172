// Hostile arguments to every call by number: the kernel answers, whatever the answer, and goes on.
#define CASE_SECONDS 60
#include "../conformance.h"
#include <sys/prctl.h>

// What would end or block the process that asks, or change the machine it runs on.
static int is_excluded(long n) {
    static const int excluded[] = {SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_pause, SYS_rt_sigsuspend, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_reboot, SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_swapon, SYS_swapoff, SYS_sethostname, SYS_setdomainname, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_vhangup, SYS_pivot_root, SYS_mount, SYS_umount2, SYS_chroot, SYS_sync, SYS_syncfs, SYS_quotactl, SYS_acct, SYS_iopl, SYS_ioperm, SYS_syslog, SYS_kill, SYS_tkill, SYS_tgkill, SYS_ptrace, SYS_setns, SYS_unshare, SYS_alarm, SYS_setitimer, SYS_munmap, SYS_brk, SYS_mremap, SYS_mprotect, SYS_mmap, SYS_shmat, SYS_arch_prctl, SYS_set_thread_area, SYS_seccomp, SYS_prctl, SYS_rseq, SYS_remap_file_pages, SYS_madvise, SYS_process_madvise, SYS_bpf, SYS_perf_event_open, SYS_rt_sigtimedwait, SYS_wait4, SYS_waitid, SYS_nanosleep, SYS_clock_nanosleep, SYS_futex, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_pkey_mprotect, SYS_userfaultfd, SYS_setrlimit, SYS_prlimit64, SYS_mlockall, SYS_chmod, SYS_chown, SYS_lchown, SYS_fchownat, SYS_fchmodat};
    for (size_t i = 0; i < sizeof excluded / sizeof *excluded; i++)
        if (excluded[i] == n) return 1;
    return n >= 424 && n <= 434 || n >= 440;
}

static const unsigned long values[] = {0, 1, 3, 8, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7ffe00000000, 0x7ffe10000000, 0x7fffffffffff, 0x800000000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffff800000000000, (unsigned long)-4096, (unsigned long)-1};
#define VALUES (sizeof values / sizeof *values)

/// Descriptors 0, 1, 2 become memory of the caller's own: a call that changes its file must not change the machine's.
static void own_streams(void) {
    int file = memfd_create("streams", 0);
    for (int fd = 0; fd < 3; fd++) dup2(file, fd);
}

CASE(same_value_everywhere) {
    // One child per number: what it did to itself ends with it.
    int done = 0, ended = 0;
    for (long n = 0; n < 450; n++) {
        if (is_excluded(n)) continue;
        pid_t child = fork();
        if (child == 0) {
            own_streams();
            // As nobody, so that natively nothing of the machine can change.
            setresgid(65534, 65534, 65534);
            setresuid(65534, 65534, 65534);
            alarm(5);
            for (size_t i = 0; i < VALUES; i++) syscall(n, values[i], values[i], values[i], values[i], values[i], values[i]);
            for (size_t i = 0; i < VALUES; i++) syscall(n, -1, values[i], values[VALUES - 1 - i], values[i], values[(i * 7) % VALUES], values[(i * 5) % VALUES]);
            _exit(0);
        }
        int status;
        if (waitpid(child, &status, 0) == child) ended++;
        done++;
    }
    CHECK(done == ended);
    CHECK(getppid() > 0);
}

CASE(random_arguments) {
    // The same for mixed values, with a generator of its own so that both sides ask the same.
    unsigned long long state = 88172645463325252ull;
    int ended = 0;
    for (int round = 0; round < 60; round++) {
        pid_t child = fork();
        if (child == 0) {
            own_streams();
            setresgid(65534, 65534, 65534);
            setresuid(65534, 65534, 65534);
            alarm(5);
            for (int i = 0; i < 300; i++) {
                unsigned long a[7];
                for (int k = 0; k < 7; k++) {
                    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
                    a[k] = k == 0 ? state >> 8 : state & 1 ? values[(state >> 8) % VALUES] : state >> (state >> 3 & 63);
                }
                long n = a[0] % 336;
                if (!is_excluded(n)) syscall(n, a[1], a[2], a[3], a[4], a[5], a[6]);
            }
            _exit(0);
        }
        for (int i = 0; i < 100; i++) state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        int status;
        ended += waitpid(child, &status, 0) == child;
    }
    VALUE(ended);
}

CASE(memory_calls) {
    // Those left out above, each in a child of its own, over addresses that are nobody's.
    static const long numbers[] = {SYS_munmap, SYS_mprotect, SYS_madvise, SYS_mremap, SYS_msync, SYS_mlock, SYS_munlock, SYS_mincore, SYS_brk, SYS_mmap, SYS_mbind, SYS_remap_file_pages, SYS_pkey_mprotect, SYS_set_robust_list, SYS_set_tid_address};
    static const unsigned long addresses[] = {0x7ffe00000000, 0x7ffe10000000, 0x7ffe10001000, 0x7ffdfffff000, 0x7ffffffff000, 0x800000000000, 0xffff800000000000, (unsigned long)-4096};
    static const unsigned long lengths[] = {0, 1, 4096, 8192, 1ul << 30, 1ul << 46, 1ul << 47, 1ul << 63, (unsigned long)-4096, (unsigned long)-1};
    int ended = 0, started = 0;
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        started++;
        pid_t child = fork();
        if (child == 0) {
            struct rlimit none = {0, 0};
            setrlimit(RLIMIT_CORE, &none);
            alarm(5);
            for (size_t a = 0; a < sizeof addresses / sizeof *addresses; a++)
                for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
                    for (int flag = 0; flag < 4; flag++) syscall(numbers[n], addresses[a], lengths[l], flag == 1 ? lengths[l] * 2 : flag, 0x32 + flag, -1, addresses[a]);
            _exit(0);
        }
        int status;
        ended += waitpid(child, &status, 0) == child;
    }
    CHECK_EQ(started, ended);
}

CASE(stub_memory_is_out_of_reach) {
    // A store to the stub's code must not work; a read or store of the slots may, but changes nothing for others.
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    int status;
    pid_t child = fork();
    if (child == 0) {
        for (unsigned long a = 0x7ffe00000000; a < 0x7ffe00004000; a += 4096) *(volatile char *)a = 0xcc;
        for (int i = 0; i < 100; i++) getppid();
        _exit(0);
    }
    waitpid(child, &status, 0);
    note("wrote over the code: gone");
    child = fork();
    if (child == 0) {
        memset((void *)0x7ffe10000000, 0xff, 4096);
        for (int i = 0; i < 100; i++) {
            getppid();
            usleep(1);
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    note("wrote over the slot: gone");
    child = fork();
    if (child == 0) ((void (*)(void))0x7ffe00000000)();
    waitpid(child, &status, 0);
    note("jumped into the stub: gone");
    for (int offset = 0; offset < 4096; offset += 61) {
        child = fork();
        if (child == 0) {
            alarm(2);
            __asm__ volatile("mov $39,%%eax\n mov $0x7ffe00000000,%%rcx\n add %0,%%rcx\n jmp *%%rcx" ::"r"((long)offset) : "rax", "rcx");
        }
        waitpid(child, &status, 0);
    }
    note("jumped to many places of the stub: gone");
    CHECK(getppid() > 0);
}

CASE(other_entries) {
    // The 32-bit gate and x32 numbers never reach the kernel's own implementation.
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    int status;
    pid_t child = fork();
    if (child == 0) {
        int result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20), "b"(0), "c"(0), "d"(0) : "memory");
        // 20 is getpid there. Natively it answers; inside it must not name the host's number.
        _exit(result == getpid() || result == -ENOSYS ? 0 : 1);
    }
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    child = fork();
    if (child == 0) {
        __asm__ volatile("sysenter" ::: "memory", "rax", "rcx", "rdx");
        _exit(0);
    }
    waitpid(child, &status, 0);
    CHECK(getppid() > 0);
}

CASE(odd_flags_and_stacks) {
    // Calls made with the direction flag set, without a stack, from the end of a page.
    long pid;
    __asm__ volatile("std\n mov $39,%%eax\n syscall\n cld" : "=a"(pid)::"rcx", "r11", "memory");
    CHECK(pid == getpid());
    __asm__ volatile("mov %%rsp,%%r12\n xor %%esp,%%esp\n mov $39,%%eax\n syscall\n mov %%r12,%%rsp" : "=a"(pid)::"rcx", "r11", "r12", "memory");
    CHECK(pid == getpid());
    __asm__ volatile("mov %%rsp,%%r12\n mov $-1,%%rsp\n mov $110,%%eax\n syscall\n mov %%r12,%%rsp" : "=a"(pid)::"rcx", "r11", "r12", "memory");
    CHECK(pid == getppid());
    // A call that traps (not an express one) without a stack.
    long result;
    __asm__ volatile("mov %%rsp,%%r12\n xor %%esp,%%esp\n mov $24,%%eax\n syscall\n mov $13,%%eax\n mov $99,%%edi\n xor %%esi,%%esi\n xor %%edx,%%edx\n mov $8,%%r10d\n syscall\n mov %%r12,%%rsp" : "=a"(result)::"rcx", "r11", "r12", "rdi", "rsi", "rdx", "r10", "memory");
    VALUE(result);
    __asm__ volatile("mov %%rsp,%%r12\n mov $0x7ffe10000800,%%rsp\n mov $13,%%eax\n mov $99,%%edi\n xor %%esi,%%esi\n xor %%edx,%%edx\n mov $8,%%r10d\n syscall\n mov %%r12,%%rsp" : "=a"(result)::"rcx", "r11", "r12", "rdi", "rsi", "rdx", "r10", "memory");
    VALUE(result);
    char *code = before_edge(7);
    NEED(mprotect((char *)((uintptr_t)code & ~4095ul), 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
    memcpy(code, "\xb8\x27\x00\x00\x00\x0f\x05", 7);
    // The instruction after the call is on a page that cannot be executed: the fault comes after the call.
    signal(SIGSEGV, (void (*)(int))_exit);
    IN_CHILD("call at the end of a page", ((void (*)(void))code)());
}
