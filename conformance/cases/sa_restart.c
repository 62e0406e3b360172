// Which calls go on after a handler with SA_RESTART, and which end with EINTR with or without it.
#include "../conformance.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>

static volatile sig_atomic_t count;
static void count_it(int s) { count++; }
static int fds[2];

// Forks a child that, once the parent sleeps, sends the signal, then does what lets the parent's call end.
static pid_t disturb(void (*then)(void)) {
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        signal(SIGUSR1, SIG_IGN);
        wait_until_sleeping(parent);
        kill(parent, SIGUSR1);
        sleep_ms(60);
        if (then) then();
        _exit(0);
    }
    return child;
}
static void write_one(void) { write(fds[1], "x", 1); }
static void drain(void) {
    char data[65536];
    read(fds[0], data, sizeof data);
}

static void empty_the_pipe(void) {
    char c;
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    while (read(fds[0], &c, 1) > 0)
        ;
    fcntl(fds[0], F_SETFL, 0);
}

#define BOTH_WAYS(name, prepare, call, then)                                                                                     \
    for (int flag = 0; flag < 2; flag++) {                                                                                       \
        on_signal(SIGUSR1, count_it, flag ? SA_RESTART : 0);                                                                     \
        prepare;                                                                                                                 \
        pid_t child = disturb(then);                                                                                             \
        count = 0;                                                                                                               \
        errno = 0;                                                                                                               \
        long result = (call);                                                                                                    \
        note("%s, %s: %ld %s, handlers %d", name, flag ? "SA_RESTART" : "plain", result, error_name(errno), (int)count);         \
        while (waitpid(child, 0, 0) < 0 && errno == EINTR)                                                                       \
            ;                                                                                                                    \
    }

CASE(reading) {
    char c;
    NEED(pipe(fds) == 0);
    BOTH_WAYS("pipe read", empty_the_pipe(), read(fds[0], &c, 1), write_one);
    struct iovec v = {&c, 1};
    BOTH_WAYS("pipe readv", empty_the_pipe(), readv(fds[0], &v, 1), write_one);
}

CASE(writing) {
    char *data = calloc(1, 65536);
    BOTH_WAYS("full pipe write", NEED(pipe(fds) == 0 && write(fds[1], data, 65536) == 65536), write(fds[1], data, 100), drain);
    // Some was written before the signal: the partial count, never EINTR.
    BOTH_WAYS("partial pipe write", NEED(pipe(fds) == 0 && write(fds[1], data, 60000) == 60000), write(fds[1], data, 20000), drain);
}

CASE(opening) {
    NEED(mkfifo("p", 0600) == 0);
    void open_other(void) { open("p", O_RDWR); sleep_ms(50); }
    BOTH_WAYS("fifo open", while (0), (open("p", O_RDONLY) >= 0) - 1, open_other);
}

CASE(waiting_for_children) {
    static pid_t target;
    void end_target(void) { kill(target, SIGKILL); }
    BOTH_WAYS("waitpid", if ((target = fork()) == 0) { for (;;) pause(); }, waitpid(target, 0, 0) == target ? 0 : -1, end_target);
    kill(target, SIGKILL);
    while (waitpid(-1, 0, 0) > 0 || errno == EINTR)
        ;
    siginfo_t info;
    BOTH_WAYS("waitid", if ((target = fork()) == 0) { for (;;) pause(); }, waitid(P_PID, target, &info, WEXITED), end_target);
}

