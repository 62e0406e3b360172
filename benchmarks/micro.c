// What single mechanisms cost from inside: micro TMPFS_DIR BIND_DIR [ROW…]. A line each: ROW NANOSECONDS, the median of several runs.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *tmpfs, *bind_directory;
static char self[4096];
static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static void die(const char *what) {
    fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long sink;
static void getpid_(long n) { while (n--) sink += syscall(SYS_getpid); }
static void getppid_(long n) { while (n--) sink += syscall(SYS_getppid); }
static void clock_(long n) {
    struct timespec t;
    while (n--) clock_gettime(CLOCK_MONOTONIC, &t);
}

static char path[4096];
static int file = -1, fds[2], back[2];
static void make(const char *directory) {
    snprintf(path, sizeof path, "%s/micro-file", directory);
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    if (fd < 0) die(path);
    static char data[1 << 20];
    if (write(fd, data, sizeof data) != sizeof data) die("write");
    close(fd);
    if (file >= 0) close(file);
    file = open(path, O_RDONLY);
}
static void prepare_tmpfs(void) { make(tmpfs); }
static void prepare_bind(void) { make(bind_directory); }
static void stat_(long n) {
    struct stat st;
    while (n--)
        if (stat(path, &st)) die("stat");
}
static void open_close(long n) {
    struct stat st;
    while (n--) {
        int fd = open(path, O_RDONLY);
        if (fd < 0 || fstat(fd, &st) || close(fd)) die("open");
    }
}
static void creat_unlink(long n) {
    char name[4200];
    snprintf(name, sizeof name, "%s.new", path);
    while (n--) {
        int fd = creat(name, 0644);
        if (fd < 0 || close(fd) || unlink(name)) die("creat");
    }
}
static char buffer[1 << 16];
static void read_1(long n) {
    while (n--)
        if (pread(file, buffer, 1, 100) != 1) die("read");
}
static void read_64k(long n) {
    while (n--)
        if (pread(file, buffer, 65536, 0) != 65536) die("read");
}
static void prepare_pipe(void) {
    if (pipe(fds) || pipe(back)) die("pipe");
}
static void pipe_one(long n) {
    char c = 1;
    while (n--)
        if (write(fds[1], &c, 1) != 1 || read(fds[0], &c, 1) != 1) die("pipe");
}
static void pipe_two(long n) {
    char c = 1;
    pid_t child = fork();
    if (child == 0) {
        while (n--)
            if (read(fds[0], &c, 1) != 1 || write(back[1], &c, 1) != 1) _exit(1);
        _exit(0);
    }
    while (n--)
        if (write(fds[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) die("ping-pong");
    waitpid(child, 0, 0);
}
static void fork_(long n) {
    while (n--) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        if (waitpid(child, 0, 0) != child) die("fork");
    }
}
static char *exit_arguments[] = {"micro", "--exit", 0}, *no_environment[] = {0};
static void fork_exec(long n) {
    while (n--) {
        pid_t child = fork();
        if (child == 0) {
            execve(self, exit_arguments, no_environment);
            _exit(1);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status) die("fork and exec");
    }
}
static void vfork_exec(long n) {
    while (n--) {
        pid_t child = vfork();
        if (child == 0) {
            execve(self, exit_arguments, no_environment);
            _exit(1);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status) die("vfork and exec");
    }
}
static void first_touch(long n) {
    size_t size = n * 4096;
    char *m = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) die("mmap");
    madvise(m, size, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < size; i += 4096) m[i] = 1;
    munmap(m, size);
}
static void map_touch_unmap(long n) {
    while (n--) {
        char *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (m == MAP_FAILED) die("mmap");
        *m = 1;
        munmap(m, 4096);
    }
}
static volatile long handled;
static void handler(int s) { handled++; }
static void prepare_signal(void) { signal(SIGUSR1, handler); }
static void signal_self(long n) {
    pid_t pid = getpid();
    while (n--) syscall(SYS_kill, pid, SIGUSR1);
}
static char *faulting;
static void on_fault(int s) { mprotect(faulting, 4096, PROT_READ | PROT_WRITE); }
static void prepare_fault(void) {
    faulting = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *faulting = 1;
    signal(SIGSEGV, on_fault);
}
static void fault_cycle(long n) {
    while (n--) {
        mprotect(faulting, 4096, PROT_READ);
        *(volatile char *)faulting = 2;
    }
}
static void *nothing(void *u) { return u; }
static void thread_(long n) {
    while (n--) {
        pthread_t t;
        if (pthread_create(&t, 0, nothing, 0) || pthread_join(t, 0)) die("thread");
    }
}
static uint32_t turn;
static long rounds;
static void *player(void *u) {
    for (long i = 0; i < rounds; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != 1) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
        __atomic_store_n(&turn, 0, __ATOMIC_RELEASE);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    }
    return 0;
}
static void futex_two(long n) {
    pthread_t t;
    rounds = n;
    pthread_create(&t, 0, player, 0);
    for (long i = 0; i < n; i++) {
        __atomic_store_n(&turn, 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != 0) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0);
    }
    pthread_join(t, 0);
}
static void sleep_50us(long n) {
    struct timespec t = {0, 50000};
    while (n--) nanosleep(&t, 0);
}

