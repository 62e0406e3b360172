// futex(2), set_robust_list(2).
#include "../conformance.h"
#include <linux/futex.h>
#include <pthread.h>

static long futex(void *word, int op, uint32_t value, const void *timeout, void *word2, uint32_t value3) {
    return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

CASE(errors) {
    static uint32_t word = 5;
    struct timespec zero = {0, 0}, bad = {0, 1000000000}, negative = {-1, 0};
    CALL(futex(&word, FUTEX_WAIT, 4, 0, 0, 0));
    CALL(futex(&word, FUTEX_WAIT, 5, &zero, 0, 0));
    CALL(futex(&word, FUTEX_WAIT, 5, &bad, 0, 0));
    CALL(futex(&word, FUTEX_WAIT, 5, &negative, 0, 0));
    CALL(futex(&word, FUTEX_WAIT, 5, STUB_SLOTS, 0, 0));
    CALL(futex((char *)&word + 1, FUTEX_WAIT, 5, 0, 0, 0));
    CALL(futex((char *)&word + 1, FUTEX_WAKE, 5, 0, 0, 0));
    CALL(futex((void *)8, FUTEX_WAIT, 5, 0, 0, 0));
    CALL(futex((void *)8, FUTEX_WAKE_PRIVATE, 5, 0, 0, 0));
    CALL(futex((void *)0x800000000000, FUTEX_WAKE_PRIVATE, 5, 0, 0, 0));
    CALL(futex(&word, FUTEX_WAIT_BITSET, 5, &zero, 0, 0));
    CALL(futex(&word, FUTEX_WAKE_BITSET, 5, 0, 0, 0));
    CALL(futex(&word, 99, 5, 0, 0, 0));
    CALL(futex(&word, FUTEX_WAKE, 1, 0, 0, 0));
    CALL(futex(&word, FUTEX_WAKE, -1, 0, 0, 0));
    CALL(futex(&word, FUTEX_FD, 1, 0, 0, 0));
    static uint32_t other;
    CALL(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 4));
    CALL(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 5));
    CALL(futex(&word, FUTEX_REQUEUE, 1, (void *)-1, &other, 0));
    CALL(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 4, 0, 0, 0));
    CALL(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, 0, 0, 0));
}

CASE(time_limits) {
    static uint32_t word;
    struct timespec t = {0, 40000000}, when;
    int64_t start = now_ns();
    CALL(futex(&word, FUTEX_WAIT_PRIVATE, 0, &t, 0, 0));
    CHECK(now_ns() - start >= 40000000 && now_ns() - start < 2000000000);
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_nsec += 40000000;
    if (when.tv_nsec >= 1000000000) when.tv_sec++, when.tv_nsec -= 1000000000;
    start = now_ns();
    CALL(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &when, 0, -1));
    CHECK(now_ns() - start >= 35000000 && now_ns() - start < 2000000000);
    CALL(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &when, 0, -1));
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_nsec += 40000000;
    if (when.tv_nsec >= 1000000000) when.tv_sec++, when.tv_nsec -= 1000000000;
    start = now_ns();
    CALL(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &when, 0, -1));
    CHECK(now_ns() - start >= 35000000 && now_ns() - start < 2000000000);
}

static uint32_t *shared;
static volatile int woken;

static void *waiter(void *bits) {
    while (__atomic_load_n(shared, __ATOMIC_SEQ_CST) == 0)
        if (futex(shared, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, (uint32_t)(uintptr_t)bits) == 0) {
            __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
            break;
        }
    return 0;
}

static void start(pthread_t *threads, int n, uintptr_t bits) {
    for (int i = 0; i < n; i++) NEED(pthread_create(threads + i, 0, waiter, (void *)bits) == 0);
    sleep_ms(150);
}

CASE(waking_threads) {
    static uint32_t word, other;
    pthread_t threads[10];
    shared = &word;
    start(threads, 10, -1);
    CALL(futex(&word, FUTEX_WAKE_PRIVATE, 3, 0, 0, 0));
    sleep_ms(100);
    VALUE(woken);
    CALL(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)4, &other, 0));
    sleep_ms(50);
    VALUE(woken);
    CALL(futex(&other, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0));
    CALL(futex(&word, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0));
    for (int i = 0; i < 10; i++) pthread_join(threads[i], 0);
    VALUE(woken);
}

CASE(bit_sets) {
    static uint32_t word;
    pthread_t a, b;
    shared = &word;
    start(&a, 1, 1);
    start(&b, 1, 2);
    CALL(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, 0, 0, 4));
    CALL(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, 0, 0, 2));
    pthread_join(b, 0);
    CALL(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, 0, 0, -1));
    pthread_join(a, 0);
}

CASE(wake_operation) {
    static uint32_t word, second = 7;
    pthread_t a;
    shared = &word;
    start(&a, 1, -1);
    // second = 9; wake one of word, and if second was 7 one of second.
    CALL(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 7)));
    VALUE(second);
    pthread_join(a, 0);
    CALL(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 7)));
    VALUE(second);
    CALL(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, (void *)8, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 7)));
}

