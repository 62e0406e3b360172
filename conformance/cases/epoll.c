// epoll(7).
#include "../conformance.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int add(int e, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {events, {.u64 = data}};
    return epoll_ctl(e, EPOLL_CTL_ADD, fd, &event);
}
static int modify(int e, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {events, {.u64 = data}};
    return epoll_ctl(e, EPOLL_CTL_MOD, fd, &event);
}
static void show(const char *title, int e, int timeout) {
    struct epoll_event events[8];
    int n = epoll_wait(e, events, 8, timeout);
    if (n <= 0) note("%s: %d %s", title, n, n ? error_name(errno) : "");
    for (int i = 0; i < n; i++) note("%s: %#x data %llu", title, events[i].events, (unsigned long long)events[i].data.u64);
}

CASE(errors) {
    int fds[2], e = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {EPOLLIN};
    NEED(pipe(fds) == 0);
    CALL(fcntl(e, F_GETFD));
    CALL(epoll_create(0));
    CALL(epoll_create1(99));
    CALL(add(e, fds[0], EPOLLIN, 1));
    CALL(add(e, fds[0], EPOLLIN, 1));
    CALL(add(e, 99, EPOLLIN, 1));
    CALL(add(99, fds[0], EPOLLIN, 1));
    CALL(add(fds[0], fds[1], EPOLLIN, 1));
    CALL(add(e, e, EPOLLIN, 1));
    CALL(modify(e, fds[1], EPOLLIN, 1));
    CALL(epoll_ctl(e, EPOLL_CTL_DEL, fds[1], 0));
    CALL(epoll_ctl(e, 99, fds[0], &event));
    CALL(syscall(SYS_epoll_ctl, e, EPOLL_CTL_MOD, fds[0], STUB_SLOTS));
    make_file("f", "");
    CALL(add(e, open("f", O_RDONLY), EPOLLIN, 1));
    CALL(add(e, open(".", O_RDONLY), EPOLLIN, 1));
    CALL(epoll_wait(e, &event, 0, 0));
    CALL(epoll_wait(e, &event, -1, 0));
    CALL(epoll_wait(fds[0], &event, 1, 0));
    NEED(write(fds[1], "x", 1) == 1);
    CALL(syscall(SYS_epoll_wait, e, STUB_SLOTS, 1, 0));
    CALL(syscall(SYS_epoll_wait, e, &event, INT_MAX, 0));
    CALL(epoll_wait(e, &event, 1, 0));
    CALL(epoll_ctl(e, EPOLL_CTL_DEL, fds[0], 0));
    CALL(epoll_wait(e, &event, 1, 0));
}

CASE(level_and_edge) {
    int fds[2], e = epoll_create1(0);
    char c;
    NEED(pipe(fds) == 0);
    CALL(add(e, fds[0], EPOLLIN, 7));
    show("nothing", e, 0);
    NEED(write(fds[1], "ab", 2) == 2);
    show("level", e, 0);
    show("level again", e, 0);
    CALL(modify(e, fds[0], EPOLLIN | EPOLLET, 8));
    show("edge", e, 0);
    show("edge again", e, 0);
    NEED(read(fds[0], &c, 1) == 1);
    show("edge after reading some", e, 0);
    NEED(write(fds[1], "c", 1) == 1);
    show("edge after writing more", e, 0);
    CALL(modify(e, fds[0], EPOLLIN | EPOLLONESHOT, 9));
    show("one shot", e, 0);
    show("one shot again", e, 0);
    CALL(modify(e, fds[0], EPOLLIN | EPOLLONESHOT, 10));
    show("re-armed", e, 0);
    close(fds[1]);
    CALL(modify(e, fds[0], EPOLLIN, 11));
    show("closed writer", e, 0);
    CALL(modify(e, fds[0], 0, 12));
    show("only hang-up", e, 0);
    close(fds[0]);
    show("closed", e, 0);
}

CASE(waking_a_waiter) {
    int fds[2], e = epoll_create1(0);
    NEED(pipe(fds) == 0);
    CALL(add(e, fds[0], EPOLLIN, 1));
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(50);
        write(fds[1], "x", 1);
        _exit(0);
    }
    show("woken", e, 10000);
    waitpid(child, 0, 0);
    int64_t start = now_ns();
    struct epoll_event event;
    char c;
    read(fds[0], &c, 1);
    CALL(epoll_wait(e, &event, 1, 30));
    CHECK(now_ns() - start >= 30000000);
    struct timespec t = {0, 10000000};
    CALL(syscall(SYS_epoll_pwait2, e, &event, 1, &t, 0, 8));
    CALL(syscall(SYS_epoll_pwait, e, &event, 1, 10, &t, 7));
}

CASE(nested) {
    int fds[2], inner = epoll_create1(0), outer = epoll_create1(0);
    NEED(pipe(fds) == 0);
    CALL(add(inner, fds[0], EPOLLIN, 1));
    CALL(add(outer, inner, EPOLLIN, 2));
    show("outer", outer, 0);
    NEED(write(fds[1], "x", 1) == 1);
    show("outer", outer, 0);
    CALL(add(inner, outer, EPOLLIN, 3));
    struct pollfd p = {outer, POLLIN, 0};
    CALL(poll(&p, 1, 0));
    int chain[8];
    chain[0] = inner;
    for (int i = 1; i < 8; i++) {
        chain[i] = epoll_create1(0);
        char label[16];
        snprintf(label, sizeof label, "depth %d", i);
        NAMED(label, add(chain[i], chain[i - 1], EPOLLIN, i));
    }
}

CASE(duplicates) {
    int fds[2], e = epoll_create1(0);
    NEED(pipe(fds) == 0 && write(fds[1], "x", 1) == 1);
    int copy = dup(fds[0]);
    CALL(add(e, fds[0], EPOLLIN, 1));
    CALL(add(e, copy, EPOLLIN, 2));
    struct epoll_event events[4];
    CALL(epoll_wait(e, events, 4, 0));
    close(fds[0]);
    CALL(epoll_wait(e, events, 4, 0));
    close(copy);
    CALL(epoll_wait(e, events, 4, 0));
}

CASE(fairness) {
    // With room for one event at a time, every ready descriptor gets its turn.
    int e = epoll_create1(0), seen = 0;
    for (int i = 0; i < 5; i++) {
        int fd = eventfd(1, 0);
        NEED(add(e, fd, EPOLLIN, i) == 0);
    }
    struct epoll_event event;
    for (int i = 0; i < 5; i++) {
        NEED(epoll_wait(e, &event, 1, 0) == 1);
        seen |= 1 << event.data.u32;
    }
    HEX(seen);
}

CASE(exclusive) {
    int fds[2], e = epoll_create1(0);
    NEED(pipe(fds) == 0);
    CALL(add(e, fds[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
    CALL(modify(e, fds[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
    CALL(add(e, fds[1], EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT, 1));
    NEED(write(fds[1], "x", 1) == 1);
    show("exclusive", e, 0);
}
