// mmap(2), munmap(2), mprotect(2), brk(2), msync(2), mlock(2), mincore(2): placement, errors, what the pages hold.
#include "../conformance.h"
#include <setjmp.h>

#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)

static sigjmp_buf back;
static void jump(int s) { siglongjmp(back, s); }

// Whether the byte can be read: 1, or 0 for SIGSEGV, 2 for SIGBUS.
static int readable(volatile char *p) {
    signal(SIGSEGV, jump), signal(SIGBUS, jump);
    int s = sigsetjmp(back, 1);
    if (s == 0) {
        (void)*p;
        return 1;
    }
    return s == SIGSEGV ? 0 : 2;
}
static int writable(volatile char *p) {
    signal(SIGSEGV, jump), signal(SIGBUS, jump);
    int s = sigsetjmp(back, 1);
    if (s == 0) {
        *p = *p;
        return 1;
    }
    return s == SIGSEGV ? 0 : 2;
}

CASE(errors) {
    make_file("f", "hello");
    int r = open("f", O_RDONLY), w = open("f", O_WRONLY), rw = open("f", O_RDWR), d = open(".", O_RDONLY), fds[2];
    NEED(pipe(fds) == 0);
    MAPPED(mmap(0, 0, RW, PRIVATE, -1, 0));
    MAPPED(mmap(0, -1, RW, PRIVATE, -1, 0));
    MAPPED(mmap(0, 1ul << 47, RW, PRIVATE | MAP_NORESERVE, -1, 0));
    MAPPED(mmap(0, (size_t)-4096, RW, PRIVATE, -1, 0));
    MAPPED(mmap(0, 4096, RW, MAP_ANONYMOUS, -1, 0));
    MAPPED(mmap(0, 4096, RW, MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | 0x10, -1, 0));
    MAPPED(mmap(0, 4096, RW, MAP_PRIVATE, -1, 0));
    MAPPED(mmap(0, 4096, RW, MAP_PRIVATE, 99, 0));
    MAPPED(mmap(0, 4096, RW, MAP_SHARED, r, 0));
    MAPPED(mmap(0, 4096, RW, MAP_PRIVATE, r, 0));
    MAPPED(mmap(0, 4096, PROT_READ, MAP_SHARED, w, 0));
    MAPPED(mmap(0, 4096, PROT_READ, MAP_PRIVATE, w, 0));
    MAPPED(mmap(0, 4096, RW, MAP_SHARED, rw, 0));
    MAPPED(mmap(0, 4096, PROT_READ, MAP_PRIVATE, d, 0));
    MAPPED(mmap(0, 4096, PROT_READ, MAP_PRIVATE, fds[0], 0));
    MAPPED(mmap(0, 4096, RW, MAP_PRIVATE, rw, 1));
    MAPPED(mmap(0, 4096, RW, MAP_PRIVATE, rw, 4095));
    MAPPED((void *)syscall(SYS_mmap, 0, 4096, RW, MAP_PRIVATE, rw, -4096));
    MAPPED((void *)syscall(SYS_mmap, 0, 8192, RW, MAP_PRIVATE, rw, 0x7ffffffffffff000));
    MAPPED(mmap((void *)1, 4096, RW, PRIVATE | MAP_FIXED, -1, 0));
    MAPPED(mmap((void *)0, 4096, RW, PRIVATE | MAP_FIXED, -1, 0) == 0 ? 0 : MAP_FAILED);
    MAPPED(mmap((void *)0x800000000000, 4096, RW, PRIVATE | MAP_FIXED, -1, 0));
    MAPPED(mmap((void *)0xffff800000000000, 4096, RW, PRIVATE | MAP_FIXED, -1, 0));
    MAPPED(mmap((void *)0x7ffffffff000, 4096, RW, PRIVATE | MAP_FIXED, -1, 0));
    MAPPED(mmap((void *)-4096, 8192, RW, PRIVATE | MAP_FIXED, -1, 0));
    MAPPED(mmap(0, 4096, RW, MAP_SHARED_VALIDATE | 0x800000, rw, 0));
    MAPPED(mmap(0, 4096, RW, 0x3 | MAP_SYNC, rw, 0));
}

