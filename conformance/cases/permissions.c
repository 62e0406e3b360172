// chmod, chown and what permission bits forbid to whom.
#include "../conformance.h"

static void become(uid_t uid, gid_t gid) {
    NEED(setgroups(0, 0) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
}
#include <grp.h>

CASE(changing_modes) {
    struct stat st;
    make_file("f", "");
    NEED(symlink("f", "l") == 0 && mkdir("d", 0755) == 0);
    CALL(chmod("f", 07777));
    CALL(stat("f", &st));
    note("mode %o", st.st_mode);
    CALL(chmod("f", 0170644));
    CALL(stat("f", &st));
    note("mode %o", st.st_mode);
    CALL(chmod("l", 0600));
    CALL(stat("f", &st));
    note("mode %o", st.st_mode);
    CALL(chmod("absent", 0600));
    CALL(chmod("", 0600));
    CALL(fchmod(99, 0600));
    CALL(fchmod(open("f", O_RDONLY), 0640));
    CALL(fchmodat(AT_FDCWD, "f", 0444, 0));
    CALL(syscall(SYS_chmod, STUB_CODE, 0600));
    CALL(stat("f", &st));
    note("mode %o", st.st_mode);
    CALL(chmod("d", 01777));
    CALL(stat("d", &st));
    note("mode %o", st.st_mode);
}

CASE(changing_owners) {
    struct stat st;
    if (geteuid()) SKIP("needs root");
    make_file("f", "");
    NEED(chmod("f", 06755) == 0 && symlink("f", "l") == 0 && mkdir("d", 06755) == 0 && chmod("d", 06755) == 0);
    CALL(chown("f", 1000, -1));
    CALL(stat("f", &st));
    note("%d %d %o", st.st_uid, st.st_gid, st.st_mode);
    CALL(chown("f", -1, 2000));
    CALL(stat("f", &st));
    note("%d %d %o", st.st_uid, st.st_gid, st.st_mode);
    CALL(lchown("l", 5, 6));
    CALL(lstat("l", &st));
    note("%d %d", st.st_uid, st.st_gid);
    CALL(chown("d", 5, 6));
    CALL(stat("d", &st));
    note("%d %d %o", st.st_uid, st.st_gid, st.st_mode);
    CALL(fchown(open("f", O_RDONLY), 7, 8));
    CALL(fchownat(AT_FDCWD, "l", 9, 10, AT_SYMLINK_NOFOLLOW));
    CALL(fchownat(open("f", O_PATH), "", 11, 12, AT_EMPTY_PATH));
    CALL(fchownat(AT_FDCWD, "f", 1, 1, 0x4000000));
    CALL(stat("f", &st));
    note("%d %d", st.st_uid, st.st_gid);
    CALL(chown("absent", 1, 1));
    CALL(fchown(99, 1, 1));
    CALL(syscall(SYS_chown, STUB_CODE, 1, 1));
}

CASE(owner_group_other) {
    if (geteuid()) SKIP("needs root");
    NEED(chmod(".", 0777) == 0);
    make_file("f", "x");
    struct {
        uid_t owner;
        gid_t group;
        mode_t mode;
    } rows[] = {{1000, 1000, 0600}, {1000, 1000, 0060}, {1000, 1000, 0006}, {5, 1000, 0060}, {5, 1000, 0600}, {5, 5, 0006}, {5, 5, 0660}, {5, 7, 0040}, {5, 7, 0111}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        NEED(chown("f", rows[i].owner, rows[i].group) == 0 && chmod("f", rows[i].mode) == 0);
        pid_t child = fork();
        if (child == 0) {
            gid_t extra[] = {7};
            NEED(setgroups(1, extra) == 0 && setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
            note("row %zu: read %d write %d access %d%d%d", i, open("f", O_RDONLY) >= 0, open("f", O_WRONLY) >= 0, access("f", R_OK), access("f", W_OK), access("f", X_OK));
            _exit(0);
        }
        waitpid(child, 0, 0);
    }
}

CASE(directories_forbid) {
    if (geteuid()) SKIP("needs root");
    NEED(chmod(".", 0777) == 0);
    NEED(mkdir("noexec", 0755) == 0 && mkdir("nowrite", 0755) == 0 && mkdir("noread", 0755) == 0 && mkdir("sticky", 0755) == 0);
    make_file("noexec/f", "");
    make_file("nowrite/f", "");
    make_file("noread/f", "");
    make_file("sticky/theirs", "");
    make_file("sticky/mine", "");
    NEED(chmod("noexec", 0666) == 0 && chmod("nowrite", 0555) == 0 && chmod("noread", 0333) == 0 && chmod("sticky", 01777) == 0);
    NEED(chown("sticky/mine", 1000, 1000) == 0);
    IN_CHILD("other", {
        struct stat st;
        become(1000, 1000);
        CALL(open("noexec/f", O_RDONLY));
        CALL(stat("noexec/f", &st));
        CALL(stat("noexec/absent", &st));
        CALL_OK(open("noexec", O_RDONLY));
        CALL(chdir("noexec"));
        CALL_OK(open("nowrite/f", O_RDONLY));
        CALL(open("nowrite/f", O_WRONLY));
        CALL(open("nowrite/new", O_CREAT | O_RDWR, 0600));
        CALL(unlink("nowrite/f"));
        CALL(unlink("nowrite/absent"));
        CALL(mkdir("nowrite/d", 0700));
        CALL(mkdir("nowrite/f", 0700));
        CALL(symlink("a", "nowrite/l"));
        CALL(link("sticky/mine", "nowrite/l"));
        CALL(rename("nowrite/f", "x"));
        CALL(open("noread", O_RDONLY));
        CALL_OK(open("noread/f", O_RDONLY));
        CALL(unlink("sticky/theirs"));
        CALL(rename("sticky/theirs", "sticky/x"));
        CALL(rename("sticky/mine", "sticky/theirs"));
        CALL(unlink("sticky/mine"));
        CALL(chmod("sticky/theirs", 0777));
        CALL(chown("sticky/theirs", 1000, 1000));
        CALL(chmod("nowrite", 0777));
        make_file("own", "");
        CALL(chown("own", 1001, -1));
        CALL(chown("own", -1, 1001));
        CALL(chown("own", 1000, 1000));
        CALL(chown("own", -1, -1));
        CALL(chmod("own", 06777));
        CALL(stat("own", &st));
        note("mode %o uid %d", st.st_mode, st.st_uid);
        CALL(chmod("own", 0));
        CALL(open("own", O_RDONLY));
        CALL(utimes("sticky/theirs", 0));
        struct timeval t[2] = {{1, 1}, {1, 1}};
        CALL(utimes("sticky/theirs", t));
        CALL(utimes("own", 0));
        CALL(chroot("."));
        CALL(mknod("dev", S_IFCHR | 0600, 0x103));
    });
}

CASE(set_id_directories) {
    if (geteuid()) SKIP("needs root");
    struct stat st;
    NEED(mkdir("g", 0777) == 0 && chown("g", 0, 3000) == 0 && chmod("g", 02777) == 0);
    make_file("g/f", "");
    CALL(stat("g/f", &st));
    note("gid %d mode %o", st.st_gid, st.st_mode);
    CALL(mkdir("g/d", 0755));
    CALL(stat("g/d", &st));
    note("gid %d mode %o", st.st_gid, st.st_mode);
    CALL_OK(open("g/sg", O_CREAT | O_RDWR, 02755));
    CALL(stat("g/sg", &st));
    note("gid %d mode %o", st.st_gid, st.st_mode);
}

CASE(writing_drops_set_id) {
    if (geteuid()) SKIP("needs root");
    struct stat st;
    NEED(chmod(".", 0777) == 0);
    make_file("f", "x");
    NEED(chown("f", 1000, 1000) == 0 && chmod("f", 06777) == 0);
    IN_CHILD("writer", become(1000, 1000); int fd = open("f", O_WRONLY); CALL(write(fd, "y", 1)));
    CALL(stat("f", &st));
    note("mode %o", st.st_mode);
    NEED(chmod("f", 06777) == 0);
    IN_CHILD("truncator", become(1001, 1001); CALL(truncate("f", 0)));
    CALL(stat("f", &st));
    note("mode %o", st.st_mode);
}

CASE(root_overrides) {
    if (geteuid()) SKIP("needs root");
    make_file("f", "x");
    NEED(chown("f", 1000, 1000) == 0 && chmod("f", 0) == 0);
    CALL_OK(open("f", O_RDWR));
    CALL(access("f", R_OK | W_OK));
    CALL(access("f", X_OK));
    NEED(mkdir("d", 0) == 0);
    CALL_OK(open("d", O_RDONLY));
    CALL_OK(open("d/f", O_CREAT | O_RDWR, 0));
    CALL(chmod("f", 0001));
    CALL(access("f", X_OK));
}
