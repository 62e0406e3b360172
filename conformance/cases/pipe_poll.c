// pipe(2), fifo(7), poll(2), ppoll(2), select(2), pselect(2), splice(2), tee(2), vmsplice(2).
#include "../conformance.h"
#include <sys/select.h>

static int poll_one(int fd, int events) {
    struct pollfd p = {fd, events, 0};
    int n = poll(&p, 1, 0);
    return n < 0 ? -errno : p.revents;
}

CASE(blocking_transfer) {
    int fds[2];
    NEED(pipe(fds) == 0);
    size_t total = 3 << 20;
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        char *data = malloc(total);
        for (size_t i = 0; i < total; i++) data[i] = i * 31 >> 3;
        for (size_t done = 0; done < total;) {
            size_t n = done * 7 % 70001 + 1;
            if (n > total - done) n = total - done;
            ssize_t w = write(fds[1], data + done, n);
            if (w != (ssize_t)n) _exit(1);
            done += w;
        }
        _exit(0);
    }
    close(fds[1]);
    char *data = malloc(total + 1);
    size_t done = 0, wrong = 0;
    ssize_t n;
    while ((n = read(fds[0], data + done, total + 1 - done)) > 0) done += n;
    VALUE(n);
    VALUE(done);
    for (size_t i = 0; i < total; i++) wrong += data[i] != (char)(i * 31 >> 3);
    VALUE(wrong);
    int status;
    waitpid(child, &status, 0);
    print_status("writer", status);
}

CASE(readiness) {
    int fds[2];
    NEED(pipe2(fds, O_NONBLOCK) == 0);
    int all = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLPRI | POLLRDHUP;
    HEX(poll_one(fds[0], all));
    HEX(poll_one(fds[1], all));
    NEED(write(fds[1], "abc", 3) == 3);
    HEX(poll_one(fds[0], all));
    char *data = calloc(1, 70000);
    NEED(write(fds[1], data, 70000) > 0);
    HEX(poll_one(fds[1], all));
    NEED(read(fds[0], data, 100) == 100);
    HEX(poll_one(fds[1], all));
    NEED(read(fds[0], data, 4096) == 4096);
    HEX(poll_one(fds[1], all));
    int other = dup(fds[1]);
    close(fds[1]);
    HEX(poll_one(fds[0], all));
    close(other);
    HEX(poll_one(fds[0], all));
    while (read(fds[0], data, 70000) > 0)
        ;
    HEX(poll_one(fds[0], all));
    NEED(pipe(fds) == 0);
    close(fds[0]);
    HEX(poll_one(fds[1], all));
    HEX(poll_one(99, POLLIN));
    HEX(poll_one(-1, POLLIN));
    int file = open("f", O_RDWR | O_CREAT, 0600);
    HEX(poll_one(file, all));
    HEX(poll_one(open(".", O_RDONLY), all));
    HEX(poll_one(open("/dev/null", O_RDWR), all));
}

CASE(poll_calls) {
    int fds[2];
    NEED(pipe(fds) == 0);
    struct pollfd p[3] = {{fds[0], POLLIN}, {fds[1], POLLOUT}, {-5, POLLIN, 77}};
    CALL(poll(p, 3, -1));
    note("%d %d %d", p[0].revents, p[1].revents, p[2].revents);
    CALL(poll(p, 1, 0));
    int64_t start = now_ns();
    CALL(poll(p, 1, 40));
    CHECK(now_ns() - start >= 40000000);
    CALL(poll(0, 0, 10));
    CALL(syscall(SYS_poll, STUB_SLOTS, 1, 0));
    CALL(syscall(SYS_poll, (void *)8, 1, 0));
    CALL(syscall(SYS_poll, p, -1, 0));
    CALL(syscall(SYS_poll, p, 1 << 30, 0));
    struct timespec t = {0, 10000000}, bad = {0, -1}, big = {0, 1000000000}, before = {-1, 0};
    CALL(ppoll(p, 1, &t, 0));
    CALL(ppoll(p, 1, &bad, 0));
    CALL(ppoll(p, 1, &big, 0));
    CALL(ppoll(p, 1, &before, 0));
    CALL(syscall(SYS_ppoll, p, 1, &t, p, 7));
    CALL(syscall(SYS_ppoll, p, 1, &t, STUB_SLOTS, 8));
    CALL(syscall(SYS_ppoll, p, 1, STUB_SLOTS, 0, 8));
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(40);
        write(fds[1], "x", 1);
        _exit(0);
    }
    CALL(poll(p, 1, 10000));
    HEX(p[0].revents);
    waitpid(child, 0, 0);
}