CASE(stub_range_is_not_ours) {
    // Natively these addresses are free. Inside they are nobody's: the calls must fail cleanly or find another place.
    char *p = mmap(STUB_CODE, 4096, RW, PRIVATE, -1, 0);
    CHECK(p != MAP_FAILED && writable(p));
    SURVIVES(mmap(STUB_SLOTS, 4096, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0));
    SURVIVES(mprotect(STUB_SLOTS, 1 << 20, PROT_NONE));
    SURVIVES(munmap(STUB_SLOTS, 1 << 20));
    SURVIVES(munmap(STUB_CODE, 4096));
    SURVIVES(madvise(STUB_SLOTS, 1 << 20, MADV_DONTNEED));
    SURVIVES(mremap(STUB_SLOTS, 4096, 8192, MREMAP_MAYMOVE));
    SURVIVES(munmap((void *)0x7ff000000000, 0xf000000000));
    getppid();
    CHECK(writable(malloc(1)));
}

CASE(contents) {
    char *p = mmap(0, 3 * 4096, RW, PRIVATE, -1, 0);
    int sum = 0;
    for (int i = 0; i < 3 * 4096; i++) sum |= p[i];
    VALUE(sum);
    CHECK((uintptr_t)p % 4096 == 0);
    memset(p, 7, 3 * 4096);
    CALL(munmap(p + 4096, 4096));
    VALUE(readable(p));
    VALUE(readable(p + 4096));
    VALUE(readable(p + 8192));
    CHECK(mmap(p + 4096, 4096, RW, PRIVATE | MAP_FIXED, -1, 0) == p + 4096);
    VALUE(p[4096]);
    VALUE(p[8192]);
    CHECK(mmap(p, 3 * 4096, RW, PRIVATE | MAP_FIXED, -1, 0) == p);
    VALUE(p[0] + p[8192]);
    CALL(munmap(p, 3 * 4096));
    VALUE(readable(p));
}

