// stat(2) and its family, statx(2), statfs(2), access(2), faccessat2(2).
#include "../conformance.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <linux/stat.h>

static void show(const char *name, const struct stat *st) {
    note("%s: mode %o nlink %ld uid %d gid %d size %ld", name, st->st_mode, (long)st->st_nlink, st->st_uid, st->st_gid,
         S_ISDIR(st->st_mode) ? -1l : (long)st->st_size);
}

CASE(kinds) {
    struct stat st, again;
    make_file("f", "hello");
    NEED(mkdir("d", 0750) == 0 && symlink("f", "l") == 0 && mkfifo("p", 0640) == 0 && mkdir("d/e", 0755) == 0);
    CALL(stat("f", &st));
    show("f", &st);
    CALL(stat("d", &st));
    show("d", &st);
    CALL(stat("l", &st));
    show("l", &st);
    CALL(lstat("l", &st));
    show("lstat l", &st);
    CALL(stat("p", &st));
    show("p", &st);
    CALL(stat("/dev/null", &st));
    note("null: mode %o rdev %lx", st.st_mode, (long)st.st_rdev);
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(fstat(fds[0], &st));
    show("pipe", &st);
    NEED(stat("f", &st) == 0 && link("f", "f2") == 0 && stat("f2", &again) == 0);
    CHECK(st.st_ino == again.st_ino && st.st_dev == again.st_dev);
    VALUE(again.st_nlink);
    VALUE(st.st_blksize);
    CHECK(st.st_blocks > 0);
    NEED(stat("d", &again) == 0);
    CHECK(st.st_ino != again.st_ino && st.st_dev == again.st_dev);
}

CASE(errors) {
    struct stat st;
    make_file("f", "");
    CALL(stat("absent", &st));
    CALL(stat("", &st));
    CALL(lstat("", &st));
    CALL(stat("f/", &st));
    CALL(stat("f/x", &st));
    CALL(fstat(-1, &st));
    CALL(fstat(99, &st));
    CALL(syscall(SYS_stat, STUB_CODE, &st));
    for (size_t i = 0; i < BAD_POINTERS; i++) {
        NAMED(bad_pointer_name(i), syscall(SYS_stat, "f", bad_pointers[i]));
        NAMED(bad_pointer_name(i), syscall(SYS_fstat, 0, bad_pointers[i]));
        NAMED(bad_pointer_name(i), syscall(SYS_lstat, bad_pointers[i], &st));
    }
    char *edge = before_edge(100);
    CALL(syscall(SYS_stat, "f", edge));
    edge = before_edge(144);
    CALL(syscall(SYS_stat, "f", edge));
}

CASE(fstatat_flags) {
    struct stat st;
    make_file("f", "x");
    NEED(symlink("f", "l") == 0 && mkdir("d", 0755) == 0);
    make_file("d/g", "abc");
    int d = open("d", O_PATH), f = open("f", O_RDONLY), l = open("l", O_PATH | O_NOFOLLOW);
    CALL(fstatat(d, "g", &st, 0));
    show("g", &st);
    CALL(fstatat(d, "", &st, 0));
    CALL(fstatat(d, "", &st, AT_EMPTY_PATH));
    show("d", &st);
    CALL(fstatat(f, "", &st, AT_EMPTY_PATH));
    show("f", &st);
    CALL(fstatat(l, "", &st, AT_EMPTY_PATH));
    show("l", &st);
    CALL(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
    show("here", &st);
    CALL(fstatat(AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW));
    show("l", &st);
    CALL(fstatat(f, "x", &st, 0));
    CALL(fstatat(99, "x", &st, 0));
    CALL(fstatat(99, "", &st, AT_EMPTY_PATH));
    CALL(fstatat(99, "/", &st, 0));
    CALL(fstatat(AT_FDCWD, "f", &st, 0x40000000));
    CALL(fstatat(AT_FDCWD, "f", &st, AT_NO_AUTOMOUNT));
    CALL(fstatat(AT_FDCWD, "f", &st, AT_REMOVEDIR));
    CALL(syscall(SYS_newfstatat, f, 0, &st, AT_EMPTY_PATH));
}

CASE(statx_masks) {
    struct statx x;
    make_file("f", "hello");
    memset(&x, 0xff, sizeof x);
    CALL(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
    note("mask has basic: %d", (x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
    note("mode %o nlink %d size %ld", x.stx_mode, x.stx_nlink, (long)x.stx_size);
    CALL(statx(AT_FDCWD, "f", 0, 0, &x));
    CALL(statx(AT_FDCWD, "f", 0, 0x80000000, &x));
    CALL(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC, STATX_SIZE, &x));
    CALL(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_SIZE, &x));
    CALL(statx(AT_FDCWD, "f", 0x40000000, STATX_SIZE, &x));
    CALL(statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_TYPE, &x));
    note("type %o", x.stx_mode & S_IFMT);
    CALL(statx(AT_FDCWD, "absent", 0, STATX_TYPE, &x));
    CALL(statx(99, "", AT_EMPTY_PATH, STATX_TYPE, &x));
    CALL(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_TYPE, STUB_SLOTS));
    CALL(syscall(SYS_statx, AT_FDCWD, STUB_SLOTS, 0, STATX_TYPE, &x));
}