CASE(between_processes) {
    uint32_t *word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        while (*(volatile uint32_t *)word == 0) futex(word, FUTEX_WAIT, 0, 0, 0, 0);
        _exit(7);
    }
    wait_until_sleeping(child);
    *word = 1;
    CALL(futex(word, FUTEX_WAKE, 1, 0, 0, 0));
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
    // A file's map, at another address.
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(ftruncate(fd, 4096) == 0);
    uint32_t *a = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *b = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    child = fork();
    if (child == 0) {
        while (*(volatile uint32_t *)a == 0) futex(a, FUTEX_WAIT, 0, 0, 0, 0);
        _exit(8);
    }
    wait_until_sleeping(child);
    *b = 1;
    CALL(futex(b, FUTEX_WAKE, 1, 0, 0, 0));
    waitpid(child, &status, 0);
    print_status("child", status);
}

static void nothing(int s) {}

CASE(interruption) {
    static uint32_t word;
    pid_t parent = getpid();
    struct timespec t = {0, 300000000};
    for (int restart = 0; restart < 2; restart++) {
        on_signal(SIGUSR1, nothing, restart ? SA_RESTART : 0);
        pid_t child = fork();
        if (child == 0) {
            wait_until_sleeping(parent);
            kill(parent, SIGUSR1);
            if (restart) {
                on_signal(SIGUSR1, SIG_DFL, 0);
                sleep_ms(50);
            }
            _exit(0);
        }
        int64_t start = now_ns();
        long result = futex(&word, FUTEX_WAIT_PRIVATE, 0, &t, 0, 0);
        note("restart %d: %ld %s in time %d", restart, result, error_name(errno), restart ? now_ns() - start >= 300000000 : now_ns() - start < 290000000);
        waitpid(child, 0, 0);
    }
    on_signal(SIGUSR1, nothing, 0);
    pid_t child = fork();
    if (child == 0) {
        wait_until_sleeping(parent);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    CALL(futex(&word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0));
    waitpid(child, 0, 0);
}

CASE(killed_while_waiting) {
    static uint32_t word;
    pid_t child = fork();
    if (child == 0) {
        futex(&word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
        _exit(1);
    }
    wait_until_sleeping(child);
    CALL(kill(child, SIGTERM));
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
    child = fork();
    if (child == 0) {
        futex(&word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
        _exit(1);
    }
    wait_until_sleeping(child);
    CALL(kill(child, SIGSTOP));
    CHECK(waitpid(child, &status, WUNTRACED) == child);
    print_status("child", status);
    CALL(kill(child, SIGKILL));
    waitpid(child, &status, 0);
    print_status("child", status);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long counter;

static void *increment(void *unused) {
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}

CASE(mutexes_and_conditions) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) pthread_create(threads + i, 0, increment, 0);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], 0);
    VALUE(counter);
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_nsec += 30000000;
    if (when.tv_nsec >= 1000000000) when.tv_sec++, when.tv_nsec -= 1000000000;
    pthread_mutex_lock(&mutex);
    note("timed wait: %s", error_name(pthread_cond_timedwait(&condition, &mutex, &when)));
    pthread_mutex_unlock(&mutex);
    static volatile int turn;
    void *player(void *me) {
        for (int i = 0; i < 300; i++) {
            pthread_mutex_lock(&mutex);
            while (turn != (int)(intptr_t)me) pthread_cond_wait(&condition, &mutex);
            turn = !turn;
            pthread_cond_signal(&condition);
            pthread_mutex_unlock(&mutex);
        }
        return 0;
    }
    pthread_create(threads, 0, player, (void *)0);
    pthread_create(threads + 1, 0, player, (void *)1);
    pthread_join(threads[0], 0);
    pthread_join(threads[1], 0);
    VALUE(turn);
}

CASE(robust_list_calls) {
    void *head;
    size_t length;
    CALL(syscall(SYS_get_robust_list, 0, &head, &length));
    VALUE(length);
    CHECK(head != 0);
    CALL(syscall(SYS_set_robust_list, head, 23));
    CALL(syscall(SYS_set_robust_list, head, 24));
    CALL(syscall(SYS_get_robust_list, 99999999, &head, &length));
    CALL(syscall(SYS_get_robust_list, 0, STUB_SLOTS, &length));
}

CASE(robust_mutex) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_t *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutex_init(m, &attributes);
    IN_CHILD("owner dies", pthread_mutex_lock(m));
    note("lock: %s", error_name(pthread_mutex_lock(m)));
    note("consistent: %d", pthread_mutex_consistent(m));
    note("unlock: %d", pthread_mutex_unlock(m));
    note("lock: %d", pthread_mutex_lock(m));
}

CASE(priority_inheritance) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&mutex, &attributes);
    counter = 0;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(threads + i, 0, increment, 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    VALUE(counter);
}
