// Resource limits, usage, scheduling parameters, names, randomness.
#include "../conformance.h"
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>

CASE(limits) {
    struct rlimit64 limit = {100, 200}, old = {0, 0};
    CALL(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, 0));
    CALL(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &old));
    note("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    limit = (struct rlimit64){201, 200};
    CALL(syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit));
    limit = (struct rlimit64){50, 150};
    CALL(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, &old));
    note("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    CALL(syscall(SYS_getrlimit, RLIMIT_NOFILE, &old));
    note("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    CALL(syscall(SYS_getrlimit, 16, &old));
    CALL(syscall(SYS_getrlimit, -1, &old));
    CALL(syscall(SYS_getrlimit, RLIMIT_NOFILE, (void *)1));
    CALL(syscall(SYS_setrlimit, RLIMIT_NOFILE, (void *)1));
    CALL(syscall(SYS_prlimit64, 99999999, RLIMIT_NOFILE, 0, &old));
    IN_CHILD("child", {
        syscall(SYS_getrlimit, RLIMIT_NOFILE, &old);
        note("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    });
    limit = (struct rlimit64){10, 1ul << 40};
    CALL(syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit));
    CALL(open("/", O_RDONLY) < 0);
    limit = (struct rlimit64){4, 150};
    CALL(syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit));
    CALL(dup(0));
    CALL(dup2(0, 20));
    CALL(fcntl(0, F_DUPFD, 20));
}

CASE(limits_without_privilege) {
    if (geteuid()) SKIP("needs root");
    NEED(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
    struct rlimit64 limit = {0, 0};
    CALL(syscall(SYS_getrlimit, RLIMIT_CORE, &limit));
    limit = (struct rlimit64){10, 20};
    CALL(syscall(SYS_setrlimit, RLIMIT_MSGQUEUE, &limit));
    limit.rlim_max = 21;
    CALL(syscall(SYS_setrlimit, RLIMIT_MSGQUEUE, &limit));
    limit.rlim_max = 19;
    CALL(syscall(SYS_setrlimit, RLIMIT_MSGQUEUE, &limit));
    CALL(syscall(SYS_prlimit64, getppid(), RLIMIT_MSGQUEUE, 0, &limit));
    CALL(setpriority(PRIO_PROCESS, getppid(), 5));
    CALL(setpriority(PRIO_PROCESS, 0, 5));
    CALL(setpriority(PRIO_PROCESS, 0, 4));
    CALL(getpriority(PRIO_PROCESS, 0));
}

CASE(usage) {
    struct rusage usage;
    volatile unsigned spin = 0;
    int64_t end = now_ns() + 60000000;
    while (now_ns() < end) spin++;
    CALL(getrusage(RUSAGE_SELF, &usage));
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec > 10000);
    CHECK(usage.ru_maxrss > 0);
    CALL(getrusage(RUSAGE_THREAD, &usage));
    CALL(getrusage(RUSAGE_CHILDREN, &usage));
    note("%ld", (long)usage.ru_utime.tv_sec);
    CALL(getrusage(2, &usage));
    CALL(getrusage(-2, &usage));
    for (size_t i = 0; i < BAD_POINTERS; i++) CALL(syscall(SYS_getrusage, RUSAGE_SELF, bad_pointers[i]));
    struct tms times_;
    CHECK(times(&times_) > 0);
    CHECK(times_.tms_utime + times_.tms_stime > 0);
    CALL(syscall(SYS_times, (void *)1));
}

CASE(priorities) {
    CALL(getpriority(PRIO_PROCESS, 0));
    CALL(syscall(SYS_getpriority, PRIO_PROCESS, 0));
    CALL(setpriority(PRIO_PROCESS, 0, 7));
    CALL(getpriority(PRIO_PROCESS, getpid()));
    CALL(setpriority(PRIO_PROCESS, 0, 1000));
    CALL(getpriority(PRIO_PROCESS, 0));
    CALL(getpriority(PRIO_PGRP, 0));
    CALL(getpriority(3, 0));
    CALL(getpriority(PRIO_PROCESS, 99999999));
    IN_CHILD("child", CALL(getpriority(PRIO_PROCESS, 0)));
    CALL(syscall(SYS_ioprio_get, 1, 0) >= 0);
    CALL(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 5));
    CALL(syscall(SYS_ioprio_get, 1, 0));
    CALL(syscall(SYS_ioprio_set, 9, 0, 2 << 13 | 5));
    CALL(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 9));
}