CASE(fixed_without_replacing) {
    char *p = mmap(0, 4 * 4096, RW, PRIVATE, -1, 0);
    NEED(munmap(p + 4096, 4096) == 0);
    MAPPED(mmap(p, 4096, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0));
    MAPPED(mmap(p, 2 * 4096, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0));
    CHECK(mmap(p + 4096, 4096, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == p + 4096);
    NEED(munmap(p + 4096, 4096) == 0);
    CHECK(mmap(p + 4096, 4096, RW, PRIVATE, -1, 0) == p + 4096);
    CHECK(mmap(p + 4096, 4096, RW, PRIVATE, -1, 0) != p + 4096);
}

CASE(unmapping) {
    char *p = mmap(0, 4 * 4096, RW, PRIVATE, -1, 0);
    CALL(munmap(p + 1, 4096));
    CALL(munmap(p, 0));
    CALL(munmap(p, -4096));
    CALL(munmap(p, 5000));
    VALUE(readable(p + 4096));
    VALUE(readable(p + 8192));
    CALL(munmap(p, 4 * 4096));
    CALL(munmap(p, 4 * 4096));
    CALL(munmap((void *)0x800000000000, 4096));
    CALL(munmap((void *)-4096, 4096));
    CALL(munmap((void *)0x10000, 4096));
}

CASE(protection) {
    char *p = mmap(0, 4 * 4096, RW, PRIVATE, -1, 0);
    CALL(mprotect(p + 4096, 4096, PROT_READ));
    note("%d%d %d%d", readable(p), writable(p), readable(p + 4096), writable(p + 4096));
    CALL(mprotect(p, 4 * 4096, PROT_NONE));
    note("%d%d", readable(p), writable(p + 4096));
    CALL(mprotect(p, 4 * 4096, PROT_WRITE));
    note("%d%d", readable(p), writable(p + 4096));
    CALL(mprotect(p, 0, PROT_READ));
    CALL(mprotect(p + 1, 4096, PROT_READ));
    CALL(mprotect(p, -1, PROT_READ));
    CALL(mprotect(p, 4096, 0x100));
    CALL(mprotect(p, 4096, PROT_GROWSDOWN | PROT_GROWSUP));
    CALL(mprotect(p, 4096, PROT_GROWSDOWN));
    NEED(munmap(p + 8192, 4096) == 0);
    CALL(mprotect(p, 4 * 4096, PROT_READ));
    note("before the hole: %d %d", writable(p), writable(p + 4096));
    CALL(mprotect(p + 8192, 4096, PROT_READ));
    CALL(mprotect((void *)0x800000000000, 4096, PROT_READ));
    make_file("f", "hello");
    int fd = open("f", O_RDONLY);
    p = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    CALL(mprotect(p, 4096, RW));
    p = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    CALL(mprotect(p, 4096, RW));
    VALUE(writable(p));
}

CASE(executable_memory) {
    unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    unsigned char *p = mmap(0, 4096, RW, PRIVATE, -1, 0);
    memcpy(p, code, sizeof code);
    CALL(mprotect(p, 4096, PROT_READ | PROT_EXEC));
    VALUE(((int (*)(void))p)());
    p = mmap(0, 4096, RW | PROT_EXEC, PRIVATE, -1, 0);
    memcpy(p, code, sizeof code);
    VALUE(((int (*)(void))p)());
    p[1] = 43;
    VALUE(((int (*)(void))p)());
}

CASE(private_files) {
    char data[4] = "";
    make_file("f", "hello world");
    int fd = open("f", O_RDWR);
    char *p = mmap(0, 8192, RW, MAP_PRIVATE, fd, 0);
    note("%.11s", p);
    VALUE(p[11]);
    VALUE(readable(p + 4096));
    memcpy(p, "HELLO", 5);
    NEED(pread(fd, data, 3, 0) == 3);
    TEXT(data);
    NEED(pwrite(fd, "WORLD", 5, 6) == 5);
    note("after copy: %.5s", p);
    char *q = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    note("fresh: %.11s", q);
    close(fd);
    note("closed: %.5s", p);
    NEED(unlink("f") == 0);
    note("unlinked: %.11s", q);
    IN_CHILD("child", note("%.5s %.11s", p, q); p[0] = 'J');
    note("%.5s", p);
}

CASE(shared_files) {
    char data[16] = "";
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(ftruncate(fd, 8192) == 0);
    char *p = mmap(0, 8192, RW, MAP_SHARED, fd, 0), *q = mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
    strcpy(p, "through the map");
    NEED(pread(fd, data, 15, 0) == 15);
    TEXT(data);
    TEXT(q);
    NEED(pwrite(fd, "THROUGH", 7, 0) == 7);
    TEXT(p);
    IN_CHILD("child", strcpy(p + 4096, "from the child"));
    TEXT(q + 4096);
    CALL(msync(p, 8192, MS_SYNC));
    CALL(msync(p, 8192, MS_ASYNC));
    CALL(msync(p, 8192, MS_SYNC | MS_ASYNC));
    CALL(msync(p, 8192, 8));
    CALL(msync(p + 1, 4096, MS_SYNC));
    char *second = mmap(0, 4096, RW, MAP_SHARED, fd, 4096);
    TEXT(second);
    NEED(munmap(p, 8192) == 0);
    CALL(msync(p, 8192, MS_SYNC));
    strcpy(second, "still");
    TEXT(q + 4096);
    int other = open("f", O_RDWR);
    char *third = mmap(0, 8192, RW, MAP_SHARED, other, 0);
    strcpy(third, "other description");
    TEXT(q);
    char large[8192];
    CALL(read(fd, large, sizeof large));
    CHECK(!memcmp(large, third, 8192));
}

CASE(shared_anonymous) {
    int *p = mmap(0, 1 << 20, RW, SHARED, -1, 0);
    CHECK(p != MAP_FAILED);
    p[0] = 1;
    IN_CHILD("child", p[0] = 2; p[(1 << 18) - 1] = 3; IN_CHILD("grandchild", p[1] = 4));
    VALUE(p[0]);
    VALUE(p[1]);
    VALUE(p[(1 << 18) - 1]);
    CALL(munmap(p, 4096));
    VALUE(p[(1 << 18) - 1]);
    char *zero = mmap(0, 4096, RW, MAP_SHARED, open("/dev/zero", O_RDWR), 0);
    CHECK(zero != MAP_FAILED);
    IN_CHILD("child", zero[0] = 5);
    VALUE(zero[0]);
    zero = mmap(0, 4096, RW, MAP_PRIVATE, open("/dev/zero", O_RDONLY), 0);
    IN_CHILD("child", zero[0] = 5);
    VALUE(zero[0]);
}

CASE(reading_own_mapping) {
    // The buffer of a read is a map of the file that is read.
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(ftruncate(fd, 8192) == 0);
    char *p = mmap(0, 8192, RW, MAP_SHARED, fd, 0);
    strcpy(p, "abc");
    CALL(pread(fd, p + 100, 4, 0));
    TEXT(p + 100);
    CALL(pwrite(fd, p, 4, 4096));
    TEXT(p + 4096);
    CALL(write(fd, p + 4096, 4));
    // The buffer lies past the end of the file that backs it.
    char *past = mmap(0, 3 * 4096, RW, MAP_SHARED, fd, 0);
    CALL(pread(fd, past + 8192, 4, 0));
    CALL(pwrite(fd, past + 8192, 4, 0));
}

CASE(program_break) {
    char *start = sbrk(0);
    CHECK(sbrk(8192) == start);
    start[0] = 1, start[8191] = 2;
    CHECK((char *)sbrk(0) == start + 8192);
    CHECK(brk(start + 4096) == 0);
    CHECK(brk(start + 8192) == 0);
    VALUE(start[8191]);
    CHECK((char *)syscall(SYS_brk, 0) == start + 8192);
    CHECK((char *)syscall(SYS_brk, 1) == start + 8192);
    CHECK((char *)syscall(SYS_brk, -1l) == start + 8192);
    CHECK((char *)syscall(SYS_brk, 0x7ffe10000000) == start + 8192);
    CHECK((char *)syscall(SYS_brk, start + 100) == start + 100);
    struct rlimit limit = {1 << 20, 1 << 20};
    NEED(setrlimit(RLIMIT_DATA, &limit) == 0);
    CHECK(sbrk(16 << 20) == (void *)-1);
    VALUE(errno == ENOMEM);
}

CASE(residency) {
    unsigned char vector[4];
    char *p = mmap(0, 4 * 4096, RW, PRIVATE, -1, 0);
    p[0] = 1, p[8192] = 1;
    CALL(mincore(p, 4 * 4096, vector));
    note("%d %d", vector[0] & 1, vector[2] & 1);
    CALL(mincore(p + 1, 4096, vector));
    CALL(mincore(p, 4096, STUB_SLOTS));
    NEED(munmap(p + 4096, 4096) == 0);
    CALL(mincore(p, 4 * 4096, vector));
    CALL(mincore(p, 0, vector));
}

CASE(locking) {
    char *p = mmap(0, 4 * 4096, RW, PRIVATE, -1, 0);
    CALL(mlock(p, 4 * 4096));
    CALL(munlock(p, 4 * 4096));
    CALL(mlock(p, 0));
    CALL(mlock(p, -1));
    NEED(munmap(p + 4096, 4096) == 0);
    CALL(mlock(p, 4 * 4096));
    CALL(syscall(SYS_mlock2, p, 4096, 8));
    CALL(syscall(SYS_mlock2, p, 4096, 1));
    CALL(mlockall(0));
    CALL(mlockall(8));
    CALL(munlockall());
}

CASE(populate_and_others) {
    char *p = mmap(0, 1 << 20, RW, PRIVATE | MAP_POPULATE, -1, 0);
    CHECK(p != MAP_FAILED && writable(p + 99999));
    p = mmap(0, 1 << 20, RW, PRIVATE | MAP_NORESERVE | MAP_STACK, -1, 0);
    CHECK(p != MAP_FAILED && writable(p));
    p = mmap(0, 1ul << 36, PROT_NONE, PRIVATE | MAP_NORESERVE, -1, 0);
    CHECK(p != MAP_FAILED);
    CALL(mprotect(p + (1ul << 35), 4096, RW));
    VALUE(writable(p + (1ul << 35)));
    CALL(munmap(p, 1ul << 36));
    p = mmap(0, 4096, RW, PRIVATE | MAP_32BIT, -1, 0);
    CHECK((uintptr_t)p < 1ul << 32);
    char *hint = (char *)0x123456789000;
    p = mmap(hint, 4096, RW, PRIVATE, -1, 0);
    CHECK(p == hint);
    p = mmap(hint + 4096 + 77, 4096, RW, PRIVATE, -1, 0);
    CHECK(p == hint + 4096);
    make_file("f", "text");
    int fd = open("f", O_RDONLY);
    p = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED, fd, 0);
    CHECK(p != MAP_FAILED);
    struct rlimit limit = {64 << 20, 64 << 20};
    NEED(setrlimit(RLIMIT_AS, &limit) == 0);
    MAPPED(mmap(0, 128 << 20, RW, PRIVATE, -1, 0));
    CHECK(mmap(0, 1 << 20, RW, PRIVATE, -1, 0) != MAP_FAILED);
}

