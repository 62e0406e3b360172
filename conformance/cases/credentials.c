// User and group ids, groups, sessions and process groups, capabilities, securebits.
#include "../conformance.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

static void show(const char *title) {
    uid_t r, e, s;
    gid_t rg, eg, sg;
    NEED(getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0);
    note("%s: uid %d %d %d gid %d %d %d fs %d %d", title, r, e, s, rg, eg, sg, setfsuid(-1), setfsgid(-1));
}
static int effective(int capability) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    NEED(syscall(SYS_capget, &header, data) == 0);
    return data[capability / 32].effective >> capability % 32 & 1;
}

CASE(root_changes) {
    if (geteuid()) SKIP("needs root");
    show("start");
    IN_CHILD("setuid", CALL(setgid(2000)); CALL(setuid(1000)); show("now"); CALL(setuid(0)); CALL(setgid(0)); CALL(seteuid(0)));
    IN_CHILD("seteuid", CALL(seteuid(1000)); show("now"); CALL(setuid(1001)); CALL(seteuid(0)); show("back"));
    IN_CHILD("setreuid", CALL(setreuid(1000, 1001)); show("now"); CALL(setreuid(1001, 1000)); show("swapped"); CALL(setreuid(-1, 0)));
    IN_CHILD("setreuid one", CALL(setreuid(-1, 1000)); show("now"); CALL(setreuid(1000, -1)); show("then"));
    IN_CHILD("setresuid", CALL(setresuid(1, 2, 3)); show("now"); CALL(setresuid(2, 3, 1)); show("rotated"); CALL(setresuid(4, -1, -1)); CALL(setresuid(-1, -1, -1)));
    IN_CHILD("setresgid", CALL(setresgid(1, 2, 3)); show("now"); CALL(setregid(5, 6)); show("then"));
    IN_CHILD("setfsuid", CALL(setfsuid(1000)); CALL(setfsgid(1001)); show("now"));
    CALL(setuid(-1));
    CALL(setgid(-1));
    CALL(syscall(SYS_getresuid, STUB_SLOTS, STUB_SLOTS, STUB_SLOTS));
}

CASE(groups) {
    if (geteuid()) SKIP("needs root");
    gid_t list[8] = {3, 1, 2};
    CALL(setgroups(3, list));
    memset(list, 0, sizeof list);
    CALL(getgroups(0, 0));
    CALL(getgroups(2, list));
    CALL(getgroups(8, list));
    int sum = list[0] + list[1] + list[2];
    VALUE(sum);
    CALL(getgroups(-1, list));
    CALL(syscall(SYS_getgroups, 8, STUB_SLOTS));
    CALL(syscall(SYS_setgroups, 3, STUB_SLOTS));
    CALL(syscall(SYS_setgroups, 65537, list));
    CALL(syscall(SYS_setgroups, -1, list));
    CALL(setgroups(0, 0));
    CALL(getgroups(0, 0));
    IN_CHILD("plain user", setresuid(1000, 1000, 1000); CALL(setgroups(0, 0)));
}

CASE(capabilities_follow_ids) {
    if (geteuid()) SKIP("needs root");
    VALUE(effective(CAP_DAC_OVERRIDE));
    VALUE(effective(CAP_SETUID));
    IN_CHILD("plain user", setresuid(1000, 1000, 1000); VALUE(effective(CAP_DAC_OVERRIDE)));
    IN_CHILD("effective only", seteuid(1000); VALUE(effective(CAP_DAC_OVERRIDE)); seteuid(0); VALUE(effective(CAP_DAC_OVERRIDE)));
    IN_CHILD("kept", {
        CALL(prctl(PR_SET_KEEPCAPS, 1));
        setresuid(1000, 1000, 1000);
        VALUE(effective(CAP_SETUID));
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[2];
        NEED(syscall(SYS_capget, &header, data) == 0);
        VALUE(data[0].permitted >> CAP_SETUID & 1);
        data[0].effective = 1 << CAP_SETUID;
        CALL(syscall(SYS_capset, &header, data));
        CALL(setresuid(0, 0, 0));
    });
    IN_CHILD("dropped", {
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[2] = {0};
        CALL(syscall(SYS_capset, &header, data));
        VALUE(effective(CAP_SETUID));
        CALL(setresuid(5, 5, 5));
        data[0].permitted = 1 << CAP_SETUID;
        CALL(syscall(SYS_capset, &header, data));
        make_file("f", "");
        CALL(chown("f", 5, 5));
    });
    struct __user_cap_header_struct header = {0, 0};
    CALL(syscall(SYS_capget, &header, 0));
    note("version %x", header.version);
    header.pid = 99999999;
    CALL(syscall(SYS_capget, &header, &header) == -1 ? errno == ESRCH || errno == EINVAL : 0);
    CALL(syscall(SYS_capget, STUB_SLOTS, 0));
    header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 0};
    CALL(syscall(SYS_capget, &header, STUB_SLOTS));
    CALL(syscall(SYS_capset, &header, STUB_SLOTS));
}

CASE(process_controls) {
    CALL(prctl(PR_GET_DUMPABLE));
    CALL(prctl(PR_SET_DUMPABLE, 0));
    CALL(prctl(PR_GET_DUMPABLE));
    CALL(prctl(PR_SET_DUMPABLE, 2));
    CALL(prctl(PR_SET_DUMPABLE, 1));
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    int value = 99;
    CALL(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    CALL(prctl(PR_GET_PDEATHSIG, &value));
    VALUE(value);
    CALL(prctl(PR_SET_PDEATHSIG, 99));
    CALL(prctl(PR_GET_PDEATHSIG, STUB_SLOTS));
    CALL(prctl(PR_GET_KEEPCAPS));
    CALL(prctl(PR_SET_KEEPCAPS, 5));
    CALL(prctl(PR_GET_CHILD_SUBREAPER, &value));
    VALUE(value);
    CALL(prctl(99999, 0, 0, 0, 0));
    CALL(prctl(-1, 0, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_READ, 0));
    CALL(prctl(PR_CAPBSET_READ, 999));
    CALL(prctl(PR_GET_TIMERSLACK) > 0);
}

CASE(death_of_the_parent) {
    int fds[2];
    NEED(pipe(fds) == 0);
    IN_CHILD("parent", {
        int ready[2];
        NEED(pipe(ready) == 0);
        if (fork() == 0) {
            sigset_t set;
            sigemptyset(&set), sigaddset(&set, SIGUSR1);
            sigprocmask(SIG_BLOCK, &set, 0);
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            write(ready[1], "x", 1);
            int s;
            sigwait(&set, &s);
            write(fds[1], "d", 1);
            _exit(0);
        }
        char c;
        read(ready[0], &c, 1);
    });
    char c = 0;
    CALL(read(fds[0], &c, 1));
    VALUE(c);
}

CASE(subreaper) {
    CALL(prctl(PR_SET_CHILD_SUBREAPER, 1));
    IN_CHILD("middle", pid_t first = getpid(); if (fork() == 0) {
        while (getppid() == first) sleep_ms(2);
        _exit(33);
    });
    int status;
    CHECK(wait(&status) > 0);
    print_status("grandchild", status);
}
