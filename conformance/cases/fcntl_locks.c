// fcntl(2) record locks, open file description locks, flock(2), leases refused.
#include "../conformance.h"
#include <sys/file.h>

static int lock(int fd, int command, int type, off_t start, off_t length) {
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &l);
}
static void query(const char *title, int fd, int type, off_t start, off_t length) {
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    if (fcntl(fd, F_GETLK, &l)) note("%s: %s", title, error_name(errno));
    else note("%s: type %d start %ld length %ld owner %s", title, l.l_type, (long)l.l_start, (long)l.l_len, l.l_type == F_UNLCK ? "-" : l.l_pid == getppid() ? "parent" : "other");
}

CASE(records) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    CALL(lock(fd, F_SETLK, F_WRLCK, 10, 10));
    query("own", fd, F_WRLCK, 0, 0);
    IN_CHILD("child", {
        CALL(lock(fd, F_SETLK, F_WRLCK, 0, 10));
        CALL(lock(fd, F_SETLK, F_WRLCK, 0, 11));
        CALL(lock(fd, F_SETLK, F_RDLCK, 19, 1));
        CALL(lock(fd, F_SETLK, F_RDLCK, 20, 0));
        query("whole", fd, F_RDLCK, 0, 0);
        query("free", fd, F_RDLCK, 30, 5);
    });
    // Two locks of one owner on one range: the later replaces, split and merged.
    CALL(lock(fd, F_SETLK, F_RDLCK, 12, 2));
    CALL(lock(fd, F_SETLK, F_UNLCK, 16, 2));
    IN_CHILD("child", query("a", fd, F_WRLCK, 0, 0); query("b", fd, F_WRLCK, 12, 0); query("c", fd, F_WRLCK, 14, 0); query("d", fd, F_WRLCK, 16, 0); query("e", fd, F_RDLCK, 12, 2));
    CALL(lock(fd, F_SETLK, F_WRLCK, 10, 10));
    IN_CHILD("child", query("merged", fd, F_WRLCK, 0, 0));
    int other = open("f", O_RDONLY);
    close(other);
    IN_CHILD("child", query("after another descriptor closed", fd, F_WRLCK, 0, 0));
}

CASE(errors) {
    int fd = open("f", O_RDWR | O_CREAT, 0600), r = open("f", O_RDONLY), w = open("f", O_WRONLY);
    CALL(lock(r, F_SETLK, F_WRLCK, 0, 0));
    CALL(lock(w, F_SETLK, F_RDLCK, 0, 0));
    CALL(lock(fd, F_SETLK, 99, 0, 0));
    CALL(lock(fd, F_SETLK, F_WRLCK, -1, 1));
    CALL(lock(fd, F_SETLK, F_WRLCK, 10, -5));
    CALL(lock(fd, F_SETLK, F_WRLCK, 10, -15));
    CALL(lock(fd, F_SETLK, F_WRLCK, INT64_MAX, 5));
    CALL(lock(99, F_SETLK, F_WRLCK, 0, 0));
    CALL(fcntl(fd, F_SETLK, STUB_SLOTS));
    CALL(fcntl(fd, F_GETLK, 0));
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(lock(fds[1], F_SETLK, F_WRLCK, 0, 0));
    struct flock l = {.l_type = F_WRLCK, .l_whence = 99};
    CALL(fcntl(fd, F_SETLK, &l));
    l.l_whence = SEEK_END, l.l_start = -1;
    CALL(fcntl(fd, F_SETLK, &l));
}

CASE(waiting_and_deadlock) {
    int fd = open("f", O_RDWR | O_CREAT, 0600), fds[2];
    char c;
    NEED(pipe(fds) == 0);
    NEED(lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
    pid_t child = fork();
    if (child == 0) {
        lock(fd, F_SETLK, F_WRLCK, 1, 1);
        write(fds[1], "x", 1);
        int result = lock(fd, F_SETLKW, F_WRLCK, 0, 1);
        _exit(result ? errno : 0);
    }
    NEED(read(fds[0], &c, 1) == 1);
    wait_until_sleeping(child);
    CALL(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
    CALL(lock(fd, F_SETLK, F_UNLCK, 0, 1));
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
    CALL(lock(fd, F_SETLK, F_WRLCK, 1, 1));
}

CASE(description_locks) {
    int a = open("f", O_RDWR | O_CREAT, 0600), b = open("f", O_RDWR), copy = dup(a);
    CALL(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
    CALL(lock(copy, F_OFD_SETLK, F_WRLCK, 0, 10));
    CALL(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
    CALL(lock(b, F_SETLK, F_WRLCK, 5, 10));
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CALL(fcntl(b, F_OFD_GETLK, &l));
    note("type %d start %ld length %ld pid %d", l.l_type, (long)l.l_start, (long)l.l_len, l.l_pid);
    l.l_pid = 5;
    CALL(fcntl(b, F_OFD_SETLK, &l));
    close(a);
    CALL(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
    close(copy);
    CALL(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
}

CASE(whole_file_locks) {
    int a = open("f", O_RDWR | O_CREAT, 0600), b = open("f", O_RDWR), copy = dup(a);
    CALL(flock(a, LOCK_EX));
    CALL(flock(b, LOCK_EX | LOCK_NB));
    CALL(flock(b, LOCK_SH | LOCK_NB));
    CALL(flock(copy, LOCK_SH));
    CALL(flock(b, LOCK_SH | LOCK_NB));
    CALL(flock(b, LOCK_EX | LOCK_NB));
    CALL(flock(b, LOCK_UN));
    CALL(flock(b, LOCK_UN));
    CALL(flock(a, 0));
    CALL(flock(a, LOCK_SH | LOCK_EX));
    CALL(flock(99, LOCK_SH));
    close(a);
    CALL(flock(b, LOCK_EX | LOCK_NB));
    close(copy);
    CALL(flock(b, LOCK_EX | LOCK_NB));
    pid_t child = fork();
    if (child == 0) {
        int c = open("f", O_RDWR);
        _exit(flock(c, LOCK_EX) ? errno : 0);
    }
    wait_until_sleeping(child);
    CALL(flock(b, LOCK_UN));
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
    CALL(flock(b, LOCK_EX));
    IN_CHILD("inherits", CALL(flock(b, LOCK_EX | LOCK_NB)));
}
