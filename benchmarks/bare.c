// The bare mechanisms under the systrap platform, without a kernel behind them: what this host lets them cost at best.
//   direct    a notification straight from the call site, received and answered (with the synchronous wake-up)
//   trap      a trap signal into a handler of the same process and back
//   trap_ring trap, ring by a notification, answer, resume: an ordinary call's whole way
// A line each: NAME NANOSECONDS, the median of several runs.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
enum { RUNS = 7, CALLS = 20000, LISTENER = 100 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}
static int ascending(const void *a, const void *b) { return *(double *)a < *(double *)b ? -1 : *(double *)a > *(double *)b; }

// getpid is answered by the way under test, getppid rings; everything else is allowed.
static int install(unsigned for_getpid, unsigned flags) {
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, for_getpid),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, flags ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof f / sizeof *f, f};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void on_trap(int s, siginfo_t *info, void *context) { ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 42; }
static void on_trap_ring(int s, siginfo_t *info, void *context) {
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = syscall(SYS_getppid);
}

static void report(const char *name) {
    double runs[RUNS];
    for (int r = 0; r < RUNS; r++) {
        double start = now();
        for (int i = 0; i < CALLS; i++)
            if (syscall(SYS_getpid) != 42) _exit(3);
        runs[r] = (now() - start) / CALLS;
    }
    qsort(runs, RUNS, sizeof *runs, ascending);
    printf("%s %.1f\n", name, runs[RUNS / 2]);
    fflush(stdout);
    _exit(0);
}

static void handle(void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSYS, &action, 0);
}

// A child that shares descriptors with us makes the calls; we receive and answer.
static int serve(const char *name, unsigned for_getpid) {
    pid_t child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        handle(on_trap_ring);
        int fd = install(for_getpid, SECCOMP_FILTER_FLAG_NEW_LISTENER);
        if (fd < 0 || dup2(fd, LISTENER) < 0) _exit(2);
        report(name);
    }
    for (int i = 0; i < 1000 && ioctl(LISTENER, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1ul); i++) usleep(1000);
    for (;;) {
        struct seccomp_notif notification;
        struct seccomp_notif_resp response = {0};
        memset(&notification, 0, sizeof notification);
        if (ioctl(LISTENER, SECCOMP_IOCTL_NOTIF_RECV, &notification)) {
            if (errno == EINTR) continue;
            break;
        }
        response.id = notification.id;
        response.val = 42;
        if (ioctl(LISTENER, SECCOMP_IOCTL_NOTIF_SEND, &response) && errno != ENOENT) break;
    }
    int status;
    waitpid(child, &status, 0);
    close(LISTENER);
    return status;
}

int main(void) {
    pid_t child = fork();
    if (child == 0) {
        handle(on_trap);
        if (install(SECCOMP_RET_TRAP, 0)) _exit(2);
        report("trap");
    }
    int status;
    waitpid(child, &status, 0);
    return status || serve("direct", SECCOMP_RET_USER_NOTIF) || serve("trap_ring", SECCOMP_RET_TRAP);
}
