// Users, groups, capabilities: who may become whom, and what that does to the capabilities.
#include "../conformance.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

static void print_users(const char *when) {
    uid_t r, e, s;
    gid_t gr, ge, gs;
    NEED(getresuid(&r, &e, &s) == 0 && getresgid(&gr, &ge, &gs) == 0);
    note("%s: %d %d %d, %d %d %d, fs %d %d", when, r, e, s, gr, ge, gs, setfsuid(-1), setfsgid(-1));
}

// Only whether the sets hold CAP_SETUID and CAP_CHOWN: the rest depends on who started the case.
static void print_capabilities(const char *when) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    NEED(syscall(SYS_capget, &header, data) == 0);
    unsigned mask = 1u << CAP_SETUID | 1u << CAP_CHOWN;
    note("%s: effective %x permitted %x inheritable %x", when, data[0].effective & mask, data[0].permitted & mask,
         data[0].inheritable & mask);
}

CASE(set_users) {
    if (geteuid()) SKIP("needs root");
    print_users("at first");
    CALL(syscall(SYS_setresgid, 10, 11, 12));
    CALL(syscall(SYS_setresuid, 20, 21, 22));
    print_users("after");
    print_capabilities("after");
    CALL(syscall(SYS_setuid, 99));
    CALL(syscall(SYS_setuid, 20));
    print_users("setuid");
    CALL(syscall(SYS_setreuid, 22, -1));
    CALL(syscall(SYS_setreuid, -1, 22));
    print_users("setreuid effective");
    CALL(syscall(SYS_setreuid, 22, 20));
    print_users("setreuid both");
    CALL(syscall(SYS_setresuid, 0, -1, -1));
    CALL(syscall(SYS_setresuid, -1, -1, -1));
    CALL(syscall(SYS_setgid, 12));
    CALL(syscall(SYS_setregid, 12, 10));
    print_users("setregid");
    CALL(syscall(SYS_setgid, 77));
    CALL(syscall(SYS_setuid, -1));
    CALL(syscall(SYS_setgid, -1));
    CALL(syscall(SYS_setgroups, 0, 0));
}

CASE(capabilities_follow_users) {
    if (geteuid()) SKIP("needs root");
    print_capabilities("root");
    CALL(syscall(SYS_setresuid, -1, 5, -1));
    print_capabilities("effective user 5");
    CALL(syscall(SYS_setresuid, -1, 0, -1));
    print_capabilities("effective user 0");
    CALL(setfsuid(5));
    print_capabilities("file system user 5");
    CALL(setfsuid(0));
    print_capabilities("file system user 0");
    CALL(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    CALL(syscall(SYS_setresuid, 5, 5, 5));
    print_capabilities("keepcaps");
    VALUE(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
    CALL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

CASE(capset_and_get) {
    if (geteuid()) SKIP("needs root");
    struct __user_cap_header_struct header = {0, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    CALL(syscall(SYS_capget, &header, 0));
    HEX(header.version);
    header.version = 7;
    CALL(syscall(SYS_capget, &header, data));
    HEX(header.version);
    CALL(syscall(SYS_capget, 0, data));
    header.pid = -1;
    CALL(syscall(SYS_capget, &header, data));
    header.pid = 99999999;
    CALL(syscall(SYS_capget, &header, data));
    header.pid = getppid();
    CALL(syscall(SYS_capset, &header, data));
    header.pid = 0;
    data[0].permitted = data[0].effective = 1u << CAP_SETUID;
    CALL(syscall(SYS_capset, &header, data));
    print_capabilities("setuid only");
    data[0].permitted |= 1u << CAP_CHOWN;
    CALL(syscall(SYS_capset, &header, data));
    data[0].permitted = 0;
    CALL(syscall(SYS_capset, &header, data));
    data[0].effective = 0;
    CALL(syscall(SYS_capset, &header, data));
    print_capabilities("nothing");
    CALL(syscall(SYS_capset, &header, bad_pointers[0]));
    CALL(syscall(SYS_setuid, 5));
    CALL(syscall(SYS_setuid, 0));
}

CASE(group_lists) {
    if (geteuid()) SKIP("needs root");
    gid_t groups[4] = {40, 20, 30, 20}, read[8];
    CALL(setgroups(4, groups));
    CALL(getgroups(0, 0));
    CALL(getgroups(3, read));
    CALL(getgroups(-1, read));
    CALL(getgroups(8, read));
    note("%d %d %d %d", read[0], read[1], read[2], read[3]);
    CALL(getgroups(8, (gid_t *)1));
    CALL(setgroups(65537, groups));
    CALL(setgroups(1, (gid_t *)1));
    groups[0] = -1;
    CALL(setgroups(1, groups));
    CALL(setgroups(0, 0));
    CALL(getgroups(8, read));
}

CASE(ids_to_bad_addresses) {
    uid_t id;
    for (size_t i = 0; i < BAD_POINTERS; i++) {
        note("%s", bad_pointer_name(i));
        CALL(syscall(SYS_getresuid, bad_pointers[i], &id, &id));
        CALL(syscall(SYS_getresuid, &id, bad_pointers[i], &id));
        CALL(syscall(SYS_getresgid, &id, &id, bad_pointers[i]));
    }
}

CASE(inherited_by_children) {
    if (geteuid()) SKIP("needs root");
    gid_t groups[2] = {7, 8};
    NEED(setgroups(2, groups) == 0 && setresgid(1, 2, 3) == 0 && setresuid(1, 2, 3) == 0);
    IN_CHILD("child", {
        print_users("child");
        CALL(getgroups(0, 0));
    });
}

CASE(no_new_privileges) {
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    IN_CHILD("child", CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
}
