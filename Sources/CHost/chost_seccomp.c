// Seccomp notification and the zygote's start.
#define _GNU_SOURCE
#include "CHost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>

_Static_assert(sizeof(struct chost_notification) == sizeof(struct seccomp_notif), "seccomp_notif");
_Static_assert(offsetof(struct chost_notification, arguments) == offsetof(struct seccomp_notif, data.args), "seccomp_notif");

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

long chost_notification_receive(int listener, struct chost_notification *notification) {
    memset(notification, 0, sizeof *notification);
    return chost_syscall(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_RECV, (long)notification, 0, 0, 0);
}

long chost_notification_send(int listener, uint64_t id, int64_t value, int32_t error, uint32_t flags) {
    struct seccomp_notif_resp response = {.id = id, .val = value, .error = error, .flags = flags};
    return chost_syscall(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_SEND, (long)&response, 0, 0, 0);
}

long chost_notification_add_fd(int listener, uint64_t id, int source, int number) {
    struct seccomp_notif_addfd add = {
        .id = id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)source, .newfd = (uint32_t)number, .newfd_flags = O_CLOEXEC};
    return chost_syscall(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_ADDFD, (long)&add, 0, 0, 0);
}

long chost_notification_set_sync(int listener) {
    return chost_syscall(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1, 0, 0, 0);
}

/// What the zygote's process does before it executes the stub's image. Only raw calls: it runs between fork and exec.
static _Noreturn void become_zygote(int image, int slots, uint64_t descriptor_limit) {
    // Descriptors first to numbers out of the way, so that 0 and 1 can be replaced in any order.
    long high_image = chost_syscall(SYS_fcntl, image, F_DUPFD, 10, 0, 0, 0);
    long high_slots = chost_syscall(SYS_fcntl, slots, F_DUPFD, 10, 0, 0, 0);
    chost_syscall(SYS_dup3, high_slots, 0, 0, 0, 0, 0);
    chost_syscall(SYS_dup3, high_image, 1, O_CLOEXEC, 0, 0, 0);
    chost_syscall(SYS_close_range, 2, ~0U, 0, 0, 0, 0);
    struct rlimit limit = {descriptor_limit, descriptor_limit};
    chost_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0, 0, 0);
    struct rlimit none = {0, 0};
    chost_syscall(SYS_prlimit64, 0, RLIMIT_CORE, (long)&none, 0, 0, 0);
    chost_syscall(SYS_personality, ADDR_NO_RANDOMIZE, 0, 0, 0, 0, 0);
    chost_syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
    chost_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
    // The sentry's own blocked and ignored signals must not pass into the stub.
    uint64_t no_signals = 0;
    chost_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, 8, 0, 0);
    struct { uint64_t handler, flags, restorer, mask; } fallback = {0, 0, 0, 0};
    for (int number = 1; number <= 64; number++)
        if (number != SIGKILL && number != SIGSTOP) chost_syscall(SYS_rt_sigaction, number, (long)&fallback, 0, 8, 0, 0);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    chost_syscall(SYS_capset, (long)&header, (long)data, 0, 0, 0, 0);
    char *arguments[] = {"stub", 0};
    chost_syscall(SYS_execveat, 1, (long)"", (long)arguments, (long)(arguments + 1), AT_EMPTY_PATH, 0);
    chost_syscall(SYS_exit_group, 77, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}

long chost_start_zygote(int image, int slots, uint64_t descriptor_limit) {
    long child = chost_syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (child == 0) become_zygote(image, slots, descriptor_limit);
    return child;
}

/// In the child of a probe: 0x40 and bit 0 for the synchronous wake-up; 0 if no filter could be installed.
static _Noreturn void probe_child(void) {
    long code = 0;
    struct sock_filter allow[] = {{0x06, 0, 0, SECCOMP_RET_ALLOW}};
    struct sock_fprog program = {1, allow};
    chost_syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
    long listener = chost_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, (long)&program, 0, 0, 0);
    if (listener >= 0) code = 0x40 | (chost_notification_set_sync((int)listener) == 0);
    chost_syscall(SYS_exit_group, code, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}

long chost_probe_seccomp(void) {
    long child = chost_syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (child == 0) probe_child();
    if (child < 0) return child;
    int status = 0;
    while (chost_syscall(SYS_wait4, child, (long)&status, 0, 0, 0, 0) == -EINTR) {}
    int code = status >> 8 & 0xff;
    return (status & 0x7f) == 0 && (code & 0x40) ? code & 1 : -ENOSYS;
}
