// What an unkind program does: churn SECONDS maps and unmaps as fast as it can; churn forks N leaves N children at once; churn crash ends
// in a fault.
#include "stress.h"

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "1";
    if (!strcmp(what, "crash")) {
        *(volatile int *volatile)(uintptr_t)argc = 1;
        return 0;
    }
    if (!strcmp(what, "forks")) {
        int n = argc > 2 ? atoi(argv[2]) : 500, made = 0, ended = 0;
        // The signal below is for this program's children only.
        setpgid(0, 0);
        for (int i = 0; i < n; i++) {
            pid_t child = fork();
            if (child == 0) {
                pause();
                _exit(0);
            }
            made += child > 0;
        }
        signal(SIGTERM, SIG_IGN);
        kill(0, SIGTERM);
        while (wait(0) > 0) ended++;
        printf("%d made, %d ended\n", made, ended);
        return made != n || ended != n;
    }
    set_duration(argc, argv);
    long rounds = 0;
    while (!is_over()) {
        char *m = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (m == MAP_FAILED) broken("mmap");
        m[rounds % (1 << 20)] = 1;
        if (munmap(m, 1 << 20)) broken("munmap");
        rounds++;
    }
    fprintf(stderr, "%ld rounds\n", rounds);
    puts("ok");
    return 0;
}
