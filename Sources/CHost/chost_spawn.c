// Starts the runtime's own processes: what lies between clone and exec, raw calls only.
#define _GNU_SOURCE
#include "CHost.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>

/// The child. `descriptors` is its own copy: it has the memory of its parent, copied.
static _Noreturn void become(const struct chost_spawn *request) {
    // Dies with the parent from here on; the parent may be gone already, then the gate or the first message tells.
    chost_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
    chost_syscall(SYS_setsid, 0, 0, 0, 0, 0, 0);
    struct { uint64_t handler, flags, restorer, mask; } fallback = {0, 0, 0, 0};
    for (int number = 1; number <= 64; number++)
        if (number != SIGKILL && number != SIGSTOP) chost_syscall(SYS_rt_sigaction, number, (long)&fallback, 0, 8, 0, 0);
    uint64_t no_signals = 0;
    chost_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, 8, 0, 0);

    if (request->start_gate >= 0) {
        char byte;
        if (chost_syscall(SYS_read, request->start_gate, (long)&byte, 1, 0, 0, 0) != 1) goto failed;
    }
    // First to numbers out of the way, so that the low ones can be replaced in any order.
    int *descriptors = (int *)request->descriptors;
    size_t count = request->descriptor_count;
    for (size_t index = 0; index < count; index++) {
        descriptors[index] = (int)chost_syscall(SYS_fcntl, descriptors[index], F_DUPFD_CLOEXEC, (long)count + 1, 0, 0, 0);
        if (descriptors[index] < 0) goto failed;
    }
    long executable = chost_syscall(SYS_fcntl, request->executable, F_DUPFD_CLOEXEC, (long)count + 1, 0, 0, 0);
    if (executable < 0) goto failed;
    for (size_t index = 0; index < count; index++)
        if (chost_syscall(SYS_dup3, descriptors[index], (long)index, 0, 0, 0, 0) < 0) goto failed;
    executable = chost_syscall(SYS_dup3, executable, (long)count, O_CLOEXEC, 0, 0, 0);
    if (executable < 0) goto failed;
    if (chost_syscall(SYS_close_range, (long)count + 1, ~0U, 0, 0, 0, 0) < 0) goto failed;
    char *environment[] = {0};
    chost_syscall(SYS_execveat, executable, (long)"", (long)request->arguments, (long)environment, AT_EMPTY_PATH, 0);
failed:
    chost_syscall(SYS_exit_group, 111, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}

long chost_spawn(const struct chost_spawn *request, int *pidfd) {
    *pidfd = -1;
    struct clone_args arguments = {
        .flags = request->namespaces | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = SIGCHLD};
    long child = chost_syscall(SYS_clone3, (long)&arguments, sizeof arguments, 0, 0, 0, 0);
    if (child == 0) become(request);
    return child;
}
