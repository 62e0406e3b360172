// Sixteen threads fork and wait while eight others map and unmap; children check what they inherited.
#include "stress.h"

static long forks, maps;
static char *witness;

static void *forker(void *argument) {
    while (!is_over()) {
        pid_t child = fork();
        if (child < 0) {
            if (errno == EAGAIN || errno == ENOMEM) {
                usleep(1000);
                continue;
            }
            broken("fork");
        }
        if (child == 0) {
            for (int i = 0; i < 64; i++)
                if (witness[i * 4096] != (char)(i + 1)) _exit(2);
            witness[0] = 99;
            char *m = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (m == MAP_FAILED) _exit(3);
            m[0] = 1, m[4096] = 2;
            _exit(munmap(m, 8192) ? 4 : 7);
        }
        int status;
        while (waitpid(child, &status, 0) < 0)
            if (errno != EINTR) broken("waitpid");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) broken("child ended with %#x", status);
        __atomic_add_fetch(&forks, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

static void *mapper(void *argument) {
    uint64_t state = 12345 + (intptr_t)argument;
    while (!is_over()) {
        size_t size = (next_random(&state) % 32 + 1) * 4096;
        char *m = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (m == MAP_FAILED) broken("mmap");
        memset(m, (int)state, size);
        if (mprotect(m, size, PROT_READ)) broken("mprotect");
        if (m[size - 1] != (char)state) broken("a page changed");
        if (munmap(m, size)) broken("munmap");
        __atomic_add_fetch(&maps, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

int main(int argc, char **argv) {
    set_duration(argc, argv);
    witness = mmap(0, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 64; i++) witness[i * 4096] = i + 1;
    pthread_t threads[24];
    for (intptr_t i = 0; i < 24; i++)
        if (pthread_create(threads + i, 0, i < 16 ? forker : mapper, (void *)i)) broken("pthread_create");
    for (int i = 0; i < 24; i++) pthread_join(threads[i], 0);
    if (witness[0] != 1) broken("a child wrote into its parent");
    fprintf(stderr, "%ld forks, %ld maps\n", forks, maps);
    puts("ok");
    return forks < 16 || maps < 8;
}