static void nothing(int s) {}

CASE(masked_polling) {
    int fds[2];
    NEED(pipe(fds) == 0);
    sigset_t set, none, now;
    sigemptyset(&none), sigemptyset(&set), sigaddset(&set, SIGUSR1);
    on_signal(SIGUSR1, nothing, 0);
    sigprocmask(SIG_BLOCK, &set, 0);
    raise(SIGUSR1);
    struct pollfd p = {fds[0], POLLIN, 0};
    struct timespec t = {0, 20000000};
    CALL(ppoll(&p, 1, &t, 0));
    CALL(ppoll(&p, 1, &t, &none));
    sigprocmask(SIG_BLOCK, 0, &now);
    CHECK(sigismember(&now, SIGUSR1));
    sigpending(&now);
    CHECK(!sigismember(&now, SIGUSR1));
    raise(SIGUSR1);
    // What is ready at once wins over the signal.
    NEED(write(fds[1], "x", 1) == 1);
    CALL(ppoll(&p, 1, &t, &none));
    fd_set r;
    FD_ZERO(&r);
    sigpending(&now);
    if (!sigismember(&now, SIGUSR1)) raise(SIGUSR1);
    CALL(pselect(0, &r, 0, 0, &t, &none));
}

CASE(select_calls) {
    int fds[2];
    NEED(pipe(fds) == 0);
    fd_set r, w, x;
    struct timeval t = {0, 0};
#define SET(set, fd)                                                                                                             \
    do {                                                                                                                         \
        FD_ZERO(&set);                                                                                                           \
        FD_SET(fd, &set);                                                                                                        \
    } while (0)
    SET(r, fds[0]);
    SET(w, fds[1]);
    SET(x, fds[0]);
    CALL(select(fds[1] + 1, &r, &w, &x, &t));
    note("%d %d %d", !!FD_ISSET(fds[0], &r), !!FD_ISSET(fds[1], &w), !!FD_ISSET(fds[0], &x));
    NEED(write(fds[1], "x", 1) == 1);
    SET(r, fds[0]);
    SET(w, fds[1]);
    CALL(select(fds[1] + 1, &r, &w, 0, 0));
    SET(r, fds[0]);
    CALL(select(fds[0], &r, 0, 0, &t));
    CALL(select(0, 0, 0, 0, &t));
    CALL(select(-1, 0, 0, 0, &t));
    SET(r, 50);
    CALL(select(51, &r, 0, 0, &t));
    SET(r, fds[0]);
    CALL(select(1024, &r, 0, 0, &t));
    t.tv_sec = -1;
    CALL(select(0, 0, 0, 0, &t));
    CALL(syscall(SYS_select, 4, STUB_SLOTS, 0, 0, 0));
    CALL(syscall(SYS_select, 4, 0, 0, 0, STUB_SLOTS));
    char c;
    NEED(read(fds[0], &c, 1) == 1);
    t = (struct timeval){0, 30000};
    SET(r, fds[0]);
    int64_t start = now_ns();
    CALL(select(fds[0] + 1, &r, 0, 0, &t));
    CHECK(now_ns() - start >= 30000000);
    note("left %ld %ld, bit %d", t.tv_sec, t.tv_usec, !!FD_ISSET(fds[0], &r));
    close(fds[1]);
    SET(r, fds[0]);
    CALL(select(fds[0] + 1, &r, 0, 0, 0));
}

