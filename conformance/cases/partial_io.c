// What a transfer returns when memory, the pipe or the file ends in the middle of it.
#include "../conformance.h"

CASE(writev_bad_second) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    struct stat st;
    struct iovec v[] = {{"good", 4}, {(void *)8, 4}, {"more", 4}};
    CALL(writev(fd, v, 3));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    v[0].iov_base = (void *)8;
    CALL(writev(fd, v, 3));
    v[0] = (struct iovec){"", 0};
    CALL(writev(fd, v, 3));
    v[1] = (struct iovec){STUB_SLOTS, 4};
    v[0] = (struct iovec){"good", 4};
    CALL(pwritev(fd, v, 3, 0) > 0 || errno == EFAULT);
}

CASE(readv_bad_second) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(write(fd, "0123456789", 10) == 10);
    char good[4] = "", more[8] = "";
    struct iovec v[] = {{good, 3}, {(void *)8, 4}, {more, 4}};
    CALL(preadv(fd, v, 3, 0));
    TEXT(good);
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(readv(fd, v, 3));
    CALL(lseek(fd, 0, SEEK_CUR));
    v[0].iov_base = (void *)8;
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(readv(fd, v, 3));
    CALL(lseek(fd, 0, SEEK_CUR));
}

CASE(page_boundary_reads) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    char *data = malloc(3 * 4096);
    memset(data, 'z', 3 * 4096);
    NEED(write(fd, data, 3 * 4096) == 3 * 4096);
    char *edge = before_edge(4096);
    CALL(pread(fd, edge, 4096, 0));
    CALL(pread(fd, edge, 4097, 0));
    CALL(pread(fd, edge, 8192, 0));
    CALL(pread(fd, edge, 2 * 4096, 4096));
    CALL(pread(fd, edge + 100, 4096, 0));
    CHECK(edge[4095] == 'z');
}

CASE(page_boundary_writes) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    char *edge = before_edge(4096);
    struct stat st;
    memset(edge, 'q', 4096);
    CALL(pwrite(fd, edge, 4097, 0));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL(pwrite(fd, edge + 4000, 200, 0));
    CALL(pwrite(fd, edge, 8192, 4096));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL(pwrite(fd, edge + 4096, 1, 0));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
}

CASE(pipe_edge) {
    int fds[2];
    NEED(pipe2(fds, O_NONBLOCK) == 0);
    char *edge = before_edge(10), text[32] = "";
    memcpy(edge, "0123456789", 10);
    CALL(write(fds[1], edge, 10));
    CALL(write(fds[1], edge + 10, 1));
    CALL(read(fds[0], edge + 10, 5));
    CALL(read(fds[0], text, 32));
    TEXT(text);
    CALL(read(fds[0], (void *)8, 5));
    NEED(write(fds[1], edge, 10) == 10);
    CALL(read(fds[0], STUB_SLOTS, 5));
    CALL(read(fds[0], text, 32));
    struct iovec v[] = {{"good", 4}, {(void *)8, 4}};
    CALL(writev(fds[1], v, 2));
    CALL(read(fds[0], text, 32));
}

CASE(nonblocking_pipe_fills) {
    int fds[2];
    NEED(pipe2(fds, O_NONBLOCK) == 0);
    char *data = calloc(1, 200000);
    CALL(read(fds[0], data, 1));
    CALL(write(fds[1], data, 200000));
    CALL(write(fds[1], data, 1));
    CALL(read(fds[0], data, 4096));
    CALL(write(fds[1], data, 4097));
    CALL(write(fds[1], data, 4096));
    CALL(write(fds[1], data, 1));
    CALL(read(fds[0], data, 200000));
    CALL(close(fds[1]));
    CALL(read(fds[0], data, 1));
}

CASE(atomic_pipe_writes) {
    int fds[2];
    NEED(pipe2(fds, O_NONBLOCK) == 0);
    char *data = calloc(1, 70000);
    NEED(write(fds[1], data, 65536 - 4096) == 65536 - 4096);
    // PIPE_BUF bytes fit or nothing does; more than that may be split.
    CALL(write(fds[1], data, 4096));
    CALL(write(fds[1], data, 4096));
    CALL(read(fds[0], data, 4096));
    CALL(write(fds[1], data, 8192));
}

CASE(closed_ends) {
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(close(fds[0]));
    signal(SIGPIPE, SIG_IGN);
    CALL(write(fds[1], "x", 1));
    CALL(write(fds[1], "x", 0));
    signal(SIGPIPE, SIG_DFL);
    IN_CHILD("writer", write(fds[1], "x", 1));
    CALL(close(fds[1]));
    CALL(write(fds[1], "x", 1));
}

CASE(huge_lengths) {
    int fd = open("f", O_RDWR | O_CREAT, 0600), fds[2];
    NEED(pipe2(fds, O_NONBLOCK) == 0);
    size_t page = 1 << 20;
    char *data = mmap(0, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(data != MAP_FAILED);
    CALL(syscall(SYS_write, fds[1], data, 0x7fffffffffffffff) <= 65536);
    CALL(syscall(SYS_read, fds[0], data, 0x7fffffffffffffff) > 0);
    CALL(syscall(SYS_read, fds[0], data, 0x8000000000000000) < 0);
    NEED(write(fd, data, 100) == 100);
    CALL(syscall(SYS_pread64, fd, data, 0x7fffffff, 0));
    // The area that follows may be anything: the file ends long before it.
    CALL(syscall(SYS_pread64, fd, data, 0x7ffffffff000, 0) == -1 ? errno == EFAULT : 1);
}
