// The frame of every conformance case: a file of cases is one program; each case runs in a forked child with a bounded run time
// and prints one stable line per check. The same program runs natively and inside, and the two outputs must be equal line by
// line: so no address, pid or time may ever be printed.
//
//   PROGRAM            runs every case          PROGRAM --list     names them
//   PROGRAM NAME…      runs the named cases     PROGRAM --bare NAME  runs one in this process, without fork
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// A file may allow its cases more time by defining this before it includes the header.
#ifndef CASE_SECONDS
#define CASE_SECONDS 20
#endif

struct conformance_case {
    const char *name;
    void (*run)(void);
    struct conformance_case *next;
};

static struct conformance_case *conformance_first, **conformance_last = &conformance_first;
static const char *conformance_current = "-";
static char conformance_directory[PATH_MAX];

#define CASE(id)                                                                                                                 \
    static void run_##id(void);                                                                                                  \
    static struct conformance_case case_##id = {#id, run_##id, 0};                                                               \
    __attribute__((constructor)) static void register_##id(void) {                                                               \
        *conformance_last = &case_##id;                                                                                          \
        conformance_last = &case_##id.next;                                                                                      \
    }                                                                                                                            \
    static void run_##id(void)

// One line, one write: children of a case print in the order in which things happen, with no buffer that a fork could double.
__attribute__((format(printf, 1, 2), unused)) static void note(const char *format, ...) {
    char line[1024];
    int saved = errno;
    int head = snprintf(line, sizeof line, "%s.", conformance_current);
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + head, sizeof line - head - 1, format, arguments);
    va_end(arguments);
    int length = head + body;
    if (length > (int)sizeof line - 2) length = sizeof line - 2;
    line[length] = '\n';
    for (int done = 0; done < length + 1;) {
        ssize_t n = write(1, line + done, length + 1 - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += n;
    }
    errno = saved;
}

__attribute__((unused)) static const char *error_name(int number) {
    const char *name = strerrorname_np(number);
    return name ? name : "E?";
}

__attribute__((unused)) static const char *signal_name(int number) {
    static char other[16];
    const char *name = sigabbrev_np(number);
    if (name) return name;
    snprintf(other, sizeof other, "%d", number);
    return other;
}

__attribute__((unused)) static long print_call(const char *text, long result, int hidden) {
    if (result == -1) note("%s: -1 %s", text, error_name(errno));
    else if (hidden) note("%s: ok", text);
    else note("%s: %ld", text, result);
    return result;
}

