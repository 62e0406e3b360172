// /proc as far as programs read it at start.
#include "../conformance.h"
#include <sys/prctl.h>

static char text[65536];
static long slurp(const char *path) {
    memset(text, 0, sizeof text);
    int fd = open(path, O_RDONLY);
    if (fd < 0) return -1;
    long total = 0, n;
    while ((n = read(fd, text + total, sizeof text - 1 - total)) > 0) total += n;
    close(fd);
    return total;
}
static long field(const char *name) {
    char *line = strstr(text, name);
    return line ? atol(line + strlen(name)) : -999;
}

CASE(self_links) {
    char target[PATH_MAX] = "", expected[32];
    ssize_t n = readlink("/proc/self", target, sizeof target - 1);
    snprintf(expected, sizeof expected, "%d", getpid());
    CHECK(n > 0 && !strcmp(target, expected));
    memset(target, 0, sizeof target);
    CHECK(readlink("/proc/self/exe", target, sizeof target - 1) > 0);
    TEXT(strrchr(target, '/') + 1);
    char here[PATH_MAX];
    memset(target, 0, sizeof target);
    CHECK(readlink("/proc/self/cwd", target, sizeof target - 1) > 0 && getcwd(here, sizeof here) && !strcmp(target, here));
    memset(target, 0, sizeof target);
    CALL(readlink("/proc/self/root", target, sizeof target));
    TEXT(target);
    CHECK(readlink("/proc/thread-self", target, sizeof target) > 0);
}

CASE(descriptors) {
    char target[PATH_MAX] = "", path[64], here[PATH_MAX];
    make_file("f", "hello");
    NEED(getcwd(here, sizeof here));
    int fd = open("f", O_RDWR), fds[2];
    NEED(pipe(fds) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK(readlink(path, target, sizeof target - 1) > 0 && !strncmp(target, here, strlen(here)) && !strcmp(target + strlen(here), "/f"));
    int again = open(path, O_RDONLY);
    CHECK(again >= 0);
    CALL(read(again, target, 5));
    CALL(unlink("f"));
    memset(target, 0, sizeof target);
    CHECK(readlink(path, target, sizeof target - 1) > 0 && strstr(target, "/f (deleted)"));
    CALL_OK(open(path, O_RDONLY));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
    memset(target, 0, sizeof target);
    CHECK(readlink(path, target, sizeof target - 1) > 0 && !strncmp(target, "pipe:[", 6));
    CALL(open("/proc/self/fd/99", O_RDONLY));
    CALL(open("/proc/self/fd/x", O_RDONLY));
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    CALL_OK(open(path, O_RDONLY));
}

CASE(own_status) {
    CHECK(slurp("/proc/self/status") > 100);
    CHECK(field("Pid:") == getpid());
    CHECK(field("PPid:") == getppid());
    CHECK(field("Tgid:") == getpid());
    VALUE(field("Threads:"));
    VALUE(field("Uid:"));
    CHECK(strstr(text, "State:\tR (running)") != 0);
    CHECK(strstr(text, "VmRSS:") != 0 && strstr(text, "SigBlk:") != 0 && strstr(text, "CapEff:") != 0);
    NEED(prctl(PR_SET_NAME, "new) name") == 0);
    CHECK(slurp("/proc/self/stat") > 20);
    CHECK(strstr(text, "(new) name) R ") != 0);
    CALL(slurp("/proc/self/comm"));
    TEXT(text);
    CHECK(slurp("/proc/self/statm") > 5);
    CHECK(slurp("/proc/self/cmdline") > 5);
    CHECK(strstr(text, "proc_files") != 0);
    CHECK(slurp("/proc/self/limits") > 100);
    CHECK(slurp("/proc/self/mounts") > 10);
    CHECK(slurp("/proc/self/mountinfo") > 10);
    CHECK(slurp("/proc/self/environ") > 5);
    CHECK(slurp("/proc/self/cgroup") > 3);
    CHECK(slurp("/proc/self/oom_score_adj") > 1);
}

CASE(system_files) {
    CHECK(slurp("/proc/cpuinfo") > 50);
    CHECK(strstr(text, "processor") != 0);
    CHECK(slurp("/proc/meminfo") > 50);
    CHECK(field("MemTotal:") > 0);
    CHECK(slurp("/proc/stat") > 20);
    CHECK(slurp("/proc/uptime") > 3);
    CHECK(slurp("/proc/loadavg") > 3);
    CHECK(slurp("/proc/version") > 10);
    CHECK(slurp("/proc/filesystems") > 5);
    CHECK(slurp("/proc/sys/kernel/ostype") == 6);
    CHECK(slurp("/proc/sys/kernel/pid_max") > 1);
    CHECK(slurp("/proc/sys/vm/overcommit_memory") > 0);
    CHECK(slurp("/proc/sys/kernel/random/boot_id") > 30);
}

CASE(errors) {
    CALL(open("/proc/absent", O_RDONLY));
    CALL(open("/proc/99999999", O_RDONLY));
    CALL(open("/proc/self/absent", O_RDONLY));
    CALL(open("/proc/new", O_RDWR | O_CREAT, 0600));
    CALL(mkdir("/proc/d", 0755));
    CALL(unlink("/proc/self/status"));
    CALL(rename("/proc/version", "/proc/v"));
    CALL(symlink("x", "/proc/l"));
    CALL(rmdir("/proc/self/fd"));
    CALL(open("/proc/self/status/x", O_RDONLY));
}

CASE(others_are_seen) {
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_NAME, "watched");
        for (;;) pause();
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", child);
    for (int i = 0; i < 100 && (slurp(path) < 0 || strcmp(text, "watched\n")); i++) sleep_ms(5);
    TEXT(text);
    wait_until_sleeping(child);
    snprintf(path, sizeof path, "/proc/%d/status", child);
    CHECK(slurp(path) > 0);
    CHECK(strstr(text, "State:\tS (sleeping)") != 0);
    CHECK(field("PPid:") == getpid());
    kill(child, SIGKILL);
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED | WNOWAIT);
    CHECK(slurp(path) > 0);
    CHECK(strstr(text, "State:\tZ (zombie)") != 0);
    waitpid(child, 0, 0);
    CALL(open(path, O_RDONLY));
}

CASE(held_open) {
    // A file of a process that has gone: reads fail, nothing else does.
    pid_t child = fork();
    if (child == 0)
        for (;;) pause();
    char path[64], data[64];
    snprintf(path, sizeof path, "/proc/%d", child);
    int dir = open(path, O_RDONLY | O_DIRECTORY);
    snprintf(path, sizeof path, "/proc/%d/status", child);
    int fd = open(path, O_RDONLY);
    CHECK(dir >= 0 && fd >= 0);
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
    CALL(read(fd, data, 64));
    CALL(openat(dir, "status", O_RDONLY));
}
