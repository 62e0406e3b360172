// link, unlink, symlink, readlink, mkdir, rmdir, mknod and their at forms; chdir, getcwd, chroot.
#include "../conformance.h"
#include <sys/sysmacros.h>

CASE(hard_links) {
    struct stat st;
    make_file("f", "x");
    NEED(mkdir("d", 0755) == 0 && symlink("f", "l") == 0);
    CALL(link("f", "g"));
    CALL(link("f", "g"));
    CALL(link("f", "d/h"));
    NEED(stat("f", &st) == 0);
    VALUE(st.st_nlink);
    CALL(unlink("f"));
    NEED(stat("g", &st) == 0);
    VALUE(st.st_nlink);
    CALL(link("d", "dd"));
    CALL(link("absent", "x"));
    CALL(link("g", "absent/x"));
    CALL(link("g", "d"));
    CALL(link("", "x"));
    CALL(link("g", ""));
    CALL(link("g", "x/"));
    CALL(link("g/", "x"));
    CALL(link("l", "ll"));
    NEED(lstat("ll", &st) == 0);
    CHECK(S_ISLNK(st.st_mode));
    CALL(linkat(AT_FDCWD, "l", AT_FDCWD, "x", AT_SYMLINK_FOLLOW));
    make_file("f", "y");
    CALL(linkat(AT_FDCWD, "l", AT_FDCWD, "x", AT_SYMLINK_FOLLOW));
    NEED(lstat("x", &st) == 0);
    CHECK(S_ISREG(st.st_mode));
    CALL(linkat(AT_FDCWD, "f", AT_FDCWD, "y", 0x200));
    CALL(linkat(AT_FDCWD, "f", AT_FDCWD, "/dev/null", 0));
    CALL(linkat(AT_FDCWD, "/proc/self/status", AT_FDCWD, "y", 0));
    CALL(linkat(open("f", O_RDONLY), "", AT_FDCWD, "empty", AT_EMPTY_PATH));
    CALL(syscall(SYS_link, STUB_CODE, "x"));
    CALL(syscall(SYS_link, "f", STUB_CODE));
}