CASE(scheduling_policies) {
    struct sched_param parameter = {0};
    CALL(sched_getscheduler(0));
    CALL(sched_getscheduler(-1));
    CALL(sched_getscheduler(99999999));
    CALL(sched_getparam(0, &parameter));
    VALUE(parameter.sched_priority);
    CALL(sched_setscheduler(0, SCHED_BATCH, &parameter));
    CALL(sched_getscheduler(0));
    CALL(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameter));
    CALL(sched_getscheduler(0));
    IN_CHILD("child", CALL(sched_getscheduler(0)));
    parameter.sched_priority = 5;
    CALL(sched_setscheduler(0, SCHED_OTHER, &parameter));
    CALL(sched_setscheduler(0, 77, &parameter));
    CALL(sched_setscheduler(0, SCHED_OTHER, (void *)0));
    for (int policy = 0; policy < 9; policy++) {
        CALL(sched_get_priority_max(policy));
        CALL(sched_get_priority_min(policy));
    }
    CALL(sched_get_priority_max(-1));
    CALL(sched_yield());
}

CASE(processors) {
    unsigned long mask[16] = {0}, read[16] = {0};
    long length = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    CHECK(length > 0 && length <= (long)sizeof mask && length % 8 == 0);
    CHECK(mask[0] != 0);
    CALL(syscall(SYS_sched_getaffinity, 0, 7, mask));
    CALL(syscall(SYS_sched_getaffinity, 99999999, sizeof mask, mask));
    CALL(syscall(SYS_sched_getaffinity, 0, sizeof mask, (void *)1));
    unsigned long last = mask[0];
    while (last & (last - 1)) last &= last - 1;
    CALL(syscall(SYS_sched_setaffinity, 0, 8, &last));
    CALL_OK(syscall(SYS_sched_getaffinity, 0, sizeof read, read));
    CHECK(read[0] == last);
    unsigned cpu = 9999;
    CALL(syscall(SYS_getcpu, &cpu, 0, 0));
    CHECK(cpu < 64 && 1ul << cpu == last);
    IN_CHILD("child", {
        syscall(SYS_sched_getaffinity, 0, sizeof read, read);
        CHECK(read[0] == last);
    });
    unsigned long none = 0;
    CALL(syscall(SYS_sched_setaffinity, 0, 8, &none));
    CALL(syscall(SYS_sched_setaffinity, 0, 8, (void *)1));
    CALL(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask));
    for (size_t i = 0; i < BAD_POINTERS; i++) CALL(syscall(SYS_getcpu, bad_pointers[i], 0, 0));
}

CASE(names_of_the_system) {
    struct utsname name;
    CALL(uname(&name));
    TEXT(name.sysname);
    TEXT(name.machine);
    CALL(syscall(SYS_uname, (void *)1));
    struct sysinfo information;
    CALL(sysinfo(&information));
    CHECK(information.uptime > 0 && information.totalram > information.freeram && information.procs > 0 && information.mem_unit > 0);
    CALL(syscall(SYS_sysinfo, (void *)1));
    if (geteuid()) return;
    NEED(setresuid(1000, 1000, 1000) == 0);
    CALL(sethostname("x", 1));
    CALL(setdomainname("x", 1));
}

CASE(randomness) {
    unsigned char bytes[1024] = {0};
    CALL(syscall(SYS_getrandom, bytes, sizeof bytes, 0));
    int zeros = 0;
    for (size_t i = 0; i < sizeof bytes; i++) zeros += bytes[i] == 0;
    CHECK(zeros < 100);
    CALL(syscall(SYS_getrandom, bytes, 16, GRND_NONBLOCK));
    CALL(syscall(SYS_getrandom, bytes, 16, GRND_RANDOM | GRND_INSECURE));
    CALL(syscall(SYS_getrandom, bytes, 16, 8));
    CALL(syscall(SYS_getrandom, bytes, 0, 0));
    CALL(syscall(SYS_getrandom, (void *)1, 16, 0));
    CALL(syscall(SYS_getrandom, before_edge(100), 200, 0));
}

CASE(barriers_and_lists) {
    CHECK((syscall(SYS_membarrier, 0, 0, 0) & (8 | 16)) == (8 | 16));
    CALL(syscall(SYS_membarrier, 8, 0, 0));
    CALL(syscall(SYS_membarrier, 16, 0, 0));
    CALL(syscall(SYS_membarrier, 8, 0, 0));
    CALL(syscall(SYS_membarrier, 8, 5, 0));
    CALL(syscall(SYS_membarrier, 3, 0, 0));
    CALL(syscall(SYS_membarrier, 0, 1, 0));
    char head[24] = {0};
    void *read = 0;
    size_t size = 0;
    CALL(syscall(SYS_set_robust_list, head, 23));
    CALL(syscall(SYS_set_robust_list, head, 24));
    CALL(syscall(SYS_get_robust_list, 0, &read, &size));
    CHECK(read == head && size == 24);
    CALL(syscall(SYS_get_robust_list, 99999999, &read, &size));
    CALL(syscall(SYS_set_robust_list, 0, 24));
}
