// getdents64(2), getdents(2): what is listed, buffer sizes, positions, changes while listing.
#include "../conformance.h"
#include <dirent.h>

struct entry {
    uint64_t ino;
    int64_t off;
    unsigned short reclen;
    unsigned char type;
    char name[];
};

static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *title, int fd, size_t size) {
    char *buffer = malloc(size), *names[256], text[4096] = "";
    int count = 0;
    long n;
    while ((n = syscall(SYS_getdents64, fd, buffer, size)) > 0)
        for (long at = 0; at < n;) {
            struct entry *e = (struct entry *)(buffer + at);
            if (e->reclen % 8) note("reclen %d not a multiple of 8", e->reclen);
            if (!e->ino) note("no inode number");
            char line[300];
            snprintf(line, sizeof line, "%s:%d", e->name, e->type);
            if (count < 256) names[count++] = strdup(line);
            at += e->reclen;
        }
    if (n < 0) note("%s: %s", title, error_name(errno));
    qsort(names, count, sizeof *names, compare);
    for (int i = 0; i < count; i++) {
        if (strlen(text) + strlen(names[i]) + 2 > 900) break;
        strcat(text, " ");
        strcat(text, names[i]);
    }
    note("%s:%s (%d)", title, text, count);
    free(buffer);
}

CASE(types) {
    make_file("f", "");
    NEED(mkdir("d", 0755) == 0 && symlink("f", "l") == 0 && mkfifo("p", 0600) == 0 && mknod("s", S_IFSOCK | 0600, 0) == 0);
    int fd = open(".", O_RDONLY);
    list("first", fd, 4096);
    list("at the end", fd, 4096);
    CALL(lseek(fd, 0, SEEK_SET));
    list("again", fd, 4096);
    CALL(lseek(fd, 0, SEEK_SET));
    list("small steps", fd, 32);
    int sub = open("d", O_RDONLY);
    list("empty", sub, 4096);
}

CASE(errors) {
    char buffer[4096];
    make_file("f", "");
    int f = open("f", O_RDONLY), d = open(".", O_RDONLY), p = open(".", O_PATH);
    CALL(syscall(SYS_getdents64, f, buffer, sizeof buffer));
    CALL(syscall(SYS_getdents64, p, buffer, sizeof buffer));
    CALL(syscall(SYS_getdents64, 99, buffer, sizeof buffer));
    CALL(syscall(SYS_getdents64, d, buffer, 0));
    CALL(syscall(SYS_getdents64, d, buffer, 10));
    CALL(syscall(SYS_getdents64, d, buffer, 23));
    CALL(syscall(SYS_getdents64, d, STUB_SLOTS, 4096));
    CALL(syscall(SYS_getdents64, d, (void *)8, 4096));
    CALL(syscall(SYS_getdents64, d, buffer, 24));
    CALL(syscall(SYS_getdents, f, buffer, sizeof buffer));
    CALL(syscall(SYS_getdents, d, buffer, 4));
    CALL(lseek(d, -1, SEEK_SET));
    CALL(lseek(d, 0, SEEK_SET));
}

CASE(removed_directory) {
    NEED(mkdir("d", 0755) == 0);
    int fd = open("d", O_RDONLY);
    NEED(rmdir("d") == 0);
    char buffer[512];
    CALL(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
}

CASE(many_entries) {
    char name[32];
    static char seen[3000];
    NEED(mkdir("d", 0755) == 0);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "d/file-%d", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        NEED(fd >= 0);
        close(fd);
    }
    DIR *d = opendir("d");
    int count = 0, twice = 0, number;
    for (struct dirent *e; (e = readdir(d));) {
        count++;
        if (sscanf(e->d_name, "file-%d", &number) == 1 && number >= 0 && number < 3000) twice += seen[number]++ > 0;
    }
    VALUE(count);
    VALUE(twice);
    rewinddir(d);
    count = 0;
    while (readdir(d)) count++;
    VALUE(count);
    closedir(d);
}

CASE(removing_while_listing) {
    char name[32];
    NEED(mkdir("d", 0755) == 0);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "d/%d", i);
        make_file(name, "");
    }
    int fd = open("d", O_RDONLY), removed = 0;
    char buffer[512];
    long n;
    while ((n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < n;) {
            struct entry *e = (struct entry *)(buffer + at);
            if (e->name[0] != '.') removed += unlinkat(fd, e->name, 0) == 0;
            at += e->reclen;
        }
    VALUE(removed);
    CALL(rmdir("d"));
}

CASE(telling_positions) {
    char name[32];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "%d", i);
        make_file(name, "");
    }
    DIR *d = opendir(".");
    char saved[256] = "", later[256] = "";
    long position = 0;
    for (int i = 0; i < 20; i++) {
        readdir(d);
        position = telldir(d);
    }
    struct dirent *e = readdir(d);
    strcpy(saved, e->d_name);
    while (readdir(d))
        ;
    seekdir(d, position);
    e = readdir(d);
    if (e) strcpy(later, e->d_name);
    CHECK(!strcmp(saved, later));
}

CASE(old_format) {
    char buffer[4096];
    make_file("f", "");
    long n = syscall(SYS_getdents, open(".", O_RDONLY), buffer, sizeof buffer);
    int names = 0;
    for (long at = 0; at < n;) {
        unsigned short length = *(unsigned short *)(buffer + at + 16);
        char *name = buffer + at + 18;
        int type = buffer[at + length - 1];
        if (!strcmp(name, "f")) note("f has type %d", type);
        names++;
        if (!length) break;
        at += length;
    }
    VALUE(names);
}

CASE(proc_and_dev) {
    DIR *d = opendir("/proc/self/fd");
    NEED(d);
    int fds = 0;
    for (struct dirent *e; (e = readdir(d));) fds += e->d_name[0] != '.';
    VALUE(fds);
    closedir(d);
    d = opendir("/dev");
    NEED(d);
    int found = 0;
    for (struct dirent *e; (e = readdir(d));)
        found += !strcmp(e->d_name, "null") || !strcmp(e->d_name, "zero") || !strcmp(e->d_name, "full") || !strcmp(e->d_name, "urandom");
    VALUE(found);
}