CASE(growing_down) {
    char *p = mmap(0, 64 * 4096, RW, PRIVATE, -1, 0);
    NEED(munmap(p, 64 * 4096) == 0);
    char *g = mmap(p + 32 * 4096, 4096, RW, PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
    CHECK(g == p + 32 * 4096);
    VALUE(writable(g));
}

CASE(many_areas) {
    // Every other page of one map, then back again: areas split and merge.
    int n = 2000;
    char *p = mmap(0, n * 4096l, RW, PRIVATE, -1, 0);
    for (int i = 0; i < n; i++) p[i * 4096l] = i;
    int failures = 0;
    for (int i = 0; i < n; i += 2) failures += mprotect(p + i * 4096l, 4096, PROT_READ) != 0;
    for (int i = 0; i < n; i += 100) failures += writable(p + i * 4096l) != 0 || writable(p + (i + 1) * 4096l) != 1;
    failures += mprotect(p, n * 4096l, RW) != 0;
    for (int i = 0; i < n; i++) failures += p[i * 4096l] != (char)i;
    for (int i = 0; i < n; i += 2) failures += munmap(p + i * 4096l, 4096) != 0;
    for (int i = 1; i < n; i += 2) failures += p[i * 4096l] != (char)i;
    for (int i = 0; i < n; i += 2) failures += mmap(p + i * 4096l, 4096, RW, PRIVATE | MAP_FIXED, -1, 0) != p + i * 4096l;
    for (int i = 0; i < n; i++) failures += p[i * 4096l] != (i & 1 ? (char)i : 0);
    failures += munmap(p, n * 4096l) != 0;
    VALUE(failures);
}

CASE(area_limit) {
    // Past the machine's limit of areas: ENOMEM, and the process goes on.
    long n = 140000, made = 0;
    char *p = mmap(0, n * 4096, PROT_NONE, PRIVATE | MAP_NORESERVE, -1, 0);
    NEED(p != MAP_FAILED);
    for (long i = 0; i < n; i += 2, made++)
        if (mprotect(p + i * 4096, 4096, PROT_READ)) break;
    note("%s", made == n / 2 ? "no limit" : error_name(errno));
    CHECK(made > 20000);
    CALL(munmap(p, n * 4096));
    CHECK(mmap(0, 4096, RW, PRIVATE, -1, 0) != MAP_FAILED);
}

CASE(maps_file) {
    FILE *f = fopen("/proc/self/maps", "r");
    NEED(f);
    char line[512];
    int lines = 0, stack = 0, text = 0, ordered = 1;
    unsigned long last = 0, from, to;
    while (fgets(line, sizeof line, f)) {
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3) continue;
        lines++;
        ordered &= from >= last && to > from;
        if (to < 0xffff000000000000) last = to;
        stack += strstr(line, "[stack]") != 0;
        text += !strcmp(mode, "r-xp") && strstr(line, "mmap_basic") != 0;
    }
    fclose(f);
    CHECK(lines > 5);
    CHECK(ordered);
    VALUE(stack);
    VALUE(text);
}