// The value of a call that returns -1 and sets errno.
#define CALL(expression) (errno = 0, print_call(#expression, (long)(expression), 0))
// The same where the value itself differs from run to run.
#define CALL_OK(expression) (errno = 0, print_call(#expression, (long)(expression), 1))
// The same under a name of its own (in loops).
#define NAMED(name, expression) (errno = 0, print_call(name, (long)(expression), 0))
#define NAMED_OK(name, expression) (errno = 0, print_call(name, (long)(expression), 1))
// A pointer, MAP_FAILED being the failure.
#define MAPPED(expression) ((void *)(errno = 0, print_call(#expression, (long)(expression), 1)))
// A call whose result may differ inside; that it returns at all is what is checked.
#define SURVIVES(expression) ((void)(expression), note("%s: survived", #expression))
#define VALUE(expression) note("%s: %ld", #expression, (long)(expression))
#define HEX(expression) note("%s: %#lx", #expression, (unsigned long)(expression))
#define TEXT(expression) note("%s: \"%s\"", #expression, (expression))
#define CHECK(condition) note("%s: %s", #condition, (condition) ? "true" : "false")
#define CHECK_EQ(left, right)                                                                                                    \
    do {                                                                                                                         \
        long left_ = (long)(left), right_ = (long)(right);                                                                       \
        if (left_ == right_) note("%s == %s: true", #left, #right);                                                              \
        else note("%s == %s: false (%ld, %ld)", #left, #right, left_, right_);                                                   \
    } while (0)
// The case cannot run here; the runner says so instead of comparing.
#define SKIP(reason)                                                                                                             \
    do {                                                                                                                         \
        note("SKIP %s", reason);                                                                                                 \
        exit(0);                                                                                                                 \
    } while (0)
// What must hold for the case to mean anything.
#define NEED(condition)                                                                                                          \
    do {                                                                                                                         \
        if (!(condition)) {                                                                                                      \
            note("NEED %s: false, %s", #condition, error_name(errno));                                                           \
            exit(3);                                                                                                             \
        }                                                                                                                        \
    } while (0)

#define KERNEL_SIGSET_SIZE 8

// Addresses no call may accept. The two of the stub's range are unmapped natively, and not the workload's inside.
#define STUB_CODE ((void *)0x7ffe00000000ul)
#define STUB_SLOTS ((void *)0x7ffe10000000ul)
__attribute__((unused)) static void *const bad_pointers[] = {
    (void *)1, STUB_CODE, STUB_SLOTS, (void *)0x7fffffffffff, (void *)0x800000000000, (void *)0xffff800000000000, (void *)-1l,
};
#define BAD_POINTERS (sizeof bad_pointers / sizeof *bad_pointers)
__attribute__((unused)) static const char *bad_pointer_name(size_t index) {
    static const char *const names[] = {"one", "stub code", "stub slots", "end of user space", "hole", "kernel", "minus one"};
    return names[index];
}

// Points just after `bytes` writable bytes that lie before a page without access: the address of the first of them.
__attribute__((unused)) static char *before_edge(size_t bytes) {
    size_t whole = (bytes + 4095) / 4096 * 4096;
    char *map = mmap(0, whole + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(map != MAP_FAILED);
    NEED(mprotect(map + whole, 4096, PROT_NONE) == 0);
    return map + whole - bytes;
}

__attribute__((unused)) static void make_file(const char *path, const char *contents) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    NEED(fd >= 0);
    NEED(write(fd, contents, strlen(contents)) == (ssize_t)strlen(contents));
    close(fd);
}

__attribute__((unused)) static void print_status(const char *who, int status) {
    if (WIFEXITED(status)) note("%s: exited %d", who, WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) note("%s: killed by %s%s", who, signal_name(WTERMSIG(status)), WCOREDUMP(status) ? "" : "");
    else if (WIFSTOPPED(status)) note("%s: stopped by %s", who, signal_name(WSTOPSIG(status)));
    else if (WIFCONTINUED(status)) note("%s: continued", who);
    else note("%s: status %#x", who, status);
}

// Runs the block in a child and prints how it ended.
#define IN_CHILD(who, ...)                                                                                                       \
    do {                                                                                                                         \
        pid_t child_ = fork();                                                                                                   \
        NEED(child_ >= 0);                                                                                                       \
        if (child_ == 0) {                                                                                                       \
            __VA_ARGS__;                                                                                                         \
            _exit(0);                                                                                                            \
        }                                                                                                                        \
        int status_ = 0;                                                                                                         \
        while (waitpid(child_, &status_, 0) < 0 && errno == EINTR)                                                               \
            ;                                                                                                                    \
        print_status(who, status_);                                                                                              \
    } while (0)

__attribute__((unused)) static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

__attribute__((unused)) static void sleep_ms(long milliseconds) {
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

// Waits until the task sleeps in a call: by /proc where that works, else for a time that suffices.
__attribute__((unused)) static void wait_until_sleeping(pid_t pid) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 200; i++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (fd >= 0) close(fd);
        if (n <= 0) break;
        text[n] = 0;
        char *state = strrchr(text, ')');
        if (state && state[1] && state[2] == 'S') {
            sleep_ms(20);
            return;
        }
        sleep_ms(5);
    }
    sleep_ms(150);
}

__attribute__((unused)) static void on_signal(int number, void (*handler)(int), int flags) {
    struct sigaction action = {0};
    action.sa_handler = handler;
    action.sa_flags = flags;
    NEED(sigaction(number, &action, 0) == 0);
}

static void conformance_child(struct conformance_case *one) {
    conformance_current = one->name;
    for (int fd = 3; fd < 64; fd++) close(fd);
    setpgid(0, 0);
    umask(022);
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", conformance_directory, one->name);
    if (mkdir(path, 0755) < 0 || chdir(path) < 0) note("no scratch directory: %s", error_name(errno));
    alarm(CASE_SECONDS);
    one->run();
    exit(0);
}

static int conformance_remove(const char *path) {
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "%s", path);
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/rm", "rm", "-rf", command, (char *)0);
        _exit(127);
    }
    int status;
    return child < 0 ? -1 : (int)waitpid(child, &status, 0);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--list")) {
        for (struct conformance_case *c = conformance_first; c; c = c->next) printf("%s\n", c->name);
        return 0;
    }
#ifdef CONFORMANCE_HELPER
    // The program is its own helper after exec: a first argument "@…" names the part to play.
    if (argc > 0 && argc > 1 && argv[1][0] == '@') {
        conformance_current = argc > 2 ? argv[2] : "-";
        return CONFORMANCE_HELPER(argc, argv);
    }
#endif
    int bare = argc > 1 && !strcmp(argv[1], "--bare");
    const char *base = getenv("CONFORMANCE_DIR");
    if (base && (!strncmp(base, "./", 2))) mkdir(base, 0755);
    if (base && base[0] != '/' && !realpath(base, conformance_directory)) base = 0;
    if (!base || base[0] == '/') snprintf(conformance_directory, sizeof conformance_directory, "%s", base ? base : "/tmp");
    strncat(conformance_directory, "/conformance-XXXXXX", sizeof conformance_directory - strlen(conformance_directory) - 1);
    if (!mkdtemp(conformance_directory)) {
        dprintf(1, "-.no scratch directory %s: %s\n", conformance_directory, error_name(errno));
        return 3;
    }
    chmod(conformance_directory, 0755);
    struct sigaction ignore = {0};
    ignore.sa_handler = SIG_IGN;
    int failed = 0;
    for (struct conformance_case *c = conformance_first; c; c = c->next) {
        int wanted = argc <= 1 + bare;
        for (int i = 1 + bare; i < argc; i++) wanted |= !strcmp(argv[i], c->name);
        if (!wanted) continue;
        if (bare) conformance_child(c);
        pid_t child = fork();
        if (child == 0) conformance_child(c);
        conformance_current = c->name;
        if (child < 0) {
            note("fork: %s", error_name(errno));
            return 3;
        }
        setpgid(child, child);
        // The alarm ends a case that hangs; this does when alarms are what hangs.
        int status = 0;
        int64_t give_up = now_ns() + (CASE_SECONDS + 3) * 1000000000ll;
        while (waitpid(child, &status, WNOHANG) <= 0) {
            if (now_ns() > give_up) {
                note("ran out of time");
                kill(-child, SIGKILL);
                kill(child, SIGKILL);
                while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                    ;
                break;
            }
            usleep(2000);
        }
        kill(-child, SIGKILL);
        if (!WIFEXITED(status) || WEXITSTATUS(status)) failed = 1;
        print_status("END", status);
    }
    if (chdir("/") == 0) conformance_remove(conformance_directory);
    return failed;
}
#endif
