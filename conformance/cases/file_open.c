// open(2), openat(2), openat2(2), creat(2), close(2), close_range(2).
#include "../conformance.h"
#include <linux/openat2.h>

static long openat2_(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {flags, mode, resolve};
    return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

CASE(missing_and_present) {
    CALL(open("absent", O_RDONLY));
    CALL(open("", O_RDONLY));
    CALL(open("absent/x", O_RDONLY));
    make_file("f", "hello");
    CALL(open("f", O_RDONLY));
    CALL(open("f", O_WRONLY));
    CALL(open("f", O_RDWR));
    CALL(close(4));
    CALL(open("f", O_RDONLY));
    CALL(open("f/x", O_RDONLY));
    CALL(open("f/", O_RDONLY));
    CALL(open("f/.", O_RDONLY));
    CALL(open("./f", O_RDONLY));
    CALL(open(".//.///f", O_RDONLY));
    CALL(open("../missing_and_present/f", O_RDONLY));
}

CASE(create_exclusive) {
    CALL(open("f", O_WRONLY | O_CREAT | O_EXCL, 0600));
    CALL(open("f", O_WRONLY | O_CREAT | O_EXCL, 0600));
    CALL(open("f", O_WRONLY | O_CREAT, 0600));
    NEED(symlink("target", "link") == 0);
    CALL(open("link", O_WRONLY | O_CREAT | O_EXCL, 0600));
    CALL(open("link", O_WRONLY | O_CREAT, 0600));
    CALL(access("target", F_OK));
    CALL(open("d/", O_WRONLY | O_CREAT, 0600));
    CALL(open("absent/f", O_WRONLY | O_CREAT, 0600));
    CALL(mkdir("dir", 0755));
    CALL(open("dir", O_WRONLY | O_CREAT, 0600));
    CALL(open("dir", O_RDONLY | O_CREAT, 0600));
    CALL(open("dir", O_RDONLY | O_CREAT | O_EXCL, 0600));
    CALL(open(".", O_RDONLY | O_CREAT, 0600));
    CALL(open("..", O_RDONLY | O_CREAT | O_EXCL, 0600));
    CALL(creat("c", 0600));
    CALL(creat("dir", 0600));
}

CASE(mode_and_umask) {
    struct stat st;
    static const mode_t masks[] = {0, 022, 077, 0777};
    for (int i = 0; i < 4; i++) {
        umask(masks[i]);
        char name[8] = {'a' + i};
        int fd = open(name, O_RDWR | O_CREAT, 07777);
        NEED(fd >= 0 && fstat(fd, &st) == 0);
        note("umask %o: mode %o", masks[i], st.st_mode);
        CALL(write(fd, "x", 1));
    }
    umask(022);
    CALL_OK(open("none", O_RDWR | O_CREAT, 0));
    NEED(stat("none", &st) == 0);
    note("mode %o", st.st_mode);
    CALL(umask(0777 | 010000));
    CALL(umask(-1));
    CALL(umask(0));
}

CASE(truncate_and_append) {
    make_file("f", "hello world");
    struct stat st;
    int fd = open("f", O_WRONLY | O_APPEND);
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(write(fd, "!!", 2));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(write(fd, "??", 2));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(pwrite(fd, "##", 2, 0));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    int other = open("f", O_WRONLY | O_TRUNC);
    CHECK(other >= 0);
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL(write(fd, "x", 1));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL_OK(open("f", O_RDONLY | O_TRUNC));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
}

CASE(access_modes) {
    make_file("f", "hello");
    char c;
    int r = open("f", O_RDONLY), w = open("f", O_WRONLY), three = open("f", O_ACCMODE);
    CALL(write(r, "x", 1));
    CALL(read(w, &c, 1));
    CALL(pread(w, &c, 1, 0));
    CALL(pwrite(r, "x", 1, 0));
    CALL(ftruncate(r, 0));
    CHECK(three >= 0);
    CALL(read(three, &c, 1));
    CALL(write(three, &c, 1));
    HEX(fcntl(r, F_GETFL) & ~O_LARGEFILE);
    HEX(fcntl(w, F_GETFL) & ~O_LARGEFILE);
}

CASE(directories) {
    char c;
    CALL(mkdir("d", 0755));
    int fd = open("d", O_RDONLY);
    CHECK(fd >= 0);
    CALL(read(fd, &c, 1));
    CALL(write(fd, &c, 1));
    CALL(open("d", O_WRONLY));
    CALL(open("d", O_RDWR));
    CALL(open("d", O_RDONLY | O_TRUNC));
    CALL_OK(open("d", O_RDONLY | O_DIRECTORY));
    make_file("f", "");
    CALL(open("f", O_RDONLY | O_DIRECTORY));
    CALL(open("f", O_RDONLY | O_DIRECTORY | O_CREAT, 0600));
    CALL(open("d/.", O_RDONLY | O_DIRECTORY));
    CALL(ftruncate(fd, 0));
    CALL(pread(fd, &c, 1, 0));
}

CASE(symbolic_links) {
    make_file("f", "hello");
    NEED(symlink("f", "l") == 0 && symlink("l", "ll") == 0 && symlink("loop", "loop") == 0 && symlink("a", "b") == 0 && symlink("b", "a") == 0);
    CALL_OK(open("l", O_RDONLY));
    CALL_OK(open("ll", O_RDONLY));
    CALL(open("l", O_RDONLY | O_NOFOLLOW));
    CALL(open("loop", O_RDONLY));
    CALL(open("a", O_RDONLY));
    CALL(open("loop", O_RDONLY | O_NOFOLLOW));
    CALL_OK(open("loop", O_PATH | O_NOFOLLOW));
    CALL(mkdir("d", 0755));
    CALL(symlink("../f", "d/up"));
    CALL_OK(open("d/up", O_RDONLY));
    CALL(symlink("d", "dl"));
    CALL(open("dl", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    CALL_OK(open("dl/", O_RDONLY | O_NOFOLLOW));
    CALL_OK(open("dl/up", O_RDONLY | O_NOFOLLOW | O_PATH));
    CALL(open("l/", O_RDONLY));
    char name[32];
    NEED(symlink("f", "s0") == 0);
    for (int i = 1; i <= 41; i++) {
        char from[16];
        snprintf(from, sizeof from, "s%d", i - 1);
        snprintf(name, sizeof name, "s%d", i);
        NEED(symlink(from, name) == 0);
    }
    CALL_OK(open("s39", O_RDONLY));
    CALL(open("s40", O_RDONLY));
}

CASE(names_too_long) {
    char name[300], *path = malloc(6000);
    memset(name, 'n', 299);
    name[255] = 0;
    CALL_OK(open(name, O_RDWR | O_CREAT, 0600));
    name[255] = 'n', name[256] = 0;
    CALL(open(name, O_RDWR | O_CREAT, 0600));
    CALL(open(name, O_RDONLY));
    make_file("f", "");
    for (int length = 4094; length <= 4097; length++) {
        memset(path, '/', 6000);
        path[0] = '.';
        path[length - 1] = 'f';
        path[length] = 0;
        char label[32];
        snprintf(label, sizeof label, "length %d", length);
        NAMED_OK(label, open(path, O_RDONLY));
    }
}

CASE(bad_pointers_and_flags) {
    for (size_t i = 0; i < BAD_POINTERS; i++) NAMED(bad_pointer_name(i), open(bad_pointers[i], O_RDONLY));
    NAMED("null", open(0, O_RDONLY));
    char *edge = before_edge(4);
    memcpy(edge, "abcd", 4);
    NAMED("path runs into a bad page", open(edge, O_RDONLY));
    memcpy(edge, "abc", 4);
    NAMED("path ends at the edge", open(edge, O_RDONLY));
    make_file("f", "x");
    CALL_OK(open("f", O_RDONLY | 0x80000000));
    CALL_OK(open("f", O_RDONLY | 0x40000000));
    CALL(openat(-1, "f", O_RDONLY));
    CALL(openat(99, "f", O_RDONLY));
    CALL(openat(-100, "f", O_RDONLY));
    int f = open("f", O_RDONLY);
    CALL(openat(f, "f", O_RDONLY));
    CALL(openat(f, "", O_RDONLY));
    char absolute[PATH_MAX + 8];
    NEED(getcwd(absolute, PATH_MAX));
    strcat(absolute, "/f");
    CALL_OK(openat(-1, absolute, O_RDONLY));
}

CASE(at_directories) {
    CALL(mkdir("d", 0755));
    CALL(mkdir("d/e", 0755));
    make_file("d/e/f", "deep");
    int d = open("d", O_RDONLY | O_DIRECTORY), e = openat(d, "e", O_PATH);
    CHECK(e >= 0);
    CALL_OK(openat(d, "e/f", O_RDONLY));
    CALL_OK(openat(e, "f", O_RDONLY));
    CALL_OK(openat(e, "../../d/e/f", O_RDONLY));
    CALL_OK(openat(e, "new", O_CREAT | O_RDWR, 0600));
    CALL(rename("d/e", "moved"));
    CALL_OK(openat(e, "f", O_RDONLY));
    CALL_OK(openat(e, "..", O_RDONLY));
    CALL(unlink("moved/f"));
    CALL(unlink("moved/new"));
    CALL(rmdir("moved"));
    CALL(openat(e, "f", O_RDONLY));
    CALL(openat(e, "g", O_CREAT | O_RDWR, 0600));
    CALL_OK(openat(e, ".", O_RDONLY));
    CALL_OK(openat(e, "..", O_RDONLY));
}

CASE(path_descriptors) {
    make_file("f", "hello");
    char c;
    int p = open("f", O_PATH);
    struct stat st;
    CALL(read(p, &c, 1));
    CALL(write(p, &c, 1));
    CALL(lseek(p, 0, SEEK_SET));
    CALL(fstat(p, &st));
    VALUE(st.st_size);
    CALL(fchmod(p, 0600));
    CALL(ftruncate(p, 0));
    CALL(ioctl(p, FIONREAD, &c));
    CALL(fsync(p));
    CALL(fcntl(p, F_GETFD));
    HEX(fcntl(p, F_GETFL) & ~O_LARGEFILE);
    CALL_OK(dup(p));
    CALL(mmap(0, 4096, PROT_READ, MAP_PRIVATE, p, 0));
    int flags = O_PATH | O_RDWR | O_TRUNC | O_CREAT;
    CALL_OK(open("f", flags, 0600));
    CALL(stat("f", &st));
    VALUE(st.st_size);
    CALL(open("absent", flags, 0600));
    struct pollfd poll_one = {p, POLLIN | POLLOUT, 0};
    CALL(poll(&poll_one, 1, 0));
    HEX(poll_one.revents);
}

CASE(close_on_exec) {
    make_file("f", "");
    int a = open("f", O_RDONLY), b = open("f", O_RDONLY | O_CLOEXEC);
    CALL(fcntl(a, F_GETFD));
    CALL(fcntl(b, F_GETFD));
    HEX(fcntl(b, F_GETFL) & ~O_LARGEFILE);
    CALL(close(a));
    CALL(close(a));
    CALL(close(-1));
    CALL(close(1000000));
    CALL(close(INT_MAX));
    CALL(close(INT_MIN));
}

CASE(close_ranges) {
    make_file("f", "");
    for (int i = 0; i < 10; i++) NEED(open("f", O_RDONLY) == 3 + i);
    CALL(syscall(SYS_close_range, 5, 7, 0));
    for (int i = 3; i < 13; i++) {
        char label[16];
        snprintf(label, sizeof label, "fd %d", i);
        NAMED(label, fcntl(i, F_GETFD));
    }
    CALL(syscall(SYS_close_range, 7, 5, 0));
    CALL(syscall(SYS_close_range, 10, ~0u, 4 /* CLOEXEC */));
    CALL(fcntl(9, F_GETFD));
    CALL(fcntl(10, F_GETFD));
    CALL(fcntl(12, F_GETFD));
    CALL(syscall(SYS_close_range, 3, ~0u, 8));
    CALL(syscall(SYS_close_range, 3, ~0u, 2 /* UNSHARE */));
    CALL(fcntl(3, F_GETFD));
    CALL(syscall(SYS_close_range, 1u << 31, ~0u, 0));
}

CASE(openat2_resolution) {
    CALL(mkdir("root", 0755));
    CALL(mkdir("root/in", 0755));
    make_file("root/f", "x");
    make_file("outside", "x");
    NEED(symlink("../outside", "root/out") == 0 && symlink("f", "root/l") == 0 && symlink("/outside", "root/absolute") == 0);
    int r = open("root", O_PATH);
    CALL_OK(openat2_(r, "f", O_RDONLY, 0, 0));
    CALL_OK(openat2_(r, "../outside", O_RDONLY, 0, 0));
    CALL(openat2_(r, "../outside", O_RDONLY, 0, RESOLVE_BENEATH));
    CALL_OK(openat2_(r, "in/../f", O_RDONLY, 0, RESOLVE_BENEATH));
    CALL(openat2_(r, "out", O_RDONLY, 0, RESOLVE_BENEATH));
    CALL(openat2_(r, "/etc", O_RDONLY, 0, RESOLVE_BENEATH));
    CALL(openat2_(r, "out", O_RDONLY, 0, RESOLVE_IN_ROOT));
    CALL_OK(openat2_(r, "../f", O_RDONLY, 0, RESOLVE_IN_ROOT));
    CALL_OK(openat2_(r, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT));
    CALL(openat2_(r, "absolute", O_RDONLY, 0, RESOLVE_IN_ROOT));
    CALL(openat2_(r, "l", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
    CALL_OK(openat2_(r, "l", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
    CALL(openat2_(r, "f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
    CALL(openat2_(r, "f", O_RDONLY, 0600, 0));
    CALL(openat2_(r, "f", O_RDONLY, 0, 0x1000));
    CALL(openat2_(r, "f", 0x100000000, 0, 0));
    CALL(openat2_(r, "new", O_CREAT | O_RDWR, 010777, 0));
    CALL_OK(openat2_(r, "new", O_CREAT | O_RDWR, 0600, 0));
    CALL(openat2_(r, "f", O_PATH | O_RDWR, 0, 0));
    struct open_how how = {O_RDONLY, 0, 0};
    char big[128] = {0};
    CALL(syscall(SYS_openat2, r, "f", &how, 8));
    CALL(syscall(SYS_openat2, r, "f", &how, 0));
    memcpy(big, &how, sizeof how);
    CALL_OK(syscall(SYS_openat2, r, "f", big, 128));
    big[64] = 1;
    CALL(syscall(SYS_openat2, r, "f", big, 128));
    CALL(syscall(SYS_openat2, r, "f", &how, 5000));
    CALL(syscall(SYS_openat2, r, "f", STUB_SLOTS, sizeof how));
}

CASE(temporary_files) {
    struct stat st;
    int fd = open(".", O_TMPFILE | O_RDWR, 0640);
    CHECK(fd >= 0);
    CALL(write(fd, "hidden", 6));
    CALL(fstat(fd, &st));
    VALUE(st.st_nlink);
    note("mode %o", st.st_mode);
    CALL(open(".", O_TMPFILE | O_RDONLY, 0600));
    CALL(open("absent", O_TMPFILE | O_RDWR, 0600));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CALL(linkat(AT_FDCWD, path, AT_FDCWD, "visible", AT_SYMLINK_FOLLOW));
    CALL(stat("visible", &st));
    VALUE(st.st_size);
    VALUE(st.st_nlink);
}

CASE(unlinked_while_open) {
    make_file("f", "hello");
    char text[8] = "";
    struct stat st;
    int fd = open("f", O_RDWR);
    CALL(unlink("f"));
    CALL(read(fd, text, 5));
    TEXT(text);
    CALL(pwrite(fd, "HELLO", 5, 0));
    CALL(pread(fd, text, 5, 0));
    TEXT(text);
    CALL(fstat(fd, &st));
    VALUE(st.st_nlink);
    CALL_OK(open("f", O_CREAT | O_RDWR, 0600));
    CALL(fstat(fd, &st));
    VALUE(st.st_nlink);
    VALUE(st.st_size);
}

CASE(descriptor_limit) {
    struct rlimit limit = {16, 16};
    make_file("f", "");
    CALL(setrlimit(RLIMIT_NOFILE, &limit));
    int last = -1, fd;
    while ((fd = open("f", O_RDONLY)) >= 0) last = fd;
    note("after %d: %s", last, error_name(errno));
    CALL(dup(0));
    CALL(dup2(0, 15));
    CALL(dup2(0, 16));
    CALL(fcntl(0, F_DUPFD, 16));
    CALL(fcntl(0, F_DUPFD, 10));
    int fds[2];
    CALL(pipe(fds));
    CALL(close(15));
    CALL(pipe(fds));
    CALL(open("new", O_CREAT | O_RDWR, 0600));
    CALL(open("new2", O_CREAT | O_RDWR, 0600));
    CALL(access("new2", F_OK));
}
