// eventfd(2), signalfd(2), inotify's absence, memfd_create(2).
#include "../conformance.h"
#include <sys/eventfd.h>
#include <sys/signalfd.h>

static int poll_one(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    poll(&p, 1, 0);
    return p.revents;
}

CASE(counting) {
    uint64_t n = 5;
    int fd = eventfd(3, EFD_NONBLOCK);
    HEX(poll_one(fd));
    CALL(write(fd, &n, 8));
    CALL(read(fd, &n, 8));
    VALUE(n);
    CALL(read(fd, &n, 8));
    HEX(poll_one(fd));
    n = -1;
    CALL(write(fd, &n, 8));
    n = -2;
    CALL(write(fd, &n, 8));
    HEX(poll_one(fd));
    n = 1;
    CALL(write(fd, &n, 8));
    n = 0;
    CALL(write(fd, &n, 8));
    CALL(read(fd, &n, 4));
    CALL(write(fd, &n, 4));
    CALL(read(fd, STUB_SLOTS, 8));
    CALL(write(fd, STUB_SLOTS, 8));
    char big[16];
    CALL(read(fd, big, 16));
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(pread(fd, big, 8, 0));
    CALL(eventfd(0, 99));
    int s = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    CALL(read(s, &n, 8));
    VALUE(n);
    CALL(read(s, &n, 8));
    CALL(read(s, &n, 8));
    CALL(read(s, &n, 8));
    CALL(fcntl(s, F_GETFD));
}

CASE(blocking) {
    int fd = eventfd(0, 0);
    uint64_t n = 0;
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(40);
        n = 9;
        _exit(write(fd, &n, 8) != 8);
    }
    CALL(read(fd, &n, 8));
    VALUE(n);
    waitpid(child, 0, 0);
    n = -2;
    CALL(write(fd, &n, 8));
    child = fork();
    if (child == 0) {
        sleep_ms(40);
        _exit(read(fd, &n, 8) != 8);
    }
    n = 5;
    CALL(write(fd, &n, 8));
    waitpid(child, 0, 0);
    CALL(read(fd, &n, 8));
    VALUE(n);
}

CASE(signal_descriptors) {
    sigset_t set;
    struct signalfd_siginfo info;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    CHECK(fd == 3);
    CALL(read(fd, &info, sizeof info));
    HEX(poll_one(fd));
    raise(SIGUSR1);
    HEX(poll_one(fd));
    CALL(read(fd, &info, sizeof info));
    note("signo %d code %d pid right %d", info.ssi_signo, info.ssi_code, info.ssi_pid == getpid());
    union sigval value = {.sival_int = 42};
    sigqueue(getpid(), SIGRTMIN, value);
    sigqueue(getpid(), SIGRTMIN, value);
    struct signalfd_siginfo many[4];
    CALL(read(fd, many, sizeof many));
    VALUE(many[1].ssi_int);
    CALL(read(fd, &info, 10));
    sigemptyset(&set);
    CALL(signalfd(fd, &set, 0));
    raise(SIGUSR1);
    CALL(read(fd, &info, sizeof info));
    CALL(signalfd(0, &set, 0));
    CALL(signalfd(99, &set, 0));
    CALL(signalfd(-1, &set, 99));
}

CASE(memory_files) {
    int fd = memfd_create("name", MFD_CLOEXEC);
    char text[8] = "";
    struct stat st;
    CHECK(fd == 3);
    CALL(write(fd, "memory", 6));
    CALL(pread(fd, text, 7, 0));
    TEXT(text);
    CALL(fstat(fd, &st));
    note("mode %o nlink %d size %ld", st.st_mode, (int)st.st_nlink, (long)st.st_size);
    CALL(ftruncate(fd, 8192));
    char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    strcpy(p, "MAPPED");
    CALL(pread(fd, text, 7, 0));
    TEXT(text);
    CALL(fcntl(fd, F_GET_SEALS));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CALL(memfd_create("name", 0x1000));
    CALL(memfd_create(STUB_SLOTS, 0));
    char name[260];
    memset(name, 'n', 259);
    name[250] = 0;
    CALL(memfd_create(name, 0));
    name[249] = 0;
    CALL_OK(memfd_create(name, 0));
    fd = memfd_create("sealed", MFD_ALLOW_SEALING);
    NEED(write(fd, "abc", 3) == 3);
    CALL(fcntl(fd, F_GET_SEALS));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    CALL(ftruncate(fd, 2));
    CALL(ftruncate(fd, 4));
    CALL(pwrite(fd, "x", 1, 3));
    CALL(pwrite(fd, "x", 1, 0));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
    CALL(pwrite(fd, "x", 1, 0));
    CALL(mmap(0, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CALL(fcntl(fd, F_GET_SEALS));
}
