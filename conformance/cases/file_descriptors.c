// dup(2), dup2, dup3, fcntl(2)'s descriptor commands, ioctl(2)'s generic ones.
#include "../conformance.h"

CASE(dup_family) {
    make_file("f", "x");
    int fd = open("f", O_RDONLY | O_CLOEXEC);
    CALL(dup(fd));
    CALL(fcntl(4, F_GETFD));
    CALL(dup(-1));
    CALL(dup(99));
    CALL(dup2(fd, 10));
    CALL(dup2(fd, fd));
    CALL(dup2(99, 99));
    CALL(dup2(99, 10));
    CALL(fcntl(10, F_GETFD));
    CALL(dup2(fd, -1));
    CALL(dup2(fd, 1 << 30));
    CALL(dup3(fd, 11, O_CLOEXEC));
    CALL(fcntl(11, F_GETFD));
    CALL(dup3(fd, fd, 0));
    CALL(dup3(fd, 12, O_NONBLOCK));
    CALL(dup3(fd, 12, 0));
    CALL(dup3(fd, 1 << 30, 0));
    CALL(dup3(99, 1 << 30, 0));
}

CASE(fcntl_dup) {
    make_file("f", "x");
    int fd = open("f", O_RDONLY);
    CALL(fcntl(fd, F_DUPFD, 20));
    CALL(fcntl(fd, F_DUPFD, 20));
    CALL(fcntl(fd, F_DUPFD_CLOEXEC, 20));
    CALL(fcntl(22, F_GETFD));
    CALL(fcntl(fd, F_DUPFD, -1));
    CALL(fcntl(fd, F_DUPFD, INT_MAX));
    CALL(fcntl(99, F_DUPFD, 0));
    CALL(fcntl(fd, F_DUPFD, 0));
}

CASE(descriptor_flags) {
    make_file("f", "x");
    int fd = open("f", O_RDWR);
    CALL(fcntl(fd, F_SETFD, FD_CLOEXEC));
    CALL(fcntl(fd, F_GETFD));
    CALL(fcntl(fd, F_SETFD, 0xfe));
    CALL(fcntl(fd, F_GETFD));
    CALL(fcntl(99, F_SETFD, 0));
    CALL(fcntl(99, F_GETFD));
    CALL(fcntl(fd, 9999, 0));
    CALL(fcntl(99, 9999, 0));
    CALL(fcntl(fd, -1, 0));
    CALL(ioctl(fd, FIOCLEX));
    CALL(fcntl(fd, F_GETFD));
    CALL(ioctl(fd, FIONCLEX));
    CALL(fcntl(fd, F_GETFD));
}

CASE(status_flags) {
    make_file("f", "x");
    int fd = open("f", O_RDWR), copy = dup(fd);
    HEX(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
    CALL(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY | O_CREAT));
    HEX(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
    HEX(fcntl(copy, F_GETFL) & ~O_LARGEFILE);
    CALL(fcntl(fd, F_SETFL, 0));
    HEX(fcntl(copy, F_GETFL) & ~O_LARGEFILE);
    int on = 1;
    CALL(ioctl(fd, FIONBIO, &on));
    HEX(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
    on = 0;
    CALL(ioctl(fd, FIONBIO, &on));
    HEX(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
    CALL(ioctl(fd, FIONBIO, STUB_SLOTS));
}

CASE(generic_ioctls) {
    make_file("f", "hello");
    int fd = open("f", O_RDWR), fds[2], count = -1;
    NEED(pipe(fds) == 0 && write(fds[1], "abc", 3) == 3);
    CALL(ioctl(fd, FIONREAD, &count));
    VALUE(count);
    CALL(ioctl(fds[0], FIONREAD, &count));
    VALUE(count);
    CALL(ioctl(fds[0], FIONREAD, (void *)8));
    CALL(ioctl(fd, TCGETS, STUB_SLOTS));
    CALL(ioctl(fds[0], TCGETS, STUB_SLOTS));
    CALL(ioctl(fd, 0xdeadbeef, 0));
    CALL(ioctl(99, TCGETS, 0));
    CALL(isatty(fd));
    CALL(isatty(99));
    CALL(ioctl(open("/dev/null", O_RDWR), TCGETS, 0));
}

CASE(pipe_creation) {
    int fds[2];
    CALL(pipe(fds));
    note("fds %d %d", fds[0], fds[1]);
    CALL(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
    CALL(fcntl(fds[0], F_GETFD));
    HEX(fcntl(fds[0], F_GETFL));
    HEX(fcntl(fds[1], F_GETFL));
    CALL(pipe2(fds, O_APPEND));
    CALL(pipe2(fds, -1));
    CALL(syscall(SYS_pipe2, STUB_SLOTS, 0));
    CALL(syscall(SYS_pipe2, 8, 0));
    CALL(dup(0));
    CALL(fcntl(fds[0], F_GETPIPE_SZ));
    CALL(fcntl(fds[0], F_SETPIPE_SZ, 4097));
    CALL(fcntl(fds[1], F_GETPIPE_SZ));
    CALL(fcntl(fds[1], F_SETPIPE_SZ, 0));
    CALL(fcntl(fds[1], F_SETPIPE_SZ, -1));
    CALL(fcntl(0, F_GETPIPE_SZ) == -1 ? errno == EBADF : 0);
}

CASE(owners) {
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(fcntl(fds[0], F_GETOWN));
    CALL(fcntl(fds[0], F_SETOWN, getpid()));
    CHECK(fcntl(fds[0], F_GETOWN) == getpid());
    CALL(fcntl(fds[0], F_GETSIG));
    CALL(fcntl(fds[0], F_SETSIG, SIGUSR1));
    CALL(fcntl(fds[0], F_GETSIG));
    CALL(fcntl(fds[0], F_SETSIG, 99));
}