CASE(named_pipes) {
    char c;
    NEED(mkfifo("p", 0600) == 0);
    CALL(open("p", O_WRONLY | O_NONBLOCK));
    int r = open("p", O_RDONLY | O_NONBLOCK);
    CHECK(r == 3);
    CALL(read(r, &c, 1));
    HEX(poll_one(r, POLLIN));
    int w = open("p", O_WRONLY | O_NONBLOCK);
    CHECK(w == 4);
    CALL(read(r, &c, 1));
    CALL(write(w, "x", 1));
    CALL(read(r, &c, 1));
    close(w);
    CALL(read(r, &c, 1));
    HEX(poll_one(r, POLLIN));
    close(r);
    int both = open("p", O_RDWR);
    CALL(write(both, "abc", 3));
    CALL(read(both, &c, 1));
    close(both);
    pid_t child = fork();
    if (child == 0) {
        int fd = open("p", O_WRONLY);
        _exit(write(fd, "hello", 5) != 5);
    }
    r = open("p", O_RDONLY);
    char text[8] = "";
    CALL(read(r, text, 7));
    TEXT(text);
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
    CALL(read(r, text, 7));
    CALL(lseek(r, 0, SEEK_SET));
    CALL(unlink("p"));
}

CASE(descriptor_reused_while_blocked) {
    // The read goes on at the pipe it began with, though its number now names another.
    int fds[2], other[2];
    NEED(pipe(fds) == 0 && pipe(other) == 0);
    static pid_t parent;
    parent = getpid();
    static int number, first_write, second_write;
    number = fds[0], first_write = fds[1], second_write = other[1];
    pid_t child = clone(({
                            int body(void *u) {
                                wait_until_sleeping(parent);
                                dup2(*(int *)u, number);
                                write(second_write, "B", 1);
                                struct timespec t = {0, 50000000};
                                nanosleep(&t, 0);
                                write(first_write, "A", 1);
                                _exit(0);
                            }
                            body;
                        }),
                        (char *)mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 65536, CLONE_FILES | SIGCHLD, &other[0]);
    char c = 0;
    CALL(read(fds[0], &c, 1));
    VALUE(c);
    CALL(read(fds[0], &c, 1));
    VALUE(c);
    waitpid(child, 0, 0);
}

CASE(splicing) {
    int a[2], b[2];
    char text[64] = "";
    NEED(pipe2(a, O_NONBLOCK) == 0 && pipe2(b, O_NONBLOCK) == 0);
    make_file("f", "0123456789");
    int fd = open("f", O_RDWR);
    loff_t offset = 2;
    CALL(splice(fd, &offset, a[1], 0, 5, 0));
    VALUE(offset);
    CALL(tee(a[0], b[1], 100, 0));
    CALL(read(b[0], text, 63));
    TEXT(text);
    CALL(splice(a[0], 0, b[1], 0, 3, 0));
    offset = 8;
    CALL(splice(a[0], 0, fd, &offset, 100, 0));
    CALL(pread(fd, text, 63, 0));
    TEXT(text);
    CALL(splice(a[0], 0, b[1], 0, 3, SPLICE_F_NONBLOCK));
    CALL(splice(fd, 0, fd, 0, 3, 0));
    CALL(splice(a[0], &offset, b[1], 0, 3, 0));
    CALL(splice(99, 0, b[1], 0, 3, 0));
    CALL(tee(a[0], a[1], 3, 0));
    CALL(tee(fd, a[1], 3, 0));
    CALL(splice(a[0], 0, b[1], 0, 3, 0x100));
    struct iovec v = {"from memory", 11};
    CALL(vmsplice(a[1], &v, 1, 0));
    memset(text, 0, sizeof text);
    CALL(read(a[0], text, 63));
    TEXT(text);
}

CASE(many_pipes) {
    static int fds[200][2];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    setrlimit(RLIMIT_NOFILE, &limit);
    int failures = 0;
    struct pollfd p[200];
    for (int i = 0; i < 200; i++) {
        failures += pipe(fds[i]) != 0;
        p[i] = (struct pollfd){fds[i][0], POLLIN};
    }
    for (int i = 0; i < 200; i += 7) write(fds[i][1], "x", 1);
    VALUE(poll(p, 200, 0));
    for (int i = 0; i < 200; i++) failures += (p[i].revents == POLLIN) != (i % 7 == 0);
    VALUE(failures);
}

CASE(opened_through_proc) {
    // A pipe opened through /proc/self/fd does not wait for its other side, unlike a fifo: it may be gone for good.
    int fds[2];
    NEED(pipe(fds) == 0);
    write(fds[1], "left", 4);
    close(fds[1]);
    char path[64], data[8];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
    int again = open(path, O_RDONLY);
    CHECK(again >= 0);
    CALL(read(again, data, sizeof data));
    CALL(read(again, data, sizeof data));
    close(again);
    close(fds[0]);
}