CASE(polling) {
    NEED(pipe(fds) == 0);
    struct pollfd p = {fds[0], POLLIN, 0};
    BOTH_WAYS("poll", while (0), poll(&p, 1, 5000), 0);
    BOTH_WAYS("poll without end", empty_the_pipe(), poll(&p, 1, -1), write_one);
    empty_the_pipe();
    struct timespec t = {5, 0};
    BOTH_WAYS("ppoll", while (0), ppoll(&p, 1, &t, 0), 0);
    fd_set set;
    struct timeval tv;
    BOTH_WAYS("select", FD_ZERO(&set); FD_SET(fds[0], &set); tv.tv_sec = 5; tv.tv_usec = 0, select(fds[0] + 1, &set, 0, 0, &tv), 0);
    CHECK(tv.tv_sec == 4);
    BOTH_WAYS("pselect", FD_ZERO(&set); FD_SET(fds[0], &set), pselect(fds[0] + 1, &set, 0, 0, &t, 0), 0);
    int e = epoll_create1(0);
    struct epoll_event event = {EPOLLIN};
    NEED(epoll_ctl(e, EPOLL_CTL_ADD, fds[0], &event) == 0);
    BOTH_WAYS("epoll_wait", while (0), epoll_wait(e, &event, 1, 5000), 0);
}

CASE(sleeping) {
    struct timespec t = {5, 0}, left;
    BOTH_WAYS("nanosleep", while (0), nanosleep(&t, &left), 0);
    BOTH_WAYS("clock_nanosleep", while (0), clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &left), 0);
    BOTH_WAYS("pause", while (0), pause(), 0);
    sigset_t none;
    sigemptyset(&none);
    BOTH_WAYS("sigsuspend", while (0), sigsuspend(&none), 0);
}

CASE(locking) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    int ready[2];
    NEED(pipe(ready) == 0);
    static pid_t holder;
    void end_holder(void) { kill(holder, SIGKILL); }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
#define HOLD(how)                                                                                                                \
    {                                                                                                                            \
        char c;                                                                                                                  \
        if ((holder = fork()) == 0) {                                                                                            \
            how;                                                                                                                 \
            write(ready[1], "x", 1);                                                                                             \
            for (;;) pause();                                                                                                    \
        }                                                                                                                        \
        read(ready[0], &c, 1);                                                                                                   \
    }
    BOTH_WAYS("fcntl lock", HOLD(fcntl(fd, F_SETLKW, &lock)), fcntl(fd, F_SETLKW, &lock), end_holder);
    kill(holder, SIGKILL);
    lock.l_type = F_UNLCK;
    fcntl(fd, F_SETLK, &lock);
    BOTH_WAYS("flock", HOLD(flock(open("f", O_RDWR), LOCK_EX)), flock(fd, LOCK_EX), end_holder);
}

CASE(event_counter) {
    static int event;
    static uint64_t n;
    void post(void) { n = 1; write(event, &n, 8); }
    BOTH_WAYS("eventfd read", event = eventfd(0, 0), read(event, &n, 8), post);
}

CASE(handler_installed_late) {
    // A signal that is ignored, or stops and continues, interrupts nothing.
    char c;
    NEED(pipe(fds) == 0);
    signal(SIGUSR1, SIG_IGN);
    pid_t child = disturb(write_one);
    CALL(read(fds[0], &c, 1));
    waitpid(child, 0, 0);
    void stop_and_go(void) {}
    pid_t parent = getpid();
    child = fork();
    if (child == 0) {
        wait_until_sleeping(parent);
        kill(parent, SIGSTOP);
        sleep_ms(50);
        kill(parent, SIGCONT);
        sleep_ms(50);
        write_one();
        _exit(0);
    }
    CALL(read(fds[0], &c, 1));
    waitpid(child, 0, 0);
}

CASE(several_handlers_one_call) {
    // Signals keep coming; the read goes on each time.
    char c = 0;
    NEED(pipe(fds) == 0);
    on_signal(SIGUSR1, count_it, SA_RESTART);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        wait_until_sleeping(parent);
        for (int i = 0; i < 20; i++) {
            kill(parent, SIGUSR1);
            sleep_ms(5);
        }
        write(fds[1], "y", 1);
        _exit(0);
    }
    CALL(read(fds[0], &c, 1));
    VALUE(c);
    CHECK(count > 5);
    waitpid(child, 0, 0);
}