CASE(access_checks) {
    make_file("f", "");
    NEED(chmod("f", 0400) == 0 && symlink("gone", "dangling") == 0 && mkdir("d", 0755) == 0);
    CALL(access("f", F_OK));
    CALL(access("f", R_OK));
    CALL(access("f", X_OK));
    CALL(access("f", R_OK | X_OK));
    CALL(access("d", R_OK | W_OK | X_OK));
    CALL(access("f", 8));
    CALL(access("f", -1));
    CALL(access("dangling", F_OK));
    CALL(access("", F_OK));
    CALL(access("f/", F_OK));
    CALL(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
    CALL(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 0x40000000));
    CALL(syscall(SYS_faccessat2, open("f", O_PATH), "", R_OK, AT_EMPTY_PATH));
    CALL(syscall(SYS_faccessat, AT_FDCWD, STUB_CODE, R_OK));
    CALL(chmod("f", 0755));
    CALL(access("f", X_OK));
}

CASE(file_system_statistics) {
    struct statfs s;
    make_file("f", "");
    CALL(statfs(".", &s));
    note("type %lx bsize %ld namelen %ld", (long)s.f_type, (long)s.f_bsize, (long)s.f_namelen);
    CALL(fstatfs(open("f", O_RDONLY), &s));
    note("type %lx", (long)s.f_type);
    CALL(statfs("/proc", &s));
    note("type %lx", (long)s.f_type);
    CALL(statfs("absent", &s));
    CALL(fstatfs(99, &s));
    CALL(syscall(SYS_statfs, ".", STUB_SLOTS));
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(fstatfs(fds[0], &s));
    note("type %lx", (long)s.f_type);
}

CASE(times) {
    struct stat a, b;
    make_file("f", "x");
    NEED(stat("f", &a) == 0);
    sleep_ms(30);
    int fd = open("f", O_RDWR);
    NEED(write(fd, "y", 1) == 1 && fstat(fd, &b) == 0);
    CHECK(b.st_mtim.tv_sec > a.st_mtim.tv_sec || b.st_mtim.tv_nsec > a.st_mtim.tv_nsec);
    CHECK(b.st_ctim.tv_sec > a.st_ctim.tv_sec || b.st_ctim.tv_nsec > a.st_ctim.tv_nsec);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    CHECK(now.tv_sec - b.st_mtim.tv_sec <= 2);
    struct timespec set[2] = {{1000, 5}, {2000, 7}};
    CALL(utimensat(AT_FDCWD, "f", set, 0));
    NEED(stat("f", &a) == 0);
    note("atime %ld.%ld mtime %ld.%ld", a.st_atim.tv_sec, a.st_atim.tv_nsec, a.st_mtim.tv_sec, a.st_mtim.tv_nsec);
    set[0].tv_nsec = UTIME_OMIT;
    set[1].tv_nsec = UTIME_NOW;
    CALL(utimensat(AT_FDCWD, "f", set, 0));
    NEED(stat("f", &a) == 0);
    note("atime %ld.%ld", a.st_atim.tv_sec, a.st_atim.tv_nsec);
    CHECK(now.tv_sec - a.st_mtim.tv_sec <= 2);
    set[0].tv_nsec = 1000000000;
    CALL(utimensat(AT_FDCWD, "f", set, 0));
    set[0].tv_nsec = UTIME_OMIT, set[1].tv_nsec = UTIME_OMIT;
    CALL(utimensat(AT_FDCWD, "absent", set, 0));
    CALL(utimensat(AT_FDCWD, "f", 0, 0));
    CALL(futimens(fd, 0));
    CALL(futimens(99, 0));
    CALL(utimensat(AT_FDCWD, "f", 0, 0x4000000));
    CALL(syscall(SYS_utimensat, AT_FDCWD, "f", STUB_SLOTS, 0));
    struct timeval tv[2] = {{5, 6}, {7, 8}};
    CALL(utimes("f", tv));
    NEED(stat("f", &a) == 0);
    note("atime %ld.%ld mtime %ld.%ld", a.st_atim.tv_sec, a.st_atim.tv_nsec, a.st_mtim.tv_sec, a.st_mtim.tv_nsec);
    tv[0].tv_usec = 1000000;
    CALL(syscall(SYS_utimes, "f", tv));
    NEED(symlink("f", "l") == 0);
    set[0] = (struct timespec){11, 0}, set[1] = (struct timespec){12, 0};
    CALL(utimensat(AT_FDCWD, "l", set, AT_SYMLINK_NOFOLLOW));
    NEED(lstat("l", &a) == 0 && stat("f", &b) == 0);
    note("link mtime %ld, file mtime %ld", a.st_mtim.tv_sec, b.st_mtim.tv_sec);
}

CASE(directory_times_and_links) {
    struct stat st;
    NEED(mkdir("d", 0755) == 0 && stat("d", &st) == 0);
    VALUE(st.st_nlink);
    NEED(mkdir("d/a", 0755) == 0 && mkdir("d/b", 0755) == 0);
    NEED(stat("d", &st) == 0);
    VALUE(st.st_nlink);
    struct timespec set[2] = {{1, 0}, {1, 0}};
    NEED(utimensat(AT_FDCWD, "d", set, 0) == 0);
    make_file("d/f", "");
    NEED(stat("d", &st) == 0);
    CHECK(st.st_mtim.tv_sec > 1);
    NEED(utimensat(AT_FDCWD, "d", set, 0) == 0);
    NEED(unlink("d/f") == 0 && stat("d", &st) == 0);
    CHECK(st.st_mtim.tv_sec > 1);
    NEED(rmdir("d/a") == 0 && rmdir("d/b") == 0 && stat("d", &st) == 0);
    VALUE(st.st_nlink);
}
