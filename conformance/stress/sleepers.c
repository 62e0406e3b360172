// What getpid costs with N threads asleep, against none: sleepers SECONDS N. Prints `ok` and, to standard error, the ratio.
#include "stress.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int go, asleep;
static int pipes[2];

static void *sleeper(void *kind) {
    __atomic_add_fetch(&asleep, 1, __ATOMIC_SEQ_CST);
    switch ((intptr_t)kind % 4) {
    case 0:
        pthread_mutex_lock(&mutex);
        while (!go) pthread_cond_wait(&condition, &mutex);
        pthread_mutex_unlock(&mutex);
        break;
    case 1: {
        struct timespec t = {1000, 0};
        while (!go) nanosleep(&t, 0);
        break;
    }
    case 2: {
        struct pollfd p = {pipes[0], POLLIN, 0};
        poll(&p, 1, -1);
        break;
    }
    default: {
        char c;
        read(pipes[0], &c, 1);
    }
    }
    return 0;
}

// The median of many short runs, in nanoseconds a call.
static double cost(void) {
    enum { RUNS = 101, CALLS = 300 };
    static double runs[RUNS];
    for (int r = 0; r < RUNS; r++) {
        int64_t start = now_ns();
        for (int i = 0; i < CALLS; i++) syscall(SYS_getpid);
        runs[r] = (double)(now_ns() - start) / CALLS;
    }
    for (int i = 1; i < RUNS; i++)
        for (int k = i; k > 0 && runs[k] < runs[k - 1]; k--) {
            double t = runs[k];
            runs[k] = runs[k - 1], runs[k - 1] = t;
        }
    return runs[RUNS / 2];
}

int main(int argc, char **argv) {
    set_duration(argc, argv);
    int n = argc > 2 ? atoi(argv[2]) : 2000;
    double limit = argc > 3 ? atof(argv[3]) : 1.2;
    if (pipe(pipes)) broken("pipe");
    cost();
    double before = cost();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384 + 4096);
    pthread_attr_setguardsize(&attributes, 0);
    for (intptr_t i = 0; i < n; i++) {
        pthread_t t;
        int error = pthread_create(&t, &attributes, sleeper, (void *)i);
        if (error) {
            errno = error;
            broken("thread %ld", (long)i);
        }
    }
    while (__atomic_load_n(&asleep, __ATOMIC_SEQ_CST) < n) usleep(1000);
    usleep(500000);
    // The machine drifts: several tries, the best ratio counts, each against a fresh figure of its own kind.
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        double after = cost();
        if (after / before < best) best = after / before;
        if (best <= limit) break;
        usleep(200000);
    }
    fprintf(stderr, "%d asleep: getpid %.0f ns with none, ratio %.2f\n", n, before, best);
    if (best > limit) broken("ratio %.2f is more than %.2f", best, limit);
    puts("ok");
    fflush(stdout);
    // All of them end with the process.
    return 0;
}
