// truncate(2), ftruncate(2), fallocate(2), fsync(2), posix_fadvise, sendfile(2), copy_file_range(2).
#include "../conformance.h"
#include <sys/sendfile.h>
#include <linux/falloc.h>

CASE(sizes) {
    struct stat st;
    char data[16] = "";
    make_file("f", "0123456789");
    int fd = open("f", O_RDWR);
    CALL(truncate("f", 4));
    CALL(truncate("f", 8));
    CALL(pread(fd, data, 16, 0));
    note("%.4s then %d %d %d %d", data, data[4], data[5], data[6], data[7]);
    CALL(ftruncate(fd, 0));
    CALL(ftruncate(fd, 1l << 36));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL(pread(fd, data, 16, (1l << 36) - 4));
    CALL(ftruncate(fd, -1));
    CALL(truncate("f", -1));
    CALL(truncate("f", INT64_MIN));
    CALL(truncate("absent", 0));
    CALL(truncate(".", 0));
    CALL(truncate("f/", 0));
    CALL(ftruncate(99, 0));
    CALL(ftruncate(open("f", O_RDONLY), 0));
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(ftruncate(fds[1], 0));
    NEED(mkfifo("p", 0600) == 0);
    CALL(truncate("p", 0));
    CALL(syscall(SYS_truncate, STUB_CODE, 0));
}

CASE(shrunk_and_grown_reads_zero) {
    char data[8192];
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    memset(data, 'x', sizeof data);
    NEED(write(fd, data, 8192) == 8192);
    CALL(ftruncate(fd, 100));
    CALL(ftruncate(fd, 8192));
    CALL(pread(fd, data, 8192, 0));
    int x = 0, zero = 0;
    for (int i = 0; i < 8192; i++) x += data[i] == 'x', zero += data[i] == 0;
    VALUE(x);
    VALUE(zero);
}

CASE(allocation) {
    struct stat st;
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    CALL(fallocate(fd, 0, 0, 10000));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    CALL(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
    CALL(fstat(fd, &st));
    VALUE(st.st_size);
    char data[8];
    NEED(pwrite(fd, "abcdefgh", 8, 4096) == 8);
    CALL(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4098, 3));
    CALL(pread(fd, data, 8, 4096));
    note("%c%c %d%d%d %c", data[0], data[1], data[2], data[3], data[4], data[5]);
    CALL(fallocate(fd, 0, -1, 10));
    CALL(fallocate(fd, 0, 0, 0));
    CALL(fallocate(fd, 0, 0, -1));
    CALL(fallocate(fd, 0, INT64_MAX, 10));
    CALL(fallocate(fd, 0x1000, 0, 10));
    CALL(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10));
    CALL(fallocate(open("f", O_RDONLY), 0, 0, 10));
    CALL(fallocate(99, 0, 0, 10));
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(fallocate(fds[1], 0, 0, 10));
}

CASE(syncing) {
    make_file("f", "x");
    int fd = open("f", O_RDONLY), fds[2];
    NEED(pipe(fds) == 0);
    CALL(fsync(fd));
    CALL(fdatasync(fd));
    CALL(fsync(fds[0]));
    CALL(fsync(99));
    CALL(syncfs(fd));
    CALL(syncfs(99));
    CALL(fsync(open(".", O_RDONLY)));
    sync();
    CALL(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
    CALL(posix_fadvise(fd, 0, 0, 99));
    CALL(posix_fadvise(fds[0], 0, 0, POSIX_FADV_NORMAL));
    CALL(posix_fadvise(99, 0, 0, POSIX_FADV_NORMAL));
    CALL(readahead(fd, 0, 100));
    CALL(readahead(99, 0, 100));
}

CASE(sendfile_between_files) {
    char data[32] = "";
    make_file("in", "0123456789");
    int in = open("in", O_RDONLY), out = open("out", O_RDWR | O_CREAT, 0600);
    off_t offset = 2;
    CALL(sendfile(out, in, &offset, 4));
    VALUE(offset);
    CALL(lseek(in, 0, SEEK_CUR));
    CALL(lseek(out, 0, SEEK_CUR));
    CALL(sendfile(out, in, 0, 100));
    CALL(lseek(in, 0, SEEK_CUR));
    CALL(sendfile(out, in, 0, 100));
    CALL(pread(out, data, 31, 0));
    TEXT(data);
    offset = -1;
    CALL(sendfile(out, in, &offset, 4));
    CALL(sendfile(out, 99, 0, 4));
    CALL(sendfile(99, in, 0, 4));
    CALL(sendfile(in, out, 0, 4));
    CALL(syscall(SYS_sendfile, out, in, STUB_SLOTS, 4));
    int fds[2];
    NEED(pipe(fds) == 0);
    offset = 0;
    CALL(sendfile(fds[1], in, &offset, 10));
    CALL(read(fds[0], data, 31));
}

CASE(copying_ranges) {
    char data[32] = "";
    make_file("in", "0123456789");
    int in = open("in", O_RDONLY), out = open("out", O_RDWR | O_CREAT, 0600);
    loff_t a = 3, b = 1;
    CALL(copy_file_range(in, &a, out, &b, 4, 0));
    VALUE(a);
    VALUE(b);
    CALL(copy_file_range(in, 0, out, 0, 100, 0));
    CALL(copy_file_range(in, 0, out, 0, 100, 0));
    CALL(pread(out, data, 31, 0));
    TEXT(data);
    CALL(copy_file_range(in, 0, out, 0, 1, 1));
    CALL(copy_file_range(99, 0, out, 0, 1, 0));
    CALL(copy_file_range(out, 0, in, 0, 1, 0));
    int both = open("in", O_RDWR);
    a = 0, b = 2;
    CALL(copy_file_range(both, &a, both, &b, 5, 0));
    int fds[2];
    NEED(pipe(fds) == 0);
    CALL(copy_file_range(in, 0, fds[1], 0, 1, 0));
    CALL(copy_file_range(open(".", O_RDONLY), 0, out, 0, 1, 0));
}
