// pipe(7), fifo(7): what fits into a pipe's pages, ends that go, opens that wait.
#include "../conformance.h"

static void fill(int fd, size_t step) {
    static char data[8192];
    long total = 0;
    for (;;) {
        ssize_t n = write(fd, data, step);
        if (n < 0) break;
        total += n;
    }
    note("filled by %zu: %ld, %s", step, total, error_name(errno));
}

static void print_poll(const char *who, int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    poll(&p, 1, 0);
    note("%s: %s%s%s%s", who, p.revents & POLLIN ? "IN " : "", p.revents & POLLOUT ? "OUT " : "", p.revents & POLLHUP ? "HUP " : "",
         p.revents & POLLERR ? "ERR " : "");
}

CASE(basics) {
    int p[2];
    char buffer[16];
    struct stat st;
    CALL(pipe2(p, O_NONBLOCK));
    CALL(read(p[0], buffer, 16));
    CALL(write(p[1], "hello", 5));
    int left = 0;
    CALL(ioctl(p[0], FIONREAD, &left));
    VALUE(left);
    CALL(read(p[0], buffer, 3));
    CALL(read(p[0], buffer, 16));
    CALL(write(p[0], "x", 1));
    CALL(read(p[1], buffer, 1));
    CALL(lseek(p[0], 0, SEEK_SET));
    CALL(pread(p[0], buffer, 1, 0));
    CALL(fstat(p[0], &st));
    CHECK(S_ISFIFO(st.st_mode));
    HEX(st.st_mode & 0777);
    CALL(ftruncate(p[1], 0));
    CALL(fsync(p[1]));
    CALL(fcntl(p[0], F_GETFL) & ~O_LARGEFILE);
    CALL(fcntl(p[1], F_GETFL) & ~O_LARGEFILE);
}

CASE(bad_arguments) {
    int p[2];
    CALL(pipe2(p, 1));
    CALL(pipe2(p, O_APPEND));
    for (size_t i = 0; i < BAD_POINTERS; i++) NAMED(bad_pointer_name(i), syscall(SYS_pipe, bad_pointers[i]));
    int edge_errors = 0;
    int *edge = (int *)before_edge(4);
    edge_errors += syscall(SYS_pipe, edge) < 0 && errno == EFAULT;
    VALUE(edge_errors);
    int fd = open("/dev/null", O_RDONLY);
    VALUE(fd);
    close(fd);
}

CASE(capacity) {
    for (size_t step = 1; step <= 8192; step = step == 1 ? 4096 : step * 2) {
        int p[2];
        NEED(pipe2(p, O_NONBLOCK) == 0);
        fill(p[1], step);
        print_poll("full writer", p[1]);
        close(p[0]);
        close(p[1]);
    }
    int p[2];
    NEED(pipe2(p, O_NONBLOCK) == 0);
    CALL(fcntl(p[0], F_GETPIPE_SZ));
    CALL(fcntl(p[0], F_SETPIPE_SZ, 5000));
    fill(p[1], 4096);
    CALL(fcntl(p[0], F_SETPIPE_SZ, 4096));
    CALL(fcntl(p[0], F_SETPIPE_SZ, 0));
    CALL(fcntl(p[0], F_SETPIPE_SZ, 1 << 20));
    fill(p[1], 4096);
    int file = open("/dev/null", O_RDONLY);
    CALL(fcntl(file, F_GETPIPE_SZ));
}

CASE(atomicity) {
    int p[2];
    static char data[65536];
    NEED(pipe2(p, O_NONBLOCK) == 0);
    CALL(write(p[1], data, 65536));
    CALL(write(p[1], data, 1));
    CALL(read(p[0], data, 4096));
    CALL(write(p[1], data, 4096));
    CALL(read(p[0], data, 4096));
    CALL(write(p[1], data, 5000));
    CALL(write(p[1], data, 5000));
}

CASE(ends) {
    int p[2];
    char c;
    signal(SIGPIPE, SIG_IGN);
    NEED(pipe(p) == 0);
    print_poll("reader, empty", p[0]);
    print_poll("writer, empty", p[1]);
    NEED(write(p[1], "ab", 2) == 2);
    close(p[1]);
    print_poll("reader, writer gone", p[0]);
    CALL(read(p[0], &c, 1));
    CALL(read(p[0], &c, 1));
    CALL(read(p[0], &c, 1));
    print_poll("reader at the end", p[0]);
    close(p[0]);
    NEED(pipe(p) == 0);
    close(p[0]);
    print_poll("writer, reader gone", p[1]);
    CALL(write(p[1], "x", 1));
    CALL(write(p[1], "", 0));
    IN_CHILD("SIGPIPE", signal(SIGPIPE, SIG_DFL); write(p[1], "x", 1));
}