static const struct row {
    const char *name;
    void (*prepare)(void);
    void (*body)(long);
    long count;
} rows[] = {
    {"getpid", 0, getpid_, 20000},
    {"getppid", 0, getppid_, 20000},
    {"clock_gettime", 0, clock_, 100000},
    {"stat_tmpfs", prepare_tmpfs, stat_, 10000},
    {"open_fstat_close_tmpfs", prepare_tmpfs, open_close, 5000},
    {"creat_unlink_tmpfs", prepare_tmpfs, creat_unlink, 3000},
    {"read_1_tmpfs", prepare_tmpfs, read_1, 10000},
    {"read_64k_tmpfs", prepare_tmpfs, read_64k, 3000},
    {"stat_bind", prepare_bind, stat_, 10000},
    {"open_fstat_close_bind", prepare_bind, open_close, 3000},
    {"creat_unlink_bind", prepare_bind, creat_unlink, 1000},
    {"read_1_bind", prepare_bind, read_1, 10000},
    {"read_64k_bind", prepare_bind, read_64k, 3000},
    {"pipe_one_process", prepare_pipe, pipe_one, 10000},
    {"pipe_ping_pong", prepare_pipe, pipe_two, 3000},
    {"fork_exit_wait", 0, fork_, 200},
    {"fork_exec_wait", 0, fork_exec, 100},
    {"vfork_exec_wait", 0, vfork_exec, 100},
    {"first_touch_page", 0, first_touch, 16384},
    {"mmap_touch_munmap", 0, map_touch_unmap, 5000},
    {"signal_to_self", prepare_signal, signal_self, 5000},
    {"segv_mprotect_cycle", prepare_fault, fault_cycle, 3000},
    {"pthread_create_join", 0, thread_, 500},
    {"futex_ping_pong", 0, futex_two, 3000},
    {"nanosleep_50us", 0, sleep_50us, 300},
};

static int ascending(const void *a, const void *b) { return *(double *)a < *(double *)b ? -1 : *(double *)a > *(double *)b; }

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--exit")) return 0;
    if (argc < 3) {
        fprintf(stderr, "micro TMPFS_DIR BIND_DIR [ROW…]\n");
        return 2;
    }
    tmpfs = argv[1], bind_directory = argv[2];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0) die("/proc/self/exe");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int wanted = argc == 3;
        for (int k = 3; k < argc; k++) wanted |= !strcmp(argv[k], rows[i].name);
        if (!wanted) continue;
        if (rows[i].prepare) rows[i].prepare();
        enum { RUNS = 5 };
        double runs[RUNS];
        rows[i].body(rows[i].count / 10 + 1);
        for (int r = 0; r < RUNS; r++) {
            int64_t start = now();
            rows[i].body(rows[i].count);
            runs[r] = (double)(now() - start) / rows[i].count;
        }
        qsort(runs, RUNS, sizeof *runs, ascending);
        printf("%s %.1f\n", rows[i].name, runs[RUNS / 2]);
        fflush(stdout);
    }
    return 0;
}
