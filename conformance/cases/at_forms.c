// The at forms and older twins that the other files leave out: mkdirat, mknodat, symlinkat, fchmodat2, utime, futimesat, sync_file_range,
// eventfd2, signalfd4, the plain identity calls.
#include "../conformance.h"
#include <sys/eventfd.h>
#include <utime.h>
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

CASE(making_names) {
    struct stat st;
    NEED(mkdir("d", 0755) == 0);
    make_file("f", "");
    int d = open("d", O_PATH), f = open("f", O_RDONLY);
    CALL(mkdirat(d, "e", 0750));
    CALL(mkdirat(d, "e", 0750));
    CALL(mkdirat(f, "e", 0750));
    CALL(mkdirat(99, "e", 0750));
    CALL(mkdirat(99, "/tmp", 0750));
    CALL(mkdirat(d, "", 0750));
    CALL(syscall(SYS_mkdirat, d, STUB_CODE, 0755));
    CALL(fstatat(d, "e", &st, 0));
    note("mode %o", st.st_mode);
    CALL(mknodat(d, "p", S_IFIFO | 0640, 0));
    CALL(mknodat(f, "p", S_IFIFO | 0640, 0));
    CALL(mknodat(d, "r", 0600, 0));
    CALL(symlinkat("../f", d, "l"));
    CALL(symlinkat("../f", d, "l"));
    CALL(symlinkat("", d, "m"));
    CALL(symlinkat("x", 99, "m"));
    CALL(syscall(SYS_symlinkat, STUB_CODE, d, "m"));
    CALL_OK(openat(d, "l", O_RDONLY));
}

CASE(modes_with_flags) {
    struct stat st;
    make_file("f", "");
    NEED(symlink("f", "l") == 0);
    CALL(syscall(SYS_fchmodat2, AT_FDCWD, "f", 0640, 0));
    CALL(syscall(SYS_fchmodat2, AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_fchmodat2, open("f", O_PATH), "", 0604, AT_EMPTY_PATH));
    CALL(syscall(SYS_fchmodat2, AT_FDCWD, "f", 0600, 0x4000000));
    CALL(syscall(SYS_fchmodat2, AT_FDCWD, "absent", 0600, 0));
    CALL(stat("f", &st));
    note("mode %o", st.st_mode);
}

CASE(old_times) {
    struct stat st;
    make_file("f", "");
    struct utimbuf t = {100, 200};
    CALL(utime("f", &t));
    CALL(stat("f", &st));
    note("%ld %ld", (long)st.st_atime, (long)st.st_mtime);
    CALL(utime("absent", &t));
    CALL(syscall(SYS_utime, "f", STUB_SLOTS));
    CALL(utime("f", 0));
    struct timeval tv[2] = {{5, 500000}, {6, 600000}};
    CALL(futimesat(AT_FDCWD, "f", tv));
    CALL(stat("f", &st));
    note("%ld.%ld %ld.%ld", (long)st.st_atime, st.st_atim.tv_nsec, (long)st.st_mtime, st.st_mtim.tv_nsec);
    tv[0].tv_usec = 1000000;
    CALL(futimesat(AT_FDCWD, "f", tv));
    CALL(futimesat(99, "f", 0));
}

CASE(range_syncing) {
    int fd = open("f", O_RDWR | O_CREAT, 0600), fds[2];
    NEED(pipe(fds) == 0 && write(fd, "x", 1) == 1);
    CALL(sync_file_range(fd, 0, 0, 0));
    CALL(sync_file_range(fd, 0, 1, SYNC_FILE_RANGE_WRITE));
    CALL(sync_file_range(fd, -1, 1, 0));
    CALL(sync_file_range(fd, 0, -1, 0));
    CALL(sync_file_range(fd, 0, 1, 8));
    CALL(sync_file_range(fds[0], 0, 1, 0));
    CALL(sync_file_range(99, 0, 1, 0));
}

CASE(plain_calls) {
    CHECK(syscall(SYS_getuid) == getuid());
    CHECK(syscall(SYS_geteuid) == geteuid());
    CHECK(syscall(SYS_getgid) == getgid());
    CHECK(syscall(SYS_getegid) == getegid());
    CALL(syscall(SYS_eventfd2, 0, 0x1000));
    CALL(syscall(SYS_eventfd, 5));
    CALL(syscall(SYS_signalfd4, -1, STUB_SLOTS, 8, 0));
    CALL(syscall(SYS_signalfd4, -1, 0, 7, 0));
}

CASE(scheduling_attributes) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } a = {0};
    CALL(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
    note("size %u policy %u nice %d", a.size, a.policy, a.nice);
    CALL(syscall(SYS_sched_getattr, 0, &a, 10, 0));
    CALL(syscall(SYS_sched_getattr, 0, &a, sizeof a, 1));
    CALL(syscall(SYS_sched_getattr, 99999999, &a, sizeof a, 0));
    CALL(syscall(SYS_sched_getattr, 0, STUB_SLOTS, sizeof a, 0));
    a.nice = 3, a.size = sizeof a;
    CALL(syscall(SYS_sched_setattr, 0, &a, 0));
    CALL(getpriority(PRIO_PROCESS, 0));
    CALL(syscall(SYS_sched_setattr, 0, &a, 1));
    CALL(syscall(SYS_sched_setattr, 0, 0, 0));
    a.policy = 99;
    CALL(syscall(SYS_sched_setattr, 0, &a, 0));
    struct timespec t = {9, 9};
    CALL(sched_rr_get_interval(0, &t));
    CALL(sched_rr_get_interval(99999999, &t));
    CALL(sched_rr_get_interval(-1, &t));
    struct sched_param p = {0};
    CALL(sched_setparam(0, &p));
    p.sched_priority = 5;
    CALL(sched_setparam(0, &p));
    CALL(sched_setparam(99999999, &p));
    CALL(syscall(SYS_sched_setparam, 0, STUB_SLOTS));
}
