// clone(2), clone3(2): flags, their contradictions, what is shared.
#include "../conformance.h"
#include <linux/sched.h>

static char stack[65536] __attribute__((aligned(16)));
static int value;

static long raw_clone(unsigned long flags, void *sp, int *parent_tid, int *child_tid, unsigned long tls) {
    return syscall(SYS_clone, flags, sp, parent_tid, child_tid, tls);
}

CASE(contradictions) {
    CALL(raw_clone(CLONE_THREAD, 0, 0, 0, 0));
    CALL(raw_clone(CLONE_SIGHAND, 0, 0, 0, 0));
    CALL(raw_clone(CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0));
    CALL(raw_clone(CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0));
    CALL(raw_clone(CLONE_FS | CLONE_NEWUSER, 0, 0, 0, 0));
    CALL(raw_clone(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWPID, 0, 0, 0, 0));
    CALL(raw_clone(CLONE_PIDFD | CLONE_PARENT_SETTID, 0, 0, 0, 0));
    struct clone_args a = {0};
    CALL(syscall(SYS_clone3, &a, 8));
    CALL(syscall(SYS_clone3, &a, 5000));
    CALL(syscall(SYS_clone3, STUB_SLOTS, sizeof a));
    CALL(syscall(SYS_clone3, 0, sizeof a));
    a.exit_signal = 65;
    CALL(syscall(SYS_clone3, &a, sizeof a));
    a.exit_signal = SIGCHLD, a.stack_size = 4096;
    CALL(syscall(SYS_clone3, &a, sizeof a));
    a.stack_size = 0, a.stack = (uintptr_t)stack;
    CALL(syscall(SYS_clone3, &a, sizeof a));
    a.stack = 0, a.flags = 0xff;
    CALL(syscall(SYS_clone3, &a, sizeof a));
    a.flags = 1ul << 60;
    CALL(syscall(SYS_clone3, &a, sizeof a));
    a.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    CALL(syscall(SYS_clone3, &a, sizeof a));
    char big[128] = {0};
    big[100] = 1;
    CALL(syscall(SYS_clone3, big, 128));
}

CASE(memory_shared) {
    int body(void *u) {
        value = 5;
        return 3;
    }
    pid_t child = clone(body, stack + sizeof stack, CLONE_VM | SIGCHLD, 0);
    CHECK(child > 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    print_status("child", status);
    VALUE(value);
    value = 0;
    child = clone(body, stack + sizeof stack, SIGCHLD, 0);
    waitpid(child, &status, 0);
    VALUE(value);
}

CASE(files_and_directory_shared) {
    int body(void *u) {
        close(0);
        chdir("/");
        umask(0);
        return 0;
    }
    int status;
    pid_t child = clone(body, stack + sizeof stack, SIGCHLD, 0);
    waitpid(child, &status, 0);
    CALL(fcntl(0, F_GETFD));
    HEX(umask(022));
    child = clone(body, stack + sizeof stack, CLONE_FILES | SIGCHLD, 0);
    waitpid(child, &status, 0);
    CALL(fcntl(0, F_GETFD));
    HEX(umask(022));
    make_file("here", "");
    child = clone(body, stack + sizeof stack, CLONE_FS | SIGCHLD, 0);
    waitpid(child, &status, 0);
    CALL(access("here", F_OK));
    HEX(umask(022));
}

CASE(exit_signals) {
    static volatile sig_atomic_t got;
    void handler(int s) { got = s; }
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGCHLD, handler, 0);
    int body(void *u) { return 4; }
    int status;
    pid_t child = clone(body, stack + sizeof stack, SIGUSR1, 0);
    sleep_ms(50);
    TEXT(signal_name(got));
    CALL(waitpid(child, &status, WNOHANG));
    CHECK(waitpid(child, &status, __WCLONE) == child);
    print_status("child", status);
    got = 0;
    child = clone(body, stack + sizeof stack, 0, 0);
    sleep_ms(50);
    VALUE(got);
    CHECK(waitpid(child, &status, __WALL) == child);
    print_status("child", status);
    child = clone(body, stack + sizeof stack, SIGCHLD, 0);
    CALL(waitpid(child, &status, __WCLONE));
    CHECK(waitpid(child, &status, __WALL) == child);
}

