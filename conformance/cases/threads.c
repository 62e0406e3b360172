// Threads: creation, exit, join, ids, signals to one of them, exit of the group.
#include "../conformance.h"
#include <pthread.h>
#include <sys/prctl.h>

static pid_t gettid_(void) { return syscall(SYS_gettid); }
static volatile int count;

CASE(identity) {
    static pid_t tid, pid, parent;
    static pthread_t self;
    void *body(void *argument) {
        tid = gettid_(), pid = getpid(), parent = getppid();
        return (char *)argument + 1;
    }
    pthread_t t;
    void *result;
    NEED(pthread_create(&t, 0, body, (void *)41) == 0);
    NEED(pthread_join(t, &result) == 0);
    VALUE((long)result);
    CHECK(pid == getpid());
    CHECK(tid != getpid());
    CHECK(parent == getppid());
    CHECK(gettid_() == getpid());
    CALL(syscall(SYS_tgkill, getpid(), tid, 0));
}

CASE(many) {
    static char seen[200];
    void *body(void *i) {
        char *stack = alloca(10000);
        memset(stack, 1, 10000);
        seen[(intptr_t)i]++;
        return i;
    }
    int failures = 0;
    for (int round = 0; round < 3; round++) {
        pthread_t t[200];
        memset(seen, 0, sizeof seen);
        for (intptr_t i = 0; i < 200; i++) failures += pthread_create(t + i, 0, body, (void *)i) != 0;
        for (intptr_t i = 0; i < 200; i++) {
            void *result;
            failures += pthread_join(t[i], &result) != 0 || (intptr_t)result != i || seen[i] != 1;
        }
    }
    VALUE(failures);
}

CASE(local_storage) {
    static __thread int local = 5;
    static int results[10];
    void *body(void *i) {
        local += (intptr_t)i;
        sched_yield();
        results[(intptr_t)i] = local;
        return 0;
    }
    pthread_t t[10];
    for (intptr_t i = 0; i < 10; i++) pthread_create(t + i, 0, body, (void *)i);
    for (int i = 0; i < 10; i++) pthread_join(t[i], 0);
    int sum = 0;
    for (int i = 0; i < 10; i++) sum += results[i];
    VALUE(sum);
    VALUE(local);
}

static void *sleeper(void *unused) {
    for (;;) pause();
}

CASE(group_exit) {
    pthread_t t;
    IN_CHILD("exit from the first", for (int i = 0; i < 10; i++) pthread_create(&t, 0, sleeper, 0); _exit(5));
    void *leaver(void *code) { _exit((intptr_t)code); }
    IN_CHILD("exit from another", for (int i = 0; i < 10; i++) pthread_create(&t, 0, sleeper, 0); pthread_create(&t, 0, leaver, (void *)6); for (;;) pause());
    IN_CHILD("first thread leaves alone", void *late(void *u) { sleep_ms(50); _exit(7); } pthread_create(&t, 0, late, 0); syscall(SYS_exit, 3));
    IN_CHILD("last thread leaves", void *late(void *u) { sleep_ms(50); syscall(SYS_exit, 9); } pthread_create(&t, 0, late, 0); syscall(SYS_exit, 3));
    IN_CHILD("killed", for (int i = 0; i < 10; i++) pthread_create(&t, 0, sleeper, 0); kill(getpid(), SIGKILL));
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    void *crash(void *u) { *(volatile int *)8 = 1; return 0; }
    IN_CHILD("crash in another", for (int i = 0; i < 10; i++) pthread_create(&t, 0, sleeper, 0); pthread_create(&t, 0, crash, 0); for (;;) pause());
    void *spin(void *u) { for (;;) count++; }
    IN_CHILD("others run", for (int i = 0; i < 3; i++) pthread_create(&t, 0, spin, 0); sleep_ms(20); _exit(8));
}

CASE(signals_to_one) {
    static pid_t where;
    static pid_t tids[3];
    void handler(int s) { where = gettid_(), count++; }
    on_signal(SIGUSR1, handler, 0);
    void *body(void *i) {
        tids[(intptr_t)i] = gettid_();
        for (;;) pause();
    }
    pthread_t t[3];
    for (intptr_t i = 0; i < 3; i++) pthread_create(t + i, 0, body, (void *)i);
    sleep_ms(50);
    for (int i = 0; i < 3; i++) {
        count = 0;
        NEED(pthread_kill(t[i], SIGUSR1) == 0);
        for (int k = 0; k < 1000 && !count; k++) sleep_ms(1);
        note("thread %d took it: %d", i, where == tids[i]);
    }
    // A signal for the process goes to a thread that does not block it.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    count = 0;
    kill(getpid(), SIGUSR1);
    for (int k = 0; k < 1000 && !count; k++) sleep_ms(1);
    CHECK(where != gettid_() && count == 1);
    // A signal for a thread that blocks it stays its own.
    count = 0;
    raise(SIGUSR1);
    sleep_ms(30);
    VALUE(count);
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGUSR1));
    pthread_sigmask(SIG_UNBLOCK, &set, 0);
    CHECK(count == 1 && where == gettid_());
}

