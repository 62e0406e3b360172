// read, write, pread, pwrite, readv, writev, preadv, pwritev and their second versions, on regular files.
#include "../conformance.h"

CASE(positions) {
    char text[32] = "";
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    CALL(write(fd, "hello world", 11));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(read(fd, text, 4));
    CALL(lseek(fd, 6, SEEK_SET));
    CALL(read(fd, text, 32));
    TEXT(text);
    CALL(read(fd, text, 32));
    CALL(pread(fd, text, 5, 0));
    TEXT(text);
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(pwrite(fd, "W", 1, 6));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(pread(fd, text, 32, 6));
    CALL(pread(fd, text, 32, 11));
    CALL(pread(fd, text, 32, 12));
    CALL(pread(fd, text, 32, -1));
    CALL(pwrite(fd, text, 1, -1));
    CALL(pread(fd, text, 1, INT64_MAX));
    CALL(read(fd, text, 0));
    CALL(write(fd, text, 0));
    CALL(read(-1, text, 1));
    CALL(write(-1, text, 1));
    CALL(read(fd, 0, 0));
    CALL(read(99, 0, 0));
}

CASE(seeking) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    struct stat st;
    CALL(lseek(fd, 100, SEEK_SET));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL(write(fd, "x", 1));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL(lseek(fd, -1, SEEK_SET));
    CALL(lseek(fd, -102, SEEK_CUR));
    CALL(lseek(fd, -101, SEEK_CUR));
    CALL(lseek(fd, 10, SEEK_END));
    CALL(lseek(fd, -112, SEEK_END));
    CALL(lseek(fd, INT64_MAX, SEEK_SET));
    CALL(lseek(fd, 1, SEEK_CUR));
    CALL(lseek(fd, INT64_MAX, SEEK_END));
    CALL(lseek(fd, 0, 5));
    CALL(lseek(fd, 0, 99));
    CALL(lseek(fd, 0, -1));
    CALL(lseek(fd, 50, SEEK_DATA));
    CALL(lseek(fd, 200, SEEK_DATA));
    CALL(lseek(fd, 200, SEEK_HOLE));
    CALL(lseek(fd, -1, SEEK_HOLE));
    CALL(lseek(fd, 100, SEEK_HOLE));
    CALL(lseek(99, 0, SEEK_SET));
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(lseek(fds[0], 0, SEEK_CUR));
    CALL(lseek(fds[0], 0, 99));
    char c;
    CALL(pread(fds[0], &c, 1, 0));
    CALL(pwrite(fds[1], &c, 1, 0));
    CALL(pread(fds[0], &c, 1, -1));
    char zero[101];
    CALL(pread(fd, zero, 101, 0));
    int sum = 0;
    for (int i = 0; i < 100; i++) sum += zero[i];
    VALUE(sum);
}

CASE(bad_buffers) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(write(fd, "0123456789", 10) == 10);
    for (size_t i = 0; i < BAD_POINTERS; i++) {
        char label[64];
        lseek(fd, 0, SEEK_SET);
        snprintf(label, sizeof label, "read into %s", bad_pointer_name(i));
        NAMED(label, syscall(SYS_read, fd, bad_pointers[i], 10ul));
        snprintf(label, sizeof label, "write from %s", bad_pointer_name(i));
        NAMED(label, syscall(SYS_write, fd, bad_pointers[i], 10ul));
        // The stub's range is user space natively: a transfer of nothing is no fault there.
        snprintf(label, sizeof label, "nothing into %s", bad_pointer_name(i));
        if (bad_pointers[i] != STUB_CODE && bad_pointers[i] != STUB_SLOTS) NAMED(label, syscall(SYS_read, fd, bad_pointers[i], 0ul));
        snprintf(label, sizeof label, "position after %s", bad_pointer_name(i));
        NAMED(label, lseek(fd, 0, SEEK_CUR));
    }
    char c;
    CALL(syscall(SYS_read, fd, &c, -1l));
    CALL(syscall(SYS_write, fd, &c, -1l));
    CALL(syscall(SYS_write, fd, &c, (1l << 63)));
    CALL(syscall(SYS_pread64, fd, &c, -1l, 0l));
    lseek(fd, 0, SEEK_END);
    SURVIVES(syscall(SYS_read, fd, STUB_CODE, 10ul));
    CALL(syscall(SYS_read, fd, (void *)8, 10ul));
    CALL(lseek(fd, 0, SEEK_END));
}

