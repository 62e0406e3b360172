// fork(2), _exit(2), wait4(2), waitid(2): what a parent learns, what a child inherits.
#include "../conformance.h"

static void print_info(const siginfo_t *i, pid_t expected) {
    note("signo %s code %d status %d uid %d pid right %d", signal_name(i->si_signo), i->si_code, i->si_status, i->si_uid, i->si_pid == expected);
}

CASE(statuses) {
    static const int codes[] = {0, 1, 42, 127, 255, 256, -1};
    for (int i = 0; i < 7; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) _exit(codes[i]);
        CHECK(waitpid(child, &status, 0) == child);
        HEX(status);
    }
    const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1, SIGALRM, SIGRTMIN + 3};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (int i = 0; i < 7; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            signal(signals[i], SIG_DFL);
            kill(getpid(), signals[i]);
            for (;;) pause();
        }
        CHECK(waitpid(child, &status, 0) == child);
        note("signal %s: %#x", signal_name(signals[i]), status & 0x7f);
    }
}

CASE(errors) {
    int status;
    CALL(wait(&status));
    CALL(waitpid(-1, &status, WNOHANG));
    CALL(waitpid(getpid(), &status, 0));
    CALL(waitpid(1, &status, 0));
    CALL(waitpid(99999999, &status, 0));
    CALL(waitpid(INT_MIN, &status, 0));
    CALL(waitpid(-99999, &status, 0));
    CALL(wait4(-1, &status, 0x40, 0));
    CALL(wait4(-1, &status, -1, 0));
    siginfo_t info;
    CALL(waitid(P_ALL, 0, &info, WEXITED));
    CALL(waitid(P_ALL, 0, &info, 0));
    CALL(waitid(P_ALL, 0, &info, WNOHANG));
    CALL(waitid(99, 0, &info, WEXITED));
    CALL(waitid(P_PID, 0, &info, WEXITED));
    CALL(waitid(P_PID, -1, &info, WEXITED));
    CALL(waitid(P_PGID, -1, &info, WEXITED));
    CALL(waitid(P_ALL, 0, &info, WEXITED | 0x80));
    pid_t child = fork();
    if (child == 0) _exit(3);
    sleep_ms(50);
    CALL(wait4(child, STUB_SLOTS, 0, 0));
    CALL(wait4(child, &status, 0, 0));
    child = fork();
    if (child == 0) _exit(3);
    CALL(syscall(SYS_waitid, P_PID, child, STUB_SLOTS, WEXITED | WNOWAIT, 0));
    CALL(syscall(SYS_waitid, P_PID, child, 0, WEXITED, 0));
}

CASE(no_hang_and_leave) {
    int status = 77, fds[2];
    NEED(pipe(fds) == 0);
    pid_t child = fork();
    if (child == 0) {
        char c;
        read(fds[0], &c, 1);
        _exit(9);
    }
    CALL(waitpid(child, &status, WNOHANG));
    VALUE(status);
    siginfo_t info = {.si_pid = 5};
    CALL(waitid(P_PID, child, &info, WEXITED | WNOHANG));
    VALUE(info.si_pid);
    NEED(write(fds[1], "x", 1) == 1);
    CALL(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    print_info(&info, child);
    memset(&info, 0, sizeof info);
    CALL(waitid(P_PGID, getpgrp(), &info, WEXITED | WNOWAIT));
    print_info(&info, child);
    CHECK(waitpid(child, &status, WNOHANG) == child);
    HEX(status);
    CALL(waitpid(child, &status, WNOHANG));
}

CASE(stops_and_continues) {
    int status;
    siginfo_t info;
    pid_t child = fork();
    if (child == 0)
        for (;;) pause();
    CALL(kill(child, SIGSTOP));
    CHECK(waitpid(child, &status, WUNTRACED) == child);
    print_status("child", status);
    CALL(waitpid(child, &status, WUNTRACED | WNOHANG));
    CALL(kill(child, SIGCONT));
    CHECK(waitpid(child, &status, WCONTINUED) == child);
    print_status("child", status);
    CALL(waitpid(child, &status, WCONTINUED | WNOHANG));
    CALL(kill(child, SIGTSTP));
    CALL(waitid(P_PID, child, &info, WSTOPPED));
    print_info(&info, child);
    CALL(kill(child, SIGCONT));
    CALL(waitid(P_PID, child, &info, WCONTINUED | WNOWAIT));
    print_info(&info, child);
    CALL(waitid(P_PID, child, &info, WCONTINUED));
    CALL(kill(child, SIGSTOP));
    CALL(waitid(P_PID, child, &info, WSTOPPED));
    CALL(kill(child, SIGKILL));
    CALL(waitid(P_PID, child, &info, WEXITED | WSTOPPED | WCONTINUED));
    print_info(&info, child);
    CALL(waitid(P_PID, child, &info, WEXITED | WNOHANG));
}

CASE(any_and_groups) {
    int status;
    pid_t a = fork();
    if (a == 0) {
        setpgid(0, 0);
        for (;;) pause();
    }
    setpgid(a, a);
    pid_t b = fork();
    if (b == 0) _exit(2);
    CHECK(waitpid(0, &status, 0) == b);
    CALL(waitpid(0, &status, 0));
    CALL(waitpid(-a, &status, WNOHANG));
    CALL(kill(-a, SIGTERM));
    CHECK(waitpid(-a, &status, 0) == a);
    print_status("a", status);
    pid_t children[10];
    for (int i = 0; i < 10; i++)
        if ((children[i] = fork()) == 0) _exit(i);
    int sum = 0, n = 0;
    while (wait(&status) > 0) sum += WEXITSTATUS(status), n++;
    VALUE(n);
    VALUE(sum);
}

CASE(child_sees) {
    int value = 1, fd = open("f", O_CREAT | O_RDWR, 0600);
    static int *shared;
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t parent = getpid(), group = getpgrp(), session = getsid(0);
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    raise(SIGUSR1);
    alarm(100);
    umask(027);
    IN_CHILD("child", {
        CHECK(getppid() == parent);
        CHECK(getpgrp() == group);
        CHECK(getsid(0) == session);
        CHECK(getpid() != parent);
        CALL(alarm(0));
        sigpending(&pending);
        CHECK(!sigismember(&pending, SIGUSR1));
        sigprocmask(SIG_BLOCK, 0, &set);
        CHECK(sigismember(&set, SIGUSR1));
        HEX(umask(0));
        CALL(write(fd, "child", 5));
        value = 2;
        *shared = 3;
        close(fd);
        chdir("/");
    });
    VALUE(value);
    VALUE(*shared);
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(access("f", F_OK));
    CHECK(alarm(0) > 90);
}

CASE(orphans) {
    int fds[2];
    NEED(pipe(fds) == 0);
    IN_CHILD("middle", {
        pid_t middle = getpid();
        if (fork() == 0) {
            while (getppid() == middle) sleep_ms(2);
            write(fds[1], "o", 1);
            _exit(0);
        }
    });
    char c = 0;
    CALL(read(fds[0], &c, 1));
    VALUE(c);
    CALL(wait(0));
}

CASE(child_signal) {
    static volatile sig_atomic_t count;
    static siginfo_t got;
    void handler(int s, siginfo_t * i, void *c) { got = *i, count++; }
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGCHLD, &action, 0) == 0);
    pid_t child = fork();
    if (child == 0) _exit(7);
    while (!count) sleep_ms(1);
    print_info(&got, child);
    CHECK(waitpid(child, 0, 0) == child);
    count = 0;
    child = fork();
    if (child == 0)
        for (;;) pause();
    kill(child, SIGSTOP);
    while (!count) sleep_ms(1);
    print_info(&got, child);
    count = 0;
    kill(child, SIGCONT);
    while (!count) sleep_ms(1);
    print_info(&got, child);
    count = 0;
    kill(child, SIGKILL);
    while (!count) sleep_ms(1);
    print_info(&got, child);
    waitpid(child, 0, 0);
    action.sa_flags = SA_SIGINFO | SA_NOCLDSTOP;
    sigaction(SIGCHLD, &action, 0);
    count = 0;
    child = fork();
    if (child == 0)
        for (;;) pause();
    kill(child, SIGSTOP);
    waitpid(child, 0, WUNTRACED);
    VALUE(count);
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
    VALUE(count);
}

