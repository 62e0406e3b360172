// mremap(2).
#include "../conformance.h"
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(size_t pages) {
    char *p = mmap(0, pages * 4096, RW, PRIVATE, -1, 0);
    NEED(p != MAP_FAILED);
    for (size_t i = 0; i < pages; i++) p[i * 4096] = i + 1;
    return p;
}

CASE(shrinking) {
    char *p = map(4);
    CHECK(mremap(p, 4 * 4096, 2 * 4096, 0) == p);
    VALUE(p[4096]);
    CALL(mprotect(p + 8192, 4096, PROT_READ));
    CHECK(mremap(p, 2 * 4096, 2 * 4096, 0) == p);
    CHECK(mremap(p, 5000, 4096, 0) == p);
}

CASE(growing) {
    char *p = map(8);
    NEED(munmap(p + 4 * 4096, 4 * 4096) == 0);
    CHECK(mremap(p, 4 * 4096, 6 * 4096, 0) == p);
    VALUE(p[3 * 4096]);
    VALUE(p[5 * 4096]);
    char *blocker = mmap(p + 6 * 4096, 4096, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(blocker == p + 6 * 4096);
    MAPPED(mremap(p, 6 * 4096, 8 * 4096, 0));
    char *q = mremap(p, 6 * 4096, 4096 * 1000, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED);
    VALUE(q[3 * 4096]);
    VALUE(q[999 * 4096]);
    q[999 * 4096] = 1;
}

CASE(moving) {
    char *p = map(4), *target = map(8);
    char *q = mremap(p, 4 * 4096, 4 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    CHECK(q == target);
    VALUE(q[3 * 4096]);
    VALUE(q[4 * 4096]);
    CALL(mprotect(p, 4096, PROT_READ));
    MAPPED(mremap(q, 4 * 4096, 4 * 4096, MREMAP_FIXED, p));
    MAPPED(mremap(q, 4 * 4096, 4 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, q + 4096));
    MAPPED(mremap(q, 4 * 4096, 4 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p + 1));
    MAPPED(mremap(q, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x800000000000));
    q = mremap(q + 4096, 2 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p);
    CHECK(q == p);
    VALUE(p[0]);
    VALUE(target[0]);
    VALUE(target[3 * 4096]);
    char *shrunk = mremap(p, 2 * 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, target + 4096);
    CHECK(shrunk == target + 4096);
    VALUE(shrunk[0]);
}

CASE(errors) {
    char *p = map(4);
    MAPPED(mremap(p + 1, 4096, 8192, MREMAP_MAYMOVE));
    MAPPED(mremap(p, 4096, 0, MREMAP_MAYMOVE));
    MAPPED(mremap(p, 4096, 8192, 8));
    MAPPED(mremap(p, 0, 4096, MREMAP_MAYMOVE));
    MAPPED(mremap(p, 4096, -1, MREMAP_MAYMOVE));
    MAPPED(mremap(p, 4096, 1ul << 47, MREMAP_MAYMOVE));
    MAPPED(mremap((void *)0x10000, 4096, 8192, MREMAP_MAYMOVE));
    NEED(munmap(p + 4096, 4096) == 0);
    MAPPED(mremap(p, 4 * 4096, 5 * 4096, MREMAP_MAYMOVE));
    MAPPED(mremap(p, 4096, 4096, 4 | MREMAP_MAYMOVE) == p ? p : (void *)1);
}

CASE(shared) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(ftruncate(fd, 4 * 4096) == 0);
    char *p = mmap(0, 4096, RW, MAP_SHARED, fd, 4096);
    strcpy(p, "second page");
    char *q = mremap(p, 4096, 3 * 4096, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED);
    TEXT(q);
    NEED(pwrite(fd, "third page", 11, 8192) == 11);
    TEXT(q + 4096);
    char *copy = mremap(q, 0, 4096, MREMAP_MAYMOVE);
    CHECK(copy != MAP_FAILED && copy != q);
    TEXT(copy);
    strcpy(copy, "changed");
    TEXT(q);
    char *anonymous = mmap(0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    strcpy(anonymous, "anonymous");
    copy = mremap(anonymous, 0, 4096, MREMAP_MAYMOVE);
    CHECK(copy != MAP_FAILED);
    TEXT(copy);
}

CASE(realloc_pattern) {
    // What malloc does to grow a large block.
    size_t size = 1 << 17;
    char *p = malloc(size);
    for (size_t i = 0; i < size; i++) p[i] = i;
    while (size < 64 << 20) {
        p = realloc(p, size * 2);
        for (size_t i = size; i < size * 2; i += 512) p[i] = i >> 9;
        size *= 2;
    }
    size_t wrong = 0;
    for (size_t i = 0; i < 1 << 17; i++) wrong += p[i] != (char)i;
    for (size_t i = 1 << 17; i < size; i += 512) wrong += p[i] != (char)(i >> 9);
    VALUE(wrong);
}
