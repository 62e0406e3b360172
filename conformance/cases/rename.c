// rename(2), renameat2(2).
#include "../conformance.h"

CASE(files) {
    char c = 0;
    make_file("a", "A");
    make_file("b", "B");
    int fd = open("b", O_RDONLY);
    CALL(rename("a", "c"));
    CALL(access("a", F_OK));
    CALL(rename("c", "b"));
    CALL(pread(fd, &c, 1, 0));
    VALUE(c);
    struct stat st;
    CALL(fstat(fd, &st));
    VALUE(st.st_nlink);
    CALL(pread(open("b", O_RDONLY), &c, 1, 0));
    VALUE(c);
    CALL(rename("b", "b"));
    CALL(rename("absent", "x"));
    CALL(rename("b", "absent/x"));
    CALL(rename("", "x"));
    CALL(rename("b", ""));
    CALL(rename("b", "x/"));
    CALL(rename("b/", "x"));
    CALL(rename("b", "."));
    CALL(rename(".", "x"));
    CALL(rename("..", "x"));
    CALL(rename("/", "x"));
}

CASE(hard_links_of_one_file) {
    make_file("a", "A");
    NEED(link("a", "b") == 0);
    CALL(rename("a", "b"));
    CALL(access("a", F_OK));
    CALL(access("b", F_OK));
}

CASE(directories) {
    NEED(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0 && mkdir("empty", 0755) == 0 && mkdir("full", 0755) == 0);
    make_file("full/f", "");
    make_file("f", "");
    CALL(rename("d", "d/e/x"));
    CALL(rename("d", "d/x"));
    CALL(rename("d/e", "d"));
    CALL(rename("d", "full"));
    CALL(rename("d", "f"));
    CALL(rename("f", "d"));
    CALL(rename("d", "empty"));
    CALL(access("empty/e", F_OK));
    CALL(rename("empty/", "slashed/"));
    CALL(access("slashed/e", F_OK));
    CALL(rename("slashed/e/.", "y"));
    CALL(rename("slashed/e/..", "y"));
    struct stat st;
    NEED(mkdir("into", 0755) == 0);
    CALL(rename("slashed/e", "into/e"));
    NEED(stat("into", &st) == 0);
    VALUE(st.st_nlink);
    NEED(stat("slashed", &st) == 0);
    VALUE(st.st_nlink);
    NEED(chdir("into/e") == 0);
    CALL(access("../../slashed", F_OK));
    NEED(chdir("../..") == 0);
    int fd = open("into/e", O_RDONLY | O_DIRECTORY);
    CALL(rename("into/e", "slashed/moved"));
    CALL(fchdir(fd));
    CALL(access("../../slashed/moved", F_OK));
}

CASE(symbolic_links) {
    char target[16] = "";
    make_file("f", "F");
    NEED(symlink("f", "l") == 0 && symlink("gone", "g") == 0);
    CALL(rename("l", "m"));
    CALL(readlink("m", target, sizeof target));
    TEXT(target);
    CALL(rename("f", "m"));
    CALL(readlink("m", target, sizeof target));
    CALL(rename("g", "h"));
    CALL(readlink("h", target, sizeof target));
    CALL(rename("h", "h"));
}

CASE(flags) {
    make_file("a", "A");
    make_file("b", "BB");
    NEED(mkdir("d", 0755) == 0);
    struct stat st;
    CALL(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
    CALL(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
    CALL(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE));
    NEED(stat("c", &st) == 0);
    VALUE(st.st_size);
    CALL(renameat2(AT_FDCWD, "c", AT_FDCWD, "d", RENAME_EXCHANGE));
    NEED(stat("c", &st) == 0);
    CHECK(S_ISDIR(st.st_mode));
    CALL(renameat2(AT_FDCWD, "c", AT_FDCWD, "absent", RENAME_EXCHANGE));
    CALL(renameat2(AT_FDCWD, "c", AT_FDCWD, "x", RENAME_EXCHANGE | RENAME_NOREPLACE));
    CALL(renameat2(AT_FDCWD, "c", AT_FDCWD, "x", 64));
    CALL(renameat2(AT_FDCWD, "c", AT_FDCWD, "c", RENAME_NOREPLACE));
    NEED(mkdir("c/inner", 0755) == 0);
    CALL(renameat2(AT_FDCWD, "c", AT_FDCWD, "c/inner", RENAME_EXCHANGE));
    CALL(renameat2(AT_FDCWD, "c/inner", AT_FDCWD, "c", RENAME_EXCHANGE));
}

CASE(at_and_pointers) {
    NEED(mkdir("d", 0755) == 0);
    make_file("d/a", "");
    int d = open("d", O_PATH), f = open("d/a", O_RDONLY);
    CALL(renameat(d, "a", d, "b"));
    CALL(renameat(d, "b", AT_FDCWD, "c"));
    CALL(renameat(99, "c", AT_FDCWD, "e"));
    CALL(renameat(f, "c", AT_FDCWD, "e"));
    CALL(renameat(AT_FDCWD, "c", f, "e"));
    CALL(syscall(SYS_rename, STUB_CODE, "x"));
    CALL(syscall(SYS_rename, "c", STUB_CODE));
    CALL(syscall(SYS_rename, "c", 0));
    char name[300];
    memset(name, 'n', 299);
    name[256] = 0;
    CALL(rename("c", name));
    CALL(rename("/dev/null", "c"));
    CALL(rename("c", "/proc/self/x"));
    CALL(access("c", F_OK));
}

CASE(while_listed) {
    // Two names change places many times while a child looks them up: one of them is always there.
    make_file("a", "");
    make_file("keep", "");
    NEED(mkdir("x", 0755) == 0 && mkdir("y", 0755) == 0);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 300; i++) {
            rename("a", "x/a");
            rename("x/a", "y/a");
            rename("y/a", "a");
        }
        _exit(0);
    }
    int missing = 0;
    for (int i = 0; i < 300; i++) missing += access("keep", F_OK) != 0;
    VALUE(missing);
    int status;
    waitpid(child, &status, 0);
    print_status("renamer", status);
    CALL(access("a", F_OK));
}