CASE(blocking_reader) {
    int p[2];
    NEED(pipe(p) == 0);
    pid_t child = fork();
    if (child == 0) {
        char buffer[100];
        ssize_t n = read(p[0], buffer, 100);
        note("child read %zd", n);
        n = read(p[0], buffer, 100);
        note("child read %zd", n);
        close(p[1]);
        n = read(p[0], buffer, 100);
        note("child read %zd", n);
        _exit(0);
    }
    wait_until_sleeping(child);
    NEED(write(p[1], "one", 3) == 3);
    wait_until_sleeping(child);
    NEED(write(p[1], "fourth", 6) == 6);
    wait_until_sleeping(child);
    close(p[1]);
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
}

CASE(blocking_writer_takes_all) {
    int p[2];
    NEED(pipe(p) == 0);
    pid_t child = fork();
    if (child == 0) {
        static char data[300000];
        for (size_t i = 0; i < sizeof data; i++) data[i] = i % 251;
        note("child wrote %zd", write(p[1], data, sizeof data));
        _exit(0);
    }
    close(p[1]);
    unsigned char buffer[7777];
    long total = 0, wrong = 0;
    for (ssize_t n; (n = read(p[0], buffer, sizeof buffer)) > 0; total += n)
        for (ssize_t i = 0; i < n; i++) wrong += buffer[i] != (total + i) % 251;
    int status;
    waitpid(child, &status, 0);
    VALUE(total);
    VALUE(wrong);
}

static void handler(int number) { (void)number; }

CASE(interrupted) {
    int p[2];
    char c;
    NEED(pipe(p) == 0);
    pid_t parent = getpid();
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        on_signal(SIGUSR1, handler, flags);
        pid_t child = fork();
        if (child == 0) {
            wait_until_sleeping(parent);
            kill(parent, SIGUSR1);
            sleep_ms(50);
            write(p[1], "x", 1);
            _exit(0);
        }
        NAMED(flags ? "read, SA_RESTART" : "read", read(p[0], &c, 1));
        waitpid(child, 0, 0);
        fcntl(p[0], F_SETFL, O_NONBLOCK);
        while (read(p[0], &c, 1) > 0)
            ;
        fcntl(p[0], F_SETFL, 0);
    }
    static char data[100000];
    on_signal(SIGUSR1, handler, SA_RESTART);
    pid_t child = fork();
    if (child == 0) {
        wait_until_sleeping(parent);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    NAMED("partial write", write(p[1], data, sizeof data));
    waitpid(child, 0, 0);
}

CASE(reopened_through_proc) {
    int p[2];
    char path[64], text[64] = "";
    NEED(pipe(p) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[1]);
    int again = CALL_OK(open(path, O_WRONLY));
    NEED(write(again, "via proc", 8) == 8);
    CALL(read(p[0], text, sizeof text));
    TEXT(text);
    CALL(open(path, O_RDWR) >= 0);
    ssize_t n = readlink(path, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    CHECK(!strncmp(text, "pipe:[", 6));
    struct stat a, b;
    NEED(fstat(p[0], &a) == 0 && stat(path, &b) == 0);
    CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
}

CASE(fifo_open) {
    NEED(mkfifo("f", 0600) == 0);
    CALL(open("f", O_WRONLY | O_NONBLOCK));
    int reader = CALL_OK(open("f", O_RDONLY | O_NONBLOCK));
    print_poll("reader, never a writer", reader);
    char c;
    CALL(read(reader, &c, 1));
    int writer = CALL_OK(open("f", O_WRONLY | O_NONBLOCK));
    CALL(read(reader, &c, 1));
    CALL(write(writer, "ab", 2));
    close(writer);
    print_poll("reader, writer gone", reader);
    CALL(read(reader, &c, 1));
    close(reader);
    reader = open("f", O_RDONLY | O_NONBLOCK);
    NAMED("what was in it is gone", read(reader, &c, 1));
    close(reader);
    int both = CALL_OK(open("f", O_RDWR));
    CALL(write(both, "xyz", 3));
    CALL(read(both, &c, 1));
    print_poll("both", both);
}

CASE(fifo_open_waits) {
    NEED(mkfifo("f", 0600) == 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open("f", O_WRONLY);
        note("child opened: %s", fd >= 0 ? "yes" : error_name(errno));
        write(fd, "hello", 5);
        _exit(0);
    }
    wait_until_sleeping(child);
    note("parent opens");
    int fd = open("f", O_RDONLY);
    char text[16] = "";
    int status;
    waitpid(child, &status, 0);
    CALL(read(fd, text, sizeof text));
    TEXT(text);
    close(fd);
    on_signal(SIGALRM, handler, 0);
    struct itimerval soon = {{0, 0}, {0, 50000}};
    setitimer(ITIMER_REAL, &soon, 0);
    CALL(open("f", O_RDONLY));
    CALL(open("f", O_WRONLY | O_NONBLOCK));
}

CASE(closed_while_read_waits) {
    int p[2];
    NEED(pipe(p) == 0);
    pid_t child = fork();
    if (child == 0) {
        // Only this process has the reading end from here on.
        sleep_ms(50);
        char c = 0;
        ssize_t n = read(p[0], &c, 1);
        note("child: %zd '%c'", n, c);
        _exit(0);
    }
    close(p[0]);
    wait_until_sleeping(child);
    CALL(write(p[1], "z", 1));
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
}
