// setxattr(2), getxattr(2), listxattr(2), removexattr(2) and their forms.
#include "../conformance.h"
#include <sys/xattr.h>

CASE(user_attributes) {
    char value[64] = "", list[64] = "";
    make_file("f", "");
    if (setxattr("f", "user.probe", "x", 1, 0) && errno == EOPNOTSUPP) SKIP("no user attributes on this file system");
    CALL(removexattr("f", "user.probe"));
    CALL(setxattr("f", "user.a", "value", 5, 0));
    CALL(getxattr("f", "user.a", 0, 0));
    CALL(getxattr("f", "user.a", value, 64));
    TEXT(value);
    CALL(getxattr("f", "user.a", value, 3));
    CALL(getxattr("f", "user.b", value, 64));
    CALL(setxattr("f", "user.a", "x", 1, XATTR_CREATE));
    CALL(setxattr("f", "user.b", "x", 1, XATTR_REPLACE));
    CALL(setxattr("f", "user.a", "", 0, XATTR_REPLACE));
    CALL(getxattr("f", "user.a", value, 64));
    CALL(setxattr("f", "user.a", "x", 1, 99));
    CALL(setxattr("f", "user.", "x", 1, 0));
    CALL(setxattr("f", "nothing", "x", 1, 0));
    CALL(setxattr("f", "", "x", 1, 0));
    CALL(setxattr("f", "unknown.a", "x", 1, 0));
    CALL(setxattr("absent", "user.a", "x", 1, 0));
    CALL(listxattr("f", 0, 0) > 0);
    CALL(listxattr("f", list, 2));
    int fd = open("f", O_RDWR);
    CALL(fsetxattr(fd, "user.c", "see", 3, 0));
    CALL(fgetxattr(fd, "user.c", value, 64));
    CALL(fremovexattr(fd, "user.c"));
    CALL(fremovexattr(fd, "user.c"));
    CALL(flistxattr(fd, list, 64) > 0);
    CALL(fsetxattr(99, "user.c", "x", 1, 0));
    CALL(removexattr("f", "user.a"));
    CALL(removexattr("f", "user.a"));
    char name[300] = "user.";
    memset(name + 5, 'n', 290);
    name[256] = 0;
    CALL(setxattr("f", name, "x", 1, 0));
    char *big = calloc(1, 70000);
    CALL(setxattr("f", "user.big", big, 65537, 0));
    CALL(syscall(SYS_setxattr, "f", "user.a", STUB_SLOTS, 5, 0));
    CALL(syscall(SYS_setxattr, "f", STUB_SLOTS, "x", 1, 0));
    CALL(setxattr("f", "user.a", "value", 5, 0));
    CALL(syscall(SYS_getxattr, "f", "user.a", STUB_SLOTS, 64));
}

CASE(links_and_kinds) {
    char value[8];
    make_file("f", "");
    if (setxattr("f", "user.probe", "x", 1, 0) && errno == EOPNOTSUPP) SKIP("no user attributes on this file system");
    NEED(symlink("f", "l") == 0 && mkdir("d", 0755) == 0 && mkfifo("p", 0600) == 0);
    CALL(setxattr("l", "user.a", "1", 1, 0));
    CALL(getxattr("f", "user.a", value, 8));
    CALL(lsetxattr("l", "user.a", "1", 1, 0));
    CALL(lgetxattr("l", "user.a", value, 8));
    CALL(llistxattr("l", 0, 0));
    CALL(lremovexattr("l", "user.a"));
    CALL(setxattr("d", "user.a", "1", 1, 0));
    CALL(setxattr("p", "user.a", "1", 1, 0));
    CALL(lgetxattr("absent", "user.a", value, 8));
}

CASE(permissions) {
    if (geteuid()) SKIP("needs root");
    char value[8];
    make_file("f", "");
    if (setxattr("f", "user.probe", "x", 1, 0) && errno == EOPNOTSUPP) SKIP("no user attributes on this file system");
    NEED(chmod("f", 0600) == 0);
    IN_CHILD("plain user", {
        setresuid(1000, 1000, 1000);
        CALL(setxattr("f", "user.a", "1", 1, 0));
        CALL(getxattr("f", "user.probe", value, 8));
        CALL(setxattr("f", "trusted.a", "1", 1, 0));
        CALL(getxattr("f", "trusted.a", value, 8));
    });
}
