// Process groups, sessions, prctl.
#include "../conformance.h"
#include <sys/personality.h>
#include <sys/prctl.h>

static volatile int rung;
static void on_ring(int number) { rung = number; }

CASE(groups_and_sessions) {
    CHECK(getpgrp() == getpid());
    CHECK(getpgid(0) == getpgrp());
    CALL(getpgid(-1));
    CALL(getpgid(99999999));
    CALL(getsid(-1));
    CHECK(getsid(0) == getsid(getppid()));
    CALL(setpgid(-1, 0));
    CALL(setpgid(0, -1));
    CALL(setpgid(0, 99999999));
    CALL(setpgid(getppid(), 0));
    CALL(setsid());
    int ready[2];
    NEED(pipe(ready) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        char c;
        close(ready[1]);
        read(ready[0], &c, 1);
        CHECK(getpgrp() == getpid());
        CALL(setpgid(0, getppid()));
        CHECK(getpgrp() == getppid());
        CHECK(setsid() == getpid());
        CHECK(getsid(0) == getpid() && getpgrp() == getpid());
        CALL(setpgid(0, 0));
        CALL(setpgid(0, getppid()));
        CALL(setsid());
        _exit(0);
    }
    CALL(setpgid(child, child));
    CHECK(getpgid(child) == child);
    close(ready[1]);
    int status;
    NEED(waitpid(child, &status, 0) == child);
    print_status("child", status);
    CALL(getpgid(child));
}

CASE(setpgid_after_exec) {
    int out[2];
    NEED(pipe(out) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        dup2(out[1], 1);
        execl("/bin/sh", "sh", "-c", "echo; sleep 5", (char *)0);
        _exit(127);
    }
    char c;
    NEED(read(out[0], &c, 1) == 1);
    CALL(setpgid(child, child));
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
}

CASE(a_zombie_keeps_its_group) {
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) _exit(0);
    siginfo_t info;
    NEED(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
    CHECK(getpgid(child) == getpgrp());
    CHECK(getsid(child) == getsid(0));
    waitpid(child, 0, 0);
    CALL(getsid(child));
}

CASE(names_of_threads) {
    char name[17] = "XXXXXXXXXXXXXXXX";
    CALL(prctl(PR_SET_NAME, "short", 0, 0, 0));
    CALL(prctl(PR_GET_NAME, name, 0, 0, 0));
    TEXT(name);
    CALL(prctl(PR_SET_NAME, "a name of more than fifteen bytes", 0, 0, 0));
    CALL(prctl(PR_GET_NAME, name, 0, 0, 0));
    TEXT(name);
    char *edge = before_edge(4);
    memcpy(edge, "abc", 4);
    CALL(prctl(PR_SET_NAME, edge, 0, 0, 0));
    CALL(prctl(PR_GET_NAME, name, 0, 0, 0));
    TEXT(name);
    memcpy(edge, "abcd", 4);
    CALL(prctl(PR_SET_NAME, edge, 0, 0, 0));
    CALL(prctl(PR_GET_NAME, edge, 0, 0, 0));
    for (size_t i = 0; i < BAD_POINTERS; i++) CALL(prctl(PR_SET_NAME, bad_pointers[i], 0, 0, 0));
    IN_CHILD("child", {
        prctl(PR_GET_NAME, name, 0, 0, 0);
        TEXT(name);
    });
}

CASE(prctl_settings) {
    int value = -1;
    CALL(prctl(PR_GET_PDEATHSIG, &value, 0, 0, 0));
    VALUE(value);
    CALL(prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0));
    CALL(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0));
    CALL(prctl(PR_SET_PDEATHSIG, -1, 0, 0, 0));
    CALL(prctl(PR_GET_PDEATHSIG, &value, 0, 0, 0));
    VALUE(value);
    IN_CHILD("child", {
        prctl(PR_GET_PDEATHSIG, &value, 0, 0, 0);
        VALUE(value);
    });
    CALL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    CALL(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    CALL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    CALL(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0));
    CALL(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    CALL(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_READ, 64, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_READ, -1, 0, 0, 0));
    CALL(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    CALL(prctl(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0));
    VALUE(value);
    CALL(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    CALL(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    CALL(prctl(PR_SET_TIMERSLACK, 70000, 0, 0, 0));
    CALL(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    CALL(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
    CALL(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    CALL(prctl(99999, 0, 0, 0, 0));
}

CASE(a_parents_death_is_told) {
    int tell[2];
    NEED(pipe(tell) == 0);
    on_signal(SIGUSR1, on_ring, 0);
    IN_CHILD("parent", {
        int ready[2];
        NEED(pipe(ready) == 0);
        if (fork() == 0) {
            sigset_t none;
            sigset_t usr1;
            sigemptyset(&none);
            sigemptyset(&usr1);
            sigaddset(&usr1, SIGUSR1);
            sigprocmask(SIG_BLOCK, &usr1, 0);
            prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
            write(ready[1], "r", 1);
            sigsuspend(&none);
            write(tell[1], rung == SIGUSR1 ? "y" : "n", 1);
            _exit(0);
        }
        char c;
        NEED(read(ready[0], &c, 1) == 1);
    });
    char c = '?';
    CALL(read(tell[0], &c, 1));
    CHECK(c == 'y');
}

CASE(personalities) {
    HEX(personality(0xffffffff));
    HEX(personality(ADDR_NO_RANDOMIZE));
    HEX(personality(0xffffffff));
    IN_CHILD("child", HEX(personality(0xffffffff)));
}