CASE(at_the_edge_of_memory) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    char *edge = before_edge(8);
    memcpy(edge, "abcdefgh", 8);
    CALL(write(fd, edge, 8));
    CALL(write(fd, edge, 16));
    struct stat st;
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL(lseek(fd, 0, SEEK_SET));
    memset(edge, 0, 8);
    CALL(read(fd, edge, 8));
    CHECK(!memcmp(edge, "abcdefgh", 8));
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(ftruncate(fd, 16));
    CALL(read(fd, edge, 16));
    CALL(lseek(fd, 0, SEEK_CUR));
}

CASE(read_only_buffer) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(write(fd, "0123456789", 10) == 10);
    char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CALL(pread(fd, page, 10, 0));
    CALL(pwrite(fd, page, 10, 0));
    NEED(mprotect(page, 4096, PROT_NONE) == 0);
    CALL(pwrite(fd, page, 10, 0));
    NEED(mprotect(page, 4096, PROT_WRITE) == 0);
    CALL(pread(fd, page, 10, 0));
    NEED(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
    CALL(pread(fd, page, 10, 0));
    CALL(munmap(page, 4096));
    CALL(pread(fd, page, 10, 0));
}

CASE(vectors) {
    char a[4] = "", b[8] = "", c[16] = "";
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    struct iovec w[] = {{"one", 3}, {"", 0}, {"three", 5}, {0, 0}, {"!", 1}};
    CALL(writev(fd, w, 5));
    CALL(lseek(fd, 0, SEEK_SET));
    struct iovec r[] = {{a, 3}, {b, 5}, {c, 16}};
    CALL(readv(fd, r, 3));
    TEXT(a);
    TEXT(b);
    TEXT(c);
    CALL(readv(fd, r, 3));
    CALL(writev(fd, w, 0));
    CALL(readv(fd, r, 0));
    CALL(writev(fd, w, -1));
    CALL(writev(fd, w, 1025));
    CALL(readv(fd, r, 1025));
    CALL(writev(fd, 0, 0));
    CALL(writev(fd, 0, 1));
    CALL(writev(fd, STUB_SLOTS, 1));
    CALL(readv(99, r, 1));
    CALL(preadv(fd, r, 3, 3));
    TEXT(a);
    CALL(preadv(fd, r, 3, -1));
    CALL(pwritev(fd, w, 5, 100));
    CALL(lseek(fd, 0, SEEK_END));
    CALL(pwritev(fd, w, 5, -5));
    struct iovec too_long[] = {{a, 1}, {b, SSIZE_MAX}};
    CALL(writev(fd, too_long, 2));
    struct iovec negative[] = {{a, 1}, {b, (size_t)-1}};
    CALL(writev(fd, negative, 2));
    CALL(readv(fd, negative, 2));
    struct iovec first_negative[] = {{b, (size_t)1 << 63}, {a, 1}};
    CALL(readv(fd, first_negative, 2));
}

CASE(many_vectors) {
    static struct iovec v[1024];
    static char data[1024], back[1024];
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 1024; i++) {
        data[i] = i * 7;
        v[i] = (struct iovec){data + i, 1};
    }
    CALL(writev(fd, v, 1024));
    CALL(pread(fd, back, 1024, 0));
    CHECK(!memcmp(data, back, 1024));
    memset(data, 0, sizeof data);
    CALL(preadv(fd, v, 1024, 0));
    CHECK(!memcmp(data, back, 1024));
}

