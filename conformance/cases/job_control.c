// Sessions, process groups, orphaned groups; setsid(2), setpgid(2), getsid(2); a terminal's absence.
#include "../conformance.h"

CASE(group_errors) {
    CHECK(getpgrp() == getpid());
    CALL(setsid());
    CALL(setpgid(0, 0));
    CALL(setpgid(0, -1));
    CALL(setpgid(-1, 0));
    CALL(setpgid(99999999, 0));
    CALL(setpgid(getppid(), 0));
    CALL(setpgid(0, 99999999));
    CALL(getpgid(99999999));
    CALL(getpgid(-1));
    CALL(getsid(99999999));
    CALL(getsid(-1));
    CHECK(getpgid(0) == getpid());
    CHECK(getsid(0) == getsid(getpid()));
}

CASE(new_sessions) {
    IN_CHILD("child", {
        CHECK(getpgrp() == getppid());
        CHECK(setsid() == getpid());
        CHECK(getsid(0) == getpid() && getpgrp() == getpid());
        CALL(setsid());
        CALL(setpgid(0, 0));
        IN_CHILD("grandchild", {
            CHECK(getsid(0) == getppid());
            CALL(setpgid(0, getppid()));
            CALL(setpgid(0, 0));
            CHECK(getpgrp() == getpid());
            CALL(setpgid(0, getppid()));
        });
        CALL(open("/dev/tty", O_RDWR));
    });
}

CASE(moving_children) {
    int fds[2];
    char c;
    NEED(pipe(fds) == 0);
    pid_t a = fork();
    if (a == 0) {
        read(fds[0], &c, 1);
        execl("/bin/sleep", "sleep", "100", (char *)0);
        _exit(1);
    }
    pid_t b = fork();
    if (b == 0)
        for (;;) pause();
    CALL(setpgid(a, a));
    CALL(setpgid(b, a));
    CHECK(getpgid(b) == a);
    CALL(setpgid(a, getpgrp()));
    CALL(setpgid(a, a));
    NEED(write(fds[1], "x", 1) == 1);
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/comm", a);
    for (int i = 0; i < 500; i++) {
        int fd = open(path, O_RDONLY);
        memset(text, 0, sizeof text);
        read(fd, text, 63);
        close(fd);
        if (!strcmp(text, "sleep\n")) break;
        sleep_ms(5);
    }
    CALL(setpgid(a, getpgrp()));
    CALL(kill(-a, SIGTERM));
    int status, n = 0;
    while (wait(&status) > 0) n += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    VALUE(n);
    CALL(kill(-a, 0));
}

CASE(orphaned_group_hangs_up) {
    // When the last parent of a stopped group's members ends, they get SIGHUP and SIGCONT.
    int fds[2];
    NEED(pipe(fds) == 0);
    IN_CHILD("leader", {
        pid_t member = fork();
        if (member == 0) {
            setpgid(0, 0);
            sigset_t set;
            sigemptyset(&set), sigaddset(&set, SIGHUP);
            sigprocmask(SIG_BLOCK, &set, 0);
            kill(getpid(), SIGSTOP);
            int s;
            sigwait(&set, &s);
            char c = s;
            write(fds[1], &c, 1);
            _exit(0);
        }
        setpgid(member, member);
        waitpid(member, 0, WUNTRACED);
    });
    char c = 0;
    CALL(read(fds[0], &c, 1));
    VALUE(c);
}

CASE(stop_signals) {
    static volatile sig_atomic_t count;
    void handler(int s) { count++; }
    pid_t child = fork();
    if (child == 0) {
        on_signal(SIGTSTP, handler, 0);
        raise(SIGTSTP);
        signal(SIGTTIN, SIG_IGN);
        raise(SIGTTIN);
        raise(SIGTTOU);
        _exit(count);
    }
    int status;
    CHECK(waitpid(child, &status, WUNTRACED) == child);
    print_status("child", status);
    // A stop signal takes a pending continue away, and the other way round.
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    print_status("child", status);
    sigset_t set, pending;
    sigemptyset(&set), sigaddset(&set, SIGTSTP), sigaddset(&set, SIGCONT);
    sigprocmask(SIG_BLOCK, &set, 0);
    kill(getpid(), SIGTSTP);
    kill(getpid(), SIGCONT);
    sigpending(&pending);
    note("TSTP %d CONT %d", sigismember(&pending, SIGTSTP), sigismember(&pending, SIGCONT));
    kill(getpid(), SIGTSTP);
    sigpending(&pending);
    note("TSTP %d CONT %d", sigismember(&pending, SIGTSTP), sigismember(&pending, SIGCONT));
    signal(SIGTSTP, SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &set, 0);
}

CASE(kill_reaches_a_group) {
    int fds[2];
    NEED(pipe(fds) == 0);
    pid_t leader = 0;
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0) {
            setpgid(0, leader);
            signal(SIGUSR1, SIG_DFL);
            write(fds[1], "r", 1);
            for (;;) pause();
        }
        setpgid(child, leader);
        if (!leader) leader = child;
    }
    char c;
    for (int i = 0; i < 5; i++) read(fds[0], &c, 1);
    CALL(killpg(leader, SIGUSR1));
    int n = 0, status;
    while (waitpid(-leader, &status, 0) > 0) n += WTERMSIG(status) == SIGUSR1;
    VALUE(n);
}

CASE(shell_pipeline) {
    // The shell's own words go nowhere: only how it ends is compared.
    close(2);
    NEED(open("/dev/null", O_WRONLY) == 2);
    VALUE(system("set -m; (exit 3) & wait $!; exit $?") >> 8);
    VALUE(system("trap 'exit 5' USR1; kill -USR1 $$; exit 1") >> 8);
    VALUE(system("sleep 100 & kill $!; wait $!; exit $?") >> 8);
    VALUE(system("(sleep 0.05; exit 4) & (exit 7) & wait %2 2>/dev/null; wait; exit 0") >> 8);
    VALUE(system("yes | head -c 100000 | wc -c | grep -q 100000") >> 8);
}
