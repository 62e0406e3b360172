// /dev as programs use it.
#include "../conformance.h"
#include <dirent.h>
#include <sys/sysmacros.h>

CASE(nodes) {
    static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[32];
        struct stat st;
        snprintf(path, sizeof path, "/dev/%s", names[i]);
        NEED(stat(path, &st) == 0);
        note("%s: %#o %u:%u", names[i], st.st_mode, major(st.st_rdev), minor(st.st_rdev));
    }
    static const char *const links[] = {"fd", "stdin", "stdout", "stderr"};
    for (size_t i = 0; i < 4; i++) {
        char path[32], text[64];
        snprintf(path, sizeof path, "/dev/%s", links[i]);
        ssize_t n = readlink(path, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        note("%s -> %s", links[i], text);
    }
    struct stat st;
    CALL(stat("/dev/shm", &st));
    HEX(st.st_mode);
}

CASE(memory_devices) {
    char buffer[100];
    memset(buffer, 1, sizeof buffer);
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
    CALL(read(null, buffer, 100));
    CALL(write(null, buffer, 100));
    CALL(write(null, (void *)8, 100));
    CALL(read(zero, buffer, 100));
    VALUE(buffer[0] + buffer[99]);
    CALL(write(zero, buffer, 100));
    CALL(read(full, buffer, 100));
    CALL(write(full, buffer, 100));
    CALL(lseek(null, 100, SEEK_SET));
    CALL(lseek(zero, 100, SEEK_CUR));
    CALL(pread(zero, buffer, 10, 1000));
    CALL(ftruncate(null, 0));
    CALL(close(open("/dev/null", O_WRONLY | O_TRUNC | O_CREAT, 0600)));
    CALL(ioctl(null, TCGETS, buffer));
    char *map = MAPPED(mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0));
    if (map != MAP_FAILED) {
        map[0] = 1;
        VALUE(map[0] + map[4096]);
    }
    MAPPED(mmap(0, 4096, PROT_READ, MAP_PRIVATE, null, 0));
    char *edge = before_edge(100);
    CALL(read(zero, edge, 200));
    CALL(read(zero, (void *)8, 8));
}

CASE(random) {
    unsigned char a[64] = {0}, b[64] = {0};
    int fd = open("/dev/urandom", O_RDWR);
    CALL(read(fd, a, sizeof a));
    CALL(read(fd, b, sizeof b));
    CHECK(memcmp(a, b, sizeof a) != 0);
    CALL(write(fd, a, sizeof a));
}

CASE(no_terminal) {
    CALL(setsid() > 0 || errno == EPERM);
    if (getsid(0) == getpid()) CALL(open("/dev/tty", O_RDWR));
    int p[2];
    char buffer[64];
    NEED(pipe(p) == 0);
    CALL(ioctl(p[0], TCGETS, buffer));
    CALL(ioctl(p[0], TIOCGWINSZ, buffer));
    CALL(ioctl(p[0], 0x12345678, buffer));
    CALL(isatty(p[0]));
    int on = 1;
    CALL(ioctl(p[0], FIONBIO, &on));
    CALL(read(p[0], buffer, 1));
    CALL(ioctl(p[0], FIOCLEX));
    CALL(fcntl(p[0], F_GETFD));
    CALL(ioctl(p[0], FIONCLEX));
    CALL(fcntl(p[0], F_GETFD));
    CALL(ioctl(p[0], FIONBIO, 0));
    CALL(ioctl(999, FIOCLEX));
}

CASE(standard_streams_by_name) {
    int p[2];
    NEED(pipe(p) == 0);
    IN_CHILD("child", dup2(p[1], 1); int fd = open("/dev/stdout", O_WRONLY); write(fd, "through", 7));
    char text[16] = "";
    CALL(read(p[0], text, sizeof text));
    TEXT(text);
    CALL(open("/dev/fd/999", O_RDONLY));
}