CASE(second_versions) {
    char text[8] = "";
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    struct iovec v = {"abcdef", 6}, r = {text, 7};
    CALL(pwritev2(fd, &v, 1, -1, 0));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(pwritev2(fd, &v, 1, 2, RWF_SYNC));
    CALL(pwritev2(fd, &v, 1, 0, RWF_APPEND));
    CALL(lseek(fd, 0, SEEK_END));
    CALL(preadv2(fd, &r, 1, 0, 0));
    TEXT(text);
    CALL(preadv2(fd, &r, 1, -2, 0));
    CALL(preadv2(fd, &r, 1, 0, 0x40000000));
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(preadv2(fd, &r, 1, -1, RWF_HIPRI));
    CALL(lseek(fd, 0, SEEK_CUR));
}

CASE(big_transfers) {
    size_t size = 3 << 20;
    unsigned char *a = malloc(size), *b = malloc(size);
    for (size_t i = 0; i < size; i++) a[i] = i * 2654435761u >> 13;
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    CALL(write(fd, a, size));
    CALL(pread(fd, b, size, 0));
    CHECK(!memcmp(a, b, size));
    for (size_t at = 1; at < size; at += 65537) {
        size_t n = at * 31 % 9000 + 1;
        if (at + n > size) n = size - at;
        memset(b, 0, n);
        if (pread(fd, b, n, at) != (ssize_t)n || memcmp(a + at, b, n)) note("wrong at %zu", at);
    }
    for (size_t at = 3; at + 20000 < size; at += 99991) {
        memset(a + at, at & 255, 17001);
        if (pwrite(fd, a + at, 17001, at) != 17001) note("short at %zu", at);
    }
    CALL(pread(fd, b, size, 0));
    CHECK(!memcmp(a, b, size));
    CALL(lseek(fd, 5 << 20, SEEK_SET));
    CALL(write(fd, "end", 3));
    CALL(pread(fd, b, size, 3 << 20));
    size_t nonzero = 0;
    for (size_t i = 0; i < (2 << 20); i++) nonzero += b[i] != 0;
    VALUE(nonzero);
}

CASE(file_size_limit) {
    struct rlimit limit = {10000, 10000};
    NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    char *data = calloc(1, 20000);
    signal(SIGXFSZ, SIG_IGN);
    CALL(write(fd, data, 6000));
    CALL(write(fd, data, 6000));
    CALL(write(fd, data, 6000));
    CALL(pwrite(fd, data, 1, 10000));
    CALL(ftruncate(fd, 10001));
    CALL(ftruncate(fd, 10000));
    signal(SIGXFSZ, SIG_DFL);
    IN_CHILD("write past the limit", write(fd, data, 1));
    IN_CHILD("truncate past the limit", if (ftruncate(fd, 20000)) _exit(1));
}

CASE(shared_offsets) {
    int fd = open("f", O_RDWR | O_CREAT, 0600), copy = dup(fd), other = open("f", O_RDWR);
    CALL(write(fd, "0123456789", 10));
    CALL(lseek(copy, 0, SEEK_CUR));
    CALL(lseek(other, 0, SEEK_CUR));
    CALL(lseek(copy, 3, SEEK_SET));
    IN_CHILD("child reads", char c; if (read(fd, &c, 1) != 1 || c != '3') _exit(1));
    CALL(lseek(fd, 0, SEEK_CUR));
}

CASE(special_files) {
    char data[64];
    memset(data, 1, sizeof data);
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
    CALL(read(null, data, 64));
    CALL(write(null, data, 64));
    CALL(write(null, data, 0));
    CALL(read(zero, data, 64));
    CHECK(!memchr(data, 1, 64));
    CALL(write(zero, data, 64));
    CALL(write(full, data, 64));
    CALL(read(full, data, 64));
    CALL(lseek(null, 100, SEEK_SET));
    CALL(lseek(zero, 100, SEEK_CUR));
    CALL(pread(zero, data, 8, 100));
    CALL(ftruncate(null, 0));
    CALL(read(zero, STUB_SLOTS, 8));
    int random = open("/dev/urandom", O_RDONLY);
    CALL(read(random, data, 64));
    struct stat st;
    CALL(fstat(null, &st));
    note("mode %o rdev %lx", st.st_mode, (long)st.st_rdev);
    CALL(fstat(zero, &st));
    note("mode %o rdev %lx", st.st_mode, (long)st.st_rdev);
}
