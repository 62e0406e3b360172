// poll(2), ppoll(2), select(2), pselect(2).
#include "../conformance.h"
#include <sys/select.h>

CASE(poll_sets) {
    int p[2];
    NEED(pipe(p) == 0);
    struct pollfd fds[] = {{p[0], POLLIN, 0x55}, {p[1], POLLOUT, 0x55}, {-1, POLLIN, 0x55}, {999, POLLIN, 0x55}};
    CALL(poll(fds, 4, 0));
    for (int i = 0; i < 4; i++) note("revents %d: %#x", i, fds[i].revents);
    NEED(write(p[1], "x", 1) == 1);
    CALL(poll(fds, 1, -1));
    HEX(fds[0].revents);
    fds[0].events = POLLIN | POLLRDNORM | POLLPRI | POLLOUT;
    CALL(poll(fds, 1, -1));
    HEX(fds[0].revents);
    int file = open("f", O_RDWR | O_CREAT, 0600);
    struct pollfd one = {file, POLLIN | POLLOUT | POLLPRI, 0};
    CALL(poll(&one, 1, 0));
    HEX(one.revents);
    CALL(poll(0, 0, 0));
    CALL(poll(0, 1, 0));
    CALL(syscall(SYS_poll, STUB_SLOTS, 1, 0));
    struct rlimit limit = {8, 8};
    NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    static struct pollfd many[9];
    for (int i = 0; i < 9; i++) many[i].fd = -1;
    CALL(poll(many, 8, 0));
    CALL(poll(many, 9, 0));
}

CASE(poll_times) {
    int64_t start = now_ns();
    CALL(poll(0, 0, 30));
    CHECK(now_ns() - start >= 30000000);
    struct timespec t = {0, 20000000};
    CALL(ppoll(0, 0, &t, 0));
    t = (struct timespec){0, 1000000000};
    CALL(ppoll(0, 0, &t, 0));
    t = (struct timespec){-1, 0};
    CALL(ppoll(0, 0, &t, 0));
    t = (struct timespec){5, 0};
    struct pollfd none = {999, 0, 0};
    CALL(ppoll(&none, 1, &t, 0));
    CALL(syscall(SYS_ppoll, &none, 1, &t, &t, 4));
}

static volatile int caught;
static void handler(int number) { caught = number; }

CASE(ppoll_mask) {
    sigset_t blocked, open_set;
    sigemptyset(&open_set);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_SETMASK, &blocked, 0);
    on_signal(SIGUSR1, handler, SA_RESTART);
    kill(getpid(), SIGUSR1);
    struct timespec t = {0, 1000000};
    CALL(ppoll(0, 0, &t, 0));
    VALUE(caught);
    t.tv_sec = 5;
    CALL(ppoll(0, 0, &t, &open_set));
    VALUE(caught);
    sigprocmask(SIG_SETMASK, 0, &open_set);
    VALUE(sigismember(&open_set, SIGUSR1));
    caught = 0;
    kill(getpid(), SIGUSR1);
    VALUE(caught);
    sigemptyset(&open_set);
    fd_set none;
    FD_ZERO(&none);
    t = (struct timespec){5, 0};
    CALL(pselect(1, &none, 0, 0, &t, &open_set));
    VALUE(caught);
}

CASE(poll_wakes) {
    int p[2];
    NEED(pipe(p) == 0);
    pid_t child = fork();
    if (child == 0) {
        struct pollfd one = {p[0], POLLIN, 0};
        int n = poll(&one, 1, 5000);
        note("child: %d %#x", n, one.revents);
        _exit(0);
    }
    wait_until_sleeping(child);
    write(p[1], "x", 1);
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
}

CASE(poll_interrupted) {
    on_signal(SIGALRM, handler, SA_RESTART);
    struct itimerval soon = {{0, 0}, {0, 30000}};
    setitimer(ITIMER_REAL, &soon, 0);
    CALL(poll(0, 0, 5000));
    setitimer(ITIMER_REAL, &soon, 0);
    struct timeval t = {5, 0};
    CALL(select(0, 0, 0, 0, &t));
    CHECK(t.tv_sec == 4);
}

CASE(select_sets) {
    int p[2];
    NEED(pipe(p) == 0);
    fd_set r, w, e;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_ZERO(&e);
    FD_SET(p[0], &r);
    FD_SET(p[1], &w);
    FD_SET(p[0], &e);
    struct timeval t = {0, 0};
    CALL(select(p[1] + 1, &r, &w, &e, &t));
    note("%d %d %d", FD_ISSET(p[0], &r), FD_ISSET(p[1], &w), FD_ISSET(p[0], &e));
    NEED(write(p[1], "x", 1) == 1);
    FD_SET(p[0], &r);
    FD_SET(p[1], &w);
    t.tv_sec = 7;
    CALL(select(p[1] + 1, &r, &w, 0, &t));
    CHECK(t.tv_sec == 6 || t.tv_sec == 7);
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    close(p[1]);
    read(p[0], &t, 1);
    CALL(select(p[0] + 1, &r, 0, 0, 0));
    NAMED("a count that leaves it out", select(p[0], &r, 0, 0, &(struct timeval){0, 0}));
    FD_ZERO(&r);
    FD_SET(60, &r);
    CALL(select(61, &r, 0, 0, &(struct timeval){0, 0}));
    CALL(select(-1, 0, 0, 0, &(struct timeval){0, 0}));
    CALL(select(0, 0, 0, 0, &(struct timeval){-1, 0}));
    CALL(syscall(SYS_select, 61, STUB_SLOTS, 0, 0, &(struct timeval){0, 0}));
    CALL(select(0, 0, 0, 0, &(struct timeval){0, 1500000}));
}
