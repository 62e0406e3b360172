// Eight threads map, unmap, protect and move; each keeps a list of its own pages and checks that nobody else changed them.
#include "stress.h"

enum { THREADS = 8, AREAS = 24 };
struct area {
    char *start;
    size_t pages;
    unsigned char fill;
    int protection;
};
static long operations;

static void check(struct area *a, int thread) {
    if (a->protection == PROT_NONE) return;
    for (size_t i = 0; i < a->pages; i++)
        for (int at = 0; at < 4096; at += 1365)
            if ((unsigned char)a->start[i * 4096 + at] != a->fill)
                broken("thread %d: page %zu of %zu holds %d, not %d", thread, i, a->pages, (unsigned char)a->start[i * 4096 + at], a->fill);
}

static void *body(void *argument) {
    int thread = (int)(intptr_t)argument;
    uint64_t state = 88172645463325252ull + thread * 7919;
    struct area areas[AREAS] = {0};
    while (!is_over()) {
        struct area *a = &areas[next_random(&state) % AREAS];
        unsigned choice = next_random(&state) % 10;
        __atomic_add_fetch(&operations, 1, __ATOMIC_RELAXED);
        if (!a->start) {
            a->pages = next_random(&state) % 16 + 1;
            a->fill = next_random(&state) % 255 + 1;
            a->protection = PROT_READ | PROT_WRITE;
            a->start = mmap(0, a->pages * 4096, a->protection, MAP_ANONYMOUS | (choice & 1 ? MAP_PRIVATE : MAP_SHARED), -1, 0);
            if (a->start == MAP_FAILED) broken("thread %d: mmap", thread);
            for (size_t i = 0; i < a->pages; i++)
                if (a->start[i * 4096]) broken("thread %d: a new page is not zero", thread);
            memset(a->start, a->fill, a->pages * 4096);
        } else if (choice < 3) {
            check(a, thread);
            if (munmap(a->start, a->pages * 4096)) broken("thread %d: munmap", thread);
            a->start = 0;
        } else if (choice < 7) {
            static const int protections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};
            check(a, thread);
            a->protection = protections[choice - 3];
            if (mprotect(a->start, a->pages * 4096, a->protection)) broken("thread %d: mprotect", thread);
            check(a, thread);
        } else if (choice == 7 && a->pages > 1) {
            check(a, thread);
            if (munmap(a->start + (a->pages - 1) * 4096, 4096)) broken("thread %d: munmap of the last page", thread);
            a->pages--;
        } else if (choice == 8 && a->protection == (PROT_READ | PROT_WRITE)) {
            char *moved = mremap(a->start, a->pages * 4096, a->pages * 4096 + 4096, MREMAP_MAYMOVE);
            if (moved != MAP_FAILED) {
                a->start = moved;
                // A shared area has no page behind its end: it stays as long as it was.
                if (munmap(moved + a->pages * 4096, 4096)) broken("thread %d: munmap after mremap", thread);
            } else if (errno != ENOMEM) broken("thread %d: mremap", thread);
            check(a, thread);
        } else if (a->protection == (PROT_READ | PROT_WRITE)) {
            check(a, thread);
            a->fill = next_random(&state) % 255 + 1;
            memset(a->start, a->fill, a->pages * 4096);
        } else
            check(a, thread);
    }
    return 0;
}

int main(int argc, char **argv) {
    set_duration(argc, argv);
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(threads + i, 0, body, (void *)i)) broken("pthread_create");
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
    fprintf(stderr, "%ld operations\n", operations);
    puts("ok");
    return operations < 100;
}