CASE(ignored_children_leave_no_zombie) {
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 3; i++)
        if (fork() == 0) _exit(i);
    CALL(wait(0));
    signal(SIGCHLD, SIG_DFL);
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigaction(SIGCHLD, &action, 0);
    if (fork() == 0) _exit(1);
    CALL(wait(0));
}

CASE(zombies_take_signals) {
    pid_t child = fork();
    if (child == 0) _exit(5);
    siginfo_t info;
    NEED(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
    CALL(kill(child, 0));
    CALL(kill(child, SIGKILL));
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    print_status("child", status);
    CALL(kill(child, 0));
}

CASE(resource_usage) {
    struct rusage usage;
    memset(&usage, 0xff, sizeof usage);
    pid_t child = fork();
    if (child == 0) {
        int64_t end = now_ns() + 60000000;
        while (now_ns() < end)
            ;
        _exit(0);
    }
    int status;
    CHECK(wait4(child, &status, 0, &usage) == child);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec > 10000);
    CHECK(usage.ru_utime.tv_sec < 5);
    struct rusage children;
    CALL(getrusage(RUSAGE_CHILDREN, &children));
    CHECK(children.ru_utime.tv_sec * 1000000 + children.ru_utime.tv_usec + children.ru_stime.tv_usec > 10000);
    CALL(getrusage(99, &children));
    CALL(getrusage(RUSAGE_THREAD, &children));
    CALL(syscall(SYS_getrusage, RUSAGE_SELF, STUB_SLOTS));
}

CASE(many_children) {
    int failures = 0;
    for (int round = 0; round < 5; round++) {
        pid_t children[40];
        for (int i = 0; i < 40; i++)
            if ((children[i] = fork()) == 0) _exit(i);
        for (int i = 39; i >= 0; i--) {
            int status = 0;
            if (waitpid(children[i], &status, 0) != children[i] || WEXITSTATUS(status) != i) failures++;
        }
    }
    VALUE(failures);
}

CASE(fork_chain) {
    // Each child forks the next: a chain of 30, results handed back through exit codes.
    int depth = 0;
    pid_t child;
    while (depth < 30 && (child = fork()) == 0) depth++;
    int status = 0;
    if (depth < 30) waitpid(child, &status, 0);
    if (depth) _exit(depth == 30 ? 1 : WEXITSTATUS(status) + 1);
    VALUE(WEXITSTATUS(status));
}

CASE(memory_is_copied) {
    size_t size = 8 << 20;
    char *m = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(m, 1, size);
    IN_CHILD("child", {
        size_t wrong = 0;
        for (size_t i = 0; i < size; i += 4096) wrong += m[i] != 1;
        memset(m, 2, size);
        _exit(wrong != 0);
    });
    size_t wrong = 0;
    for (size_t i = 0; i < size; i += 4096) wrong += m[i] != 1;
    VALUE(wrong);
}