CASE(unlinking) {
    make_file("f", "");
    NEED(mkdir("d", 0755) == 0 && symlink("f", "l") == 0 && symlink("d", "dl") == 0 && mkfifo("p", 0600) == 0);
    CALL(unlink("absent"));
    CALL(unlink("d"));
    CALL(unlink("d/"));
    CALL(unlink("f/"));
    CALL(unlink("f/x"));
    CALL(unlink("l"));
    CALL(access("f", F_OK));
    CALL(unlink("dl/"));
    CALL(unlink("dl"));
    CALL(unlink("p"));
    CALL(unlink(""));
    CALL(unlink("."));
    CALL(unlink(".."));
    CALL(unlink("/"));
    CALL(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
    CALL(unlinkat(AT_FDCWD, "d", 0));
    CALL(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
    CALL(unlinkat(AT_FDCWD, "f", 1));
    CALL(unlinkat(99, "f", 0));
    CALL(unlinkat(AT_FDCWD, "f", 0));
    CALL(syscall(SYS_unlink, STUB_CODE));
}

CASE(symbolic_links) {
    char target[64] = "";
    struct stat st;
    CALL(symlink("target", "l"));
    CALL(symlink("target", "l"));
    CALL(symlink("", "e"));
    CALL(symlink("x", ""));
    CALL(symlink("x", "absent/y"));
    CALL(symlink("x", "l/"));
    CALL(readlink("l", target, sizeof target));
    TEXT(target);
    CALL(readlink("l", target, 3));
    CALL(readlink("l", target, 0));
    CALL(readlink("l", target, -1));
    CALL(readlink("absent", target, 5));
    CALL(readlink(".", target, 5));
    make_file("f", "");
    CALL(readlink("f", target, 5));
    CALL(readlink("f/x", target, 5));
    CALL(syscall(SYS_readlink, "l", STUB_SLOTS, 5));
    CALL(syscall(SYS_readlink, STUB_SLOTS, target, 5));
    int l = open("l", O_PATH | O_NOFOLLOW);
    CALL(readlinkat(l, "", target, sizeof target));
    CALL(readlinkat(open("f", O_RDONLY), "", target, 5));
    CALL(readlinkat(AT_FDCWD, "", target, 5));
    CALL(lstat("l", &st));
    VALUE(st.st_size);
    note("mode %o", st.st_mode);
    char *big = malloc(5000);
    memset(big, 'a', 5000);
    big[4095] = 0;
    CALL(symlink(big, "big"));
    CALL(readlink("big", big, 5000));
    CALL(open("big", O_RDONLY));
    big[4095] = 'a', big[4096] = 0;
    CALL(symlink(big, "bigger"));
}

CASE(directories) {
    struct stat st;
    CALL(mkdir("d", 0755));
    CALL(mkdir("d", 0755));
    CALL(mkdir("d/", 0755));
    CALL(mkdir("e/", 0755));
    CALL(mkdir("x/y", 0755));
    CALL(mkdir("", 0755));
    CALL(mkdir(".", 0755));
    CALL(mkdir("/", 0755));
    CALL(mkdir("e/.", 0755));
    CALL(mkdir("g/.", 0755));
    CALL(mkdir("m", 07777));
    CALL(stat("m", &st));
    note("mode %o", st.st_mode);
    NEED(chmod("m", 02755) == 0 && mkdir("m/child", 0700) == 0 && stat("m/child", &st) == 0);
    note("mode %o", st.st_mode);
    NEED(symlink("absent", "dangling") == 0);
    CALL(mkdir("dangling", 0755));
    CALL(mkdir("dangling/", 0755));
    make_file("f", "");
    CALL(mkdir("f", 0755));
    CALL(mkdir("f/x", 0755));
    CALL(rmdir("f"));
    CALL(rmdir("absent"));
    CALL(rmdir("m"));
    CALL(rmdir("m/child/"));
    CALL(rmdir("."));
    CALL(rmdir("m/."));
    CALL(rmdir("m/.."));
    CALL(rmdir("/"));
    CALL(rmdir(""));
    NEED(symlink("e", "el") == 0);
    CALL(rmdir("el"));
    CALL(rmdir("el/"));
    CALL(rmdir("e"));
    CALL(rmdir("/proc"));
    CALL(syscall(SYS_mkdir, STUB_CODE, 0755));
    CALL(syscall(SYS_rmdir, STUB_CODE));
}

CASE(removed_working_directory) {
    char path[PATH_MAX];
    struct stat st;
    NEED(mkdir("d", 0755) == 0 && chdir("d") == 0);
    CALL(rmdir("../d"));
    CALL(syscall(SYS_getcwd, path, sizeof path));
    CALL(stat(".", &st));
    VALUE(st.st_nlink);
    CALL(open("x", O_CREAT | O_RDWR, 0600));
    CALL(mkdir("x", 0700));
    CALL(symlink("a", "b"));
    CALL(chdir(".."));
    CALL(access("d", F_OK));
}

CASE(special_nodes) {
    struct stat st;
    CALL(mknod("f", S_IFREG | 0640, 0));
    CALL(mknod("g", 0640, 0));
    CALL(stat("g", &st));
    note("mode %o", st.st_mode);
    CALL(mknod("p", S_IFIFO | 0600, 0));
    CALL(mknod("s", S_IFSOCK | 0600, 0));
    CALL(stat("s", &st));
    note("mode %o", st.st_mode);
    CALL(open("s", O_RDWR));
    CALL(mknod("d", S_IFDIR | 0600, 0));
    CALL(mknod("l", S_IFLNK | 0600, 0));
    CALL(mknod("x", 0170000 | 0600, 0));
    CALL(mknod("f", S_IFREG | 0600, 0));
    CALL(mknod("absent/f", S_IFREG | 0600, 0));
    CALL(mknod("slash/", S_IFREG | 0600, 0));
    CALL(mkfifo("p", 0600));
    CALL(mkfifoat(99, "q", 0600));
    CALL(syscall(SYS_mknod, STUB_CODE, S_IFREG, 0));
}

CASE(working_directory) {
    char path[PATH_MAX], start[PATH_MAX];
    NEED(getcwd(start, sizeof start));
    make_file("f", "");
    NEED(mkdir("d", 0755) == 0 && symlink("d", "dl") == 0);
    CALL(chdir("absent"));
    CALL(chdir("f"));
    CALL(chdir(""));
    CALL(chdir("dl"));
    CHECK(getcwd(path, sizeof path) && !strncmp(path, start, strlen(start)));
    TEXT(path + strlen(start));
    CALL(syscall(SYS_getcwd, path, strlen(start)));
    CALL(syscall(SYS_getcwd, path, 0));
    CALL(syscall(SYS_getcwd, path, strlen(start) + 3) > 0);
    CALL(syscall(SYS_getcwd, path, strlen(start) + 2));
    CALL(syscall(SYS_getcwd, STUB_SLOTS, 4096));
    CALL(fchdir(99));
    CALL(fchdir(open("../f", O_RDONLY)));
    CALL(fchdir(open("..", O_PATH)));
    CHECK(getcwd(path, sizeof path) && !strcmp(path, start));
    CALL(chdir("/"));
    CALL(syscall(SYS_getcwd, path, sizeof path));
    TEXT(path);
    CALL(chdir(".."));
    TEXT(getcwd(path, sizeof path));
    CALL(syscall(SYS_chdir, STUB_CODE));
}

CASE(changed_root) {
    char path[PATH_MAX];
    NEED(mkdir("root", 0755) == 0 && mkdir("root/in", 0755) == 0);
    make_file("root/f", "");
    make_file("outside", "");
    CALL(chroot("absent"));
    CALL(chroot("outside"));
    IN_CHILD("in the new root", {
        int up = open(".", O_PATH);
        CALL(chroot("root"));
        CALL(access("/f", F_OK));
        CALL(access("/../f", F_OK));
        CALL(access("/outside", F_OK));
        CALL(chdir("/in"));
        TEXT(getcwd(path, sizeof path));
        CALL(access("../../../../f", F_OK));
        CALL(access("../../outside", F_OK));
        CALL(fchdir(up));
        CALL(access("outside", F_OK));
        path[0] = 0;
        CALL_OK(syscall(SYS_getcwd, path, sizeof path));
        CHECK(!strncmp(path, "(unreachable)", 13));
    });
    CALL(syscall(SYS_chroot, STUB_CODE));
}

CASE(dots_and_slashes) {
    NEED(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0);
    make_file("a/b/f", "");
    CALL(access("a/../a/./b/../b/f", F_OK));
    CALL(access("a//b///f", F_OK));
    CALL(access("a/b/f/..", F_OK));
    CALL(access("a/b/f/.", F_OK));
    CALL(access("a/absent/..", F_OK));
    CALL(access("/../../..", F_OK));
    CALL(access("//", F_OK));
    CALL(access("...", F_OK));
    CALL(mkdir("...", 0755));
    CALL(access(".../../a", F_OK));
    CALL(mkdir("with\nnewline\xff\x01", 0755));
    CALL(access("with\nnewline\xff\x01/..", F_OK));
}

CASE(deep_directories) {
    // Deeper than PATH_MAX: reachable step by step only.
    char name[201], path[PATH_MAX];
    memset(name, 'd', 200);
    name[200] = 0;
    int made = 0;
    for (int i = 0; i < 30; i++) {
        if (mkdir(name, 0755) < 0 || chdir(name) < 0) break;
        made++;
    }
    VALUE(made);
    CALL(syscall(SYS_getcwd, path, sizeof path));
    make_file("f", "deep");
    CALL(access("f", F_OK));
    CALL(unlink("f"));
    int removed = 0;
    for (int i = 0; i < 30; i++) {
        if (chdir("..") < 0 || rmdir(name) < 0) break;
        removed++;
    }
    VALUE(removed);
}
