// madvise(2).
#include "../conformance.h"
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

CASE(discarding) {
    char *p = mmap(0, 4 * 4096, RW, PRIVATE, -1, 0);
    memset(p, 9, 4 * 4096);
    CALL(madvise(p + 4096, 8192, MADV_DONTNEED));
    note("%d %d %d %d", p[0], p[4096], p[8192], p[3 * 4096]);
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(write(fd, "file", 4) == 4);
    char *f = mmap(0, 4096, RW, MAP_PRIVATE, fd, 0);
    f[0] = 'F';
    CALL(madvise(f, 4096, MADV_DONTNEED));
    note("%.4s", f);
    char *s = mmap(0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s[0] = 5;
    CALL(madvise(s, 4096, MADV_DONTNEED));
    VALUE(s[0]);
    CALL(madvise(p, 4096, MADV_FREE));
    CHECK(p[0] == 9 || p[0] == 0);
    p[0] = 3;
    VALUE(p[0]);
}

CASE(advice_values) {
    char *p = mmap(0, 4 * 4096, RW, PRIVATE, -1, 0);
    static const int good[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD, MADV_PAGEOUT};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char label[16];
        snprintf(label, sizeof label, "advice %d", good[i]);
        NAMED(label, madvise(p, 4096, good[i]));
    }
    CALL(madvise(p, 4096, 5));
    CALL(madvise(p, 4096, 999));
    CALL(madvise(p, 4096, -1));
    CALL(madvise(p + 1, 4096, MADV_NORMAL));
    CALL(madvise(p, 0, MADV_NORMAL));
    CALL(madvise(p, -1, MADV_NORMAL));
    CALL(madvise(p, 5, MADV_DONTNEED));
    NEED(munmap(p + 4096, 4096) == 0);
    CALL(madvise(p, 4 * 4096, MADV_DONTNEED));
    CALL(madvise(p + 4096, 4096, MADV_DONTNEED));
    CALL(madvise((void *)0x800000000000, 4096, MADV_DONTNEED));
}

CASE(wipe_and_keep_from_children) {
    char *p = mmap(0, 3 * 4096, RW, PRIVATE, -1, 0);
    memset(p, 7, 3 * 4096);
    CALL(madvise(p, 4096, MADV_WIPEONFORK));
    CALL(madvise(p + 4096, 4096, MADV_DONTFORK));
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    IN_CHILD("wiped", _exit(p[0]));
    IN_CHILD("kept", _exit(p[8192]));
    IN_CHILD("not there", _exit(*(volatile char *)(p + 4096)));
    VALUE(p[0] + p[4096]);
    CALL(madvise(p, 4096, MADV_KEEPONFORK));
    IN_CHILD("kept again", _exit(p[0]));
    char *s = mmap(0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CALL(madvise(s, 4096, MADV_WIPEONFORK));
}

CASE(populating) {
    char *p = mmap(0, 4 * 4096, RW, PRIVATE, -1, 0);
    CALL(madvise(p, 4 * 4096, 22 /* MADV_POPULATE_READ */));
    CALL(madvise(p, 4 * 4096, 23 /* MADV_POPULATE_WRITE */));
    VALUE(p[0]);
}