CASE(cleared_on_exit) {
    // The kernel clears the word and wakes it when a thread ends: what join waits for.
    static int word = 1;
    static char stack[65536] __attribute__((aligned(16)));
    int body(void *u) {
        sleep_ms(20);
        return 0;
    }
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID;
    int tid = clone(body, stack + sizeof stack, flags, 0, 0, 0, &word);
    CHECK(tid > 0);
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST)) syscall(SYS_futex, &word, 0, tid, 0, 0, 0);
    VALUE(word);
    CHECK(syscall(SYS_set_tid_address, &word) == gettid_());
}

CASE(names) {
    char name[17] = "";
    static char other[17];
    CALL(prctl(PR_SET_NAME, "first"));
    void *body(void *u) {
        prctl(PR_GET_NAME, other);
        prctl(PR_SET_NAME, "a name that is too long");
        prctl(PR_GET_NAME, other);
        return 0;
    }
    pthread_t t;
    pthread_create(&t, 0, body, 0);
    pthread_join(t, 0);
    TEXT(other);
    CALL(prctl(PR_GET_NAME, name));
    TEXT(name);
    CALL(prctl(PR_SET_NAME, STUB_SLOTS));
    CALL(prctl(PR_GET_NAME, STUB_SLOTS));
}

CASE(cancellation) {
    pthread_t t;
    void *result;
    pthread_create(&t, 0, sleeper, 0);
    sleep_ms(30);
    CALL(pthread_cancel(t));
    CALL(pthread_join(t, &result));
    CHECK(result == PTHREAD_CANCELED);
    static int fds[2];
    NEED(pipe(fds) == 0);
    void *reader(void *u) {
        char c;
        read(fds[0], &c, 1);
        return 0;
    }
    pthread_create(&t, 0, reader, 0);
    sleep_ms(30);
    pthread_cancel(t);
    CALL(pthread_join(t, &result));
    CHECK(result == PTHREAD_CANCELED);
}

CASE(shared_state) {
    // Descriptors, working directory and identity are the process's.
    NEED(mkdir("d", 0755) == 0);
    void *body(void *u) {
        chdir("d");
        close(0);
        umask(077);
        return 0;
    }
    pthread_t t;
    pthread_create(&t, 0, body, 0);
    pthread_join(t, 0);
    CALL(access("../d", F_OK));
    CALL(fcntl(0, F_GETFD));
    HEX(umask(0));
    if (geteuid() == 0) {
        static int seen;
        static pthread_barrier_t barrier;
        pthread_barrier_init(&barrier, 0, 2);
        void *looker(void *u) {
            pthread_barrier_wait(&barrier);
            pthread_barrier_wait(&barrier);
            seen = geteuid();
            return 0;
        }
        pthread_create(&t, 0, looker, 0);
        pthread_barrier_wait(&barrier);
        CALL(seteuid(1000));
        pthread_barrier_wait(&barrier);
        pthread_join(t, 0);
        VALUE(seen);
    }
}

CASE(fork_takes_one) {
    pthread_t t;
    for (int i = 0; i < 5; i++) pthread_create(&t, 0, sleeper, 0);
    IN_CHILD("child", {
        char text[4096] = "";
        int fd = open("/proc/self/status", O_RDONLY);
        read(fd, text, sizeof text - 1);
        char *line = strstr(text, "Threads:");
        note("threads %d", line ? atoi(line + 8) : -1);
        CHECK(gettid_() == getpid());
    });
}

CASE(stop_stops_all) {
    static volatile long *counter;
    counter = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        void *spin(void *u) {
            for (;;) (*counter)++;
        }
        pthread_t t;
        pthread_create(&t, 0, spin, 0);
        for (;;) pause();
    }
    while (!*counter) sleep_ms(1);
    kill(child, SIGSTOP);
    int status;
    CHECK(waitpid(child, &status, WUNTRACED) == child);
    print_status("child", status);
    sleep_ms(20);
    long before = *counter;
    sleep_ms(50);
    CHECK(*counter == before);
    kill(child, SIGCONT);
    sleep_ms(100);
    CHECK(*counter != before);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    print_status("child", status);
}

CASE(processor_affinity) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CALL(sched_getaffinity(0, sizeof set, &set) < 0);
    CHECK(CPU_COUNT(&set) > 0);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) > 0);
    CALL(sched_setaffinity(0, sizeof set, &set));
    CPU_ZERO(&set);
    CALL(sched_setaffinity(0, sizeof set, &set));
    CALL(sched_getaffinity(99999999, sizeof set, &set));
    CALL(syscall(SYS_sched_getaffinity, 0, 1, &set));
    CALL(syscall(SYS_sched_getaffinity, 0, 128, STUB_SLOTS));
    CALL(sched_yield());
    unsigned cpu = 99999;
    CALL(syscall(SYS_getcpu, &cpu, 0, 0));
    CHECK(cpu < 4096);
}
