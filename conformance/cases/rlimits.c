// getrlimit(2), setrlimit(2), prlimit(2), getpriority(2), sysinfo(2), uname(2), getrandom(2), sched_*.
#include "../conformance.h"
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

CASE(limits) {
    struct rlimit l, old;
    CALL(getrlimit(99, &l));
    CALL(setrlimit(99, &l));
    CALL(getrlimit(-1, &l));
    CALL(syscall(SYS_getrlimit, RLIMIT_NOFILE, STUB_SLOTS));
    CALL(syscall(SYS_setrlimit, RLIMIT_NOFILE, STUB_SLOTS));
    for (int i = 0; i < 16; i++) {
        char label[16];
        snprintf(label, sizeof label, "limit %d", i);
        NAMED(label, getrlimit(i, &l));
        if (l.rlim_cur > l.rlim_max) note("soft above hard");
    }
    l = (struct rlimit){100, 50};
    CALL(setrlimit(RLIMIT_NOFILE, &l));
    l = (struct rlimit){50, 100};
    CALL(setrlimit(RLIMIT_NOFILE, &l));
    CALL(getrlimit(RLIMIT_NOFILE, &l));
    note("%ld %ld", (long)l.rlim_cur, (long)l.rlim_max);
    l = (struct rlimit){60, 80};
    CALL(prlimit(0, RLIMIT_NOFILE, &l, &old));
    note("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    CALL(prlimit(getpid(), RLIMIT_NOFILE, 0, &old));
    note("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    CALL(prlimit(99999999, RLIMIT_NOFILE, 0, &old));
    CALL(prlimit(-1, RLIMIT_NOFILE, 0, &old));
    IN_CHILD("plain user", {
        if (geteuid() == 0) setresuid(1000, 1000, 1000);
        l = (struct rlimit){60, 81};
        CALL(setrlimit(RLIMIT_NOFILE, &l));
        l = (struct rlimit){60, 70};
        CALL(setrlimit(RLIMIT_NOFILE, &l));
        l = (struct rlimit){60, 80};
        CALL(setrlimit(RLIMIT_NOFILE, &l));
        CALL(getrlimit(RLIMIT_NOFILE, &l));
        note("inherited and lowered %ld %ld", (long)l.rlim_cur, (long)l.rlim_max);
    });
    CALL(getrlimit(RLIMIT_STACK, &l));
    note("stack %ld", (long)l.rlim_cur);
}

CASE(process_limit) {
    if (geteuid()) SKIP("needs root");
    // The limit counts what the user has: nobody else has this user.
    struct rlimit l = {4, 4};
    uid_t uid = 100000 + getpid() % 50000;
    IN_CHILD("plain user", {
        setrlimit(RLIMIT_NPROC, &l);
        setresuid(uid, uid, uid);
        int made = 0;
        pid_t children[10];
        while (made < 10 && (children[made] = fork()) >= 0) {
            if (children[made] == 0)
                for (;;) pause();
            made++;
        }
        note("children %d: %s", made, error_name(errno));
        for (int i = 0; i < made; i++) kill(children[i], SIGKILL), waitpid(children[i], 0, 0);
    });
}

CASE(cpu_limit) {
    struct rlimit l = {1, 3}, none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    IN_CHILD("spinner", setrlimit(RLIMIT_CPU, &l); for (;;) {});
}

CASE(priorities) {
    errno = 0;
    CALL(getpriority(PRIO_PROCESS, 0));
    CALL(setpriority(PRIO_PROCESS, 0, 5));
    CALL(getpriority(PRIO_PROCESS, 0));
    CALL(getpriority(PRIO_PROCESS, 99999999));
    CALL(getpriority(99, 0));
    CALL(setpriority(PRIO_PROCESS, 0, 100));
    CALL(getpriority(PRIO_PROCESS, 0));
    IN_CHILD("child", CALL(getpriority(PRIO_PROCESS, 0)));
    CALL(getpriority(PRIO_PGRP, 0));
}

CASE(scheduling) {
    struct sched_param p = {99};
    CALL(sched_getscheduler(0));
    CALL(sched_getparam(0, &p));
    VALUE(p.sched_priority);
    CALL(sched_get_priority_max(SCHED_FIFO));
    CALL(sched_get_priority_min(SCHED_FIFO));
    CALL(sched_get_priority_max(SCHED_OTHER));
    CALL(sched_get_priority_max(99));
    p.sched_priority = 5;
    CALL(sched_setscheduler(0, SCHED_OTHER, &p));
    p.sched_priority = 0;
    CALL(sched_setscheduler(0, SCHED_OTHER, &p));
    CALL(sched_setscheduler(0, SCHED_BATCH, &p));
    CALL(sched_getscheduler(0));
    CALL(sched_setscheduler(0, 99, &p));
    CALL(sched_getscheduler(99999999));
    CALL(sched_getscheduler(-1));
}

CASE(system_identity) {
    struct utsname u;
    struct sysinfo info;
    CALL(uname(&u));
    TEXT(u.sysname);
    TEXT(u.machine);
    CHECK(strlen(u.release) > 0 && strlen(u.version) > 0 && strlen(u.nodename) > 0);
    CALL(syscall(SYS_uname, STUB_SLOTS));
    CALL(sysinfo(&info));
    CHECK(info.totalram > 0 && info.freeram <= info.totalram && info.uptime >= 0 && info.procs > 0 && info.mem_unit > 0);
    CALL(syscall(SYS_sysinfo, STUB_SLOTS));
    char name[65] = "";
    CALL(gethostname(name, sizeof name));
    CHECK(!strcmp(name, u.nodename));
}

CASE(random_bytes) {
    unsigned char a[64] = {0}, b[64] = {0};
    CALL(getrandom(a, 64, 0));
    CALL(getrandom(b, 64, GRND_NONBLOCK));
    CHECK(memcmp(a, b, 64) != 0);
    CALL(getrandom(a, 64, GRND_RANDOM));
    CALL(getrandom(a, 0, 0));
    CALL(getrandom(a, 64, 0x100));
    CALL(getrandom(a, 64, GRND_RANDOM | 4));
    CALL(syscall(SYS_getrandom, STUB_SLOTS, 64, 0));
    char *big = malloc(1 << 20);
    CALL(getrandom(big, 1 << 20, 0));
    char *edge = before_edge(100);
    CALL(getrandom(edge, 100, 0));
}

CASE(unknown_calls) {
    CALL(syscall(100000));
    CALL(syscall(-1));
    CALL(syscall(335 + 100));
    CALL(syscall(0x40000000 | SYS_getpid));
    CALL(syscall(0x100000000ul | 99999));
    CALL(syscall(SYS_uselib, 0));
    CALL(syscall(SYS_create_module, 0));
    CALL(syscall(SYS_nfsservctl, 0));
}