CASE(thread_ids_written) {
    int parent_tid = 0, child_tid = 0, status;
    pid_t child = raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &parent_tid, &child_tid, 0);
    if (child == 0) _exit(child_tid == getpid());
    CHECK(parent_tid == child);
    VALUE(child_tid);
    waitpid(child, &status, 0);
    print_status("child", status);
    CALL(raw_clone(CLONE_PARENT_SETTID | SIGCHLD, 0, STUB_SLOTS, 0, 0) >= 0 ? (getppid(), 0) : -1);
}

CASE(sibling) {
    // The child of CLONE_PARENT is its maker's parent's.
    int fds[2], status;
    NEED(pipe(fds) == 0);
    IN_CHILD("maker", {
        pid_t maker = getpid();
        pid_t child = raw_clone(CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            char c = getppid() != maker;
            write(fds[1], &c, 1);
            _exit(11);
        }
        CALL(waitpid(child, &status, 0));
    });
    char c = 0;
    CALL(read(fds[0], &c, 1));
    VALUE(c);
    CHECK(wait(&status) > 0);
    print_status("sibling", status);
}

CASE(clone3_child) {
    int pidfd = -1, tid = 0, status;
    struct clone_args a = {0};
    a.exit_signal = SIGCHLD;
    a.flags = CLONE_PARENT_SETTID | CLONE_PIDFD;
    a.parent_tid = (uintptr_t)&tid;
    a.pidfd = (uintptr_t)&pidfd;
    pid_t child = syscall(SYS_clone3, &a, sizeof a);
    if (child == 0) _exit(12);
    CHECK(child > 0);
    CHECK(tid == child);
    CHECK(pidfd >= 3);
    CALL(fcntl(pidfd, F_GETFD));
    struct pollfd p = {pidfd, POLLIN, 0};
    CALL(poll(&p, 1, 5000));
    HEX(p.revents);
    siginfo_t info;
    CALL(waitid(3 /* P_PIDFD */, pidfd, &info, WEXITED));
    VALUE(info.si_status);
    a.flags = CLONE_CLEAR_SIGHAND;
    signal(SIGUSR1, (void (*)(int))print_status);
    child = syscall(SYS_clone3, &a, sizeof a);
    if (child == 0) {
        struct sigaction action;
        sigaction(SIGUSR1, 0, &action);
        _exit(action.sa_handler == SIG_DFL);
    }
    waitpid(child, &status, 0);
    print_status("cleared handlers", status);
    a.flags = CLONE_VM | CLONE_VFORK;
    a.stack = (uintptr_t)stack;
    a.stack_size = sizeof stack;
    long result;
    register void *r10 __asm__("r10");
    // The child leaves at once: it has no frame to return to on its own stack.
    __asm__ volatile("syscall\n test %%eax,%%eax\n jnz 1f\n mov $231,%%eax\n mov $13,%%edi\n syscall\n1:" : "=a"(result) : "a"(435), "D"(&a), "S"(sizeof a) : "rcx", "r11", "memory");
    CHECK(result > 0);
    waitpid(result, &status, 0);
    print_status("vfork form", status);
}

CASE(pidfds) {
    int status;
    pid_t child = fork();
    if (child == 0)
        for (;;) pause();
    int fd = syscall(SYS_pidfd_open, child, 0);
    CHECK(fd >= 0);
    CALL(fcntl(fd, F_GETFD));
    struct pollfd p = {fd, POLLIN, 0};
    CALL(poll(&p, 1, 0));
    CALL(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0));
    CALL(syscall(SYS_pidfd_send_signal, fd, 65, 0, 0));
    CALL(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
    CALL(poll(&p, 1, 5000));
    waitpid(child, &status, 0);
    print_status("child", status);
    CALL(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
    CALL(syscall(SYS_pidfd_open, child, 0));
    CALL(syscall(SYS_pidfd_open, 99999999, 0));
    CALL(syscall(SYS_pidfd_open, -1, 0));
    CALL(syscall(SYS_pidfd_open, getpid(), 1));
    CALL(syscall(SYS_pidfd_send_signal, 0, SIGTERM, 0, 0));
}
