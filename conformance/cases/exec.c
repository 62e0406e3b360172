// execve(2), execveat(2), interpreters, what survives an exec.
#define CONFORMANCE_HELPER helper
static int helper(int argc, char **argv);
#include "../conformance.h"
#include <elf.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
extern char **environ;

static int helper(int argc, char **argv) {
    if (!strcmp(argv[1], "@args")) {
        for (int i = 3; i < argc; i++) note("argv[%d] \"%s\"", i, argv[i]);
        for (int i = 0; environ[i]; i++) note("env \"%s\"", environ[i]);
    } else if (!strcmp(argv[1], "@state")) {
        sigset_t set;
        struct sigaction action;
        sigprocmask(SIG_BLOCK, 0, &set);
        note("blocked USR1 %d USR2 %d", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2));
        sigpending(&set);
        note("pending USR1 %d", sigismember(&set, SIGUSR1));
        sigaction(SIGTERM, 0, &action);
        note("TERM ignored %d", action.sa_handler == SIG_IGN);
        sigaction(SIGUSR2, 0, &action);
        note("USR2 default %d", action.sa_handler == SIG_DFL);
        for (int fd = 3; fd < 8; fd++) note("fd %d open %d", fd, fcntl(fd, F_GETFD));
        stack_t stack;
        sigaltstack(0, &stack);
        note("altstack disabled %d", stack.ss_flags == SS_DISABLE);
        note("umask %o", umask(0));
        struct itimerval timer;
        getitimer(ITIMER_REAL, &timer);
        note("timer armed %d", timer.it_value.tv_sec > 0);
        char name[16] = "";
        prctl(PR_GET_NAME, name);
        note("name \"%s\"", name);
        note("pid kept %d", atoi(argv[3]) == getpid());
    } else if (!strcmp(argv[1], "@auxv")) {
        note("pagesz %lu", getauxval(AT_PAGESZ));
        note("uid %lu euid %lu gid %lu egid %lu secure %lu", getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_GID), getauxval(AT_EGID), getauxval(AT_SECURE));
        note("clktck %lu", getauxval(AT_CLKTCK));
        note("phent %lu phdr in the program %d", getauxval(AT_PHENT), getauxval(AT_PHDR) != 0);
        note("entry %d", getauxval(AT_ENTRY) != 0);
        note("random %d", getauxval(AT_RANDOM) != 0);
        note("platform \"%s\"", (char *)getauxval(AT_PLATFORM));
        note("execfn \"%s\"", strrchr((char *)getauxval(AT_EXECFN), '/') + 1);
        note("stack aligned %d", ((uintptr_t)argv - 8) % 16 == 0);
        note("base %d", getauxval(AT_BASE) != 0);
    } else if (!strcmp(argv[1], "@exit"))
        return atoi(argv[3]);
    return 0;
}

static char self[PATH_MAX];

static void find_self(void) {
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    NEED(n > 0);
    self[n] = 0;
}

#define EXEC(who, path, arguments, environment) IN_CHILD(who, execve(path, arguments, environment); note("%s: %s", who, error_name(errno)); _exit(99))

CASE(errors) {
    char *arguments[] = {"x", 0};
    char *empty[] = {0};
    make_file("plain", "hello\n");
    make_file("executable", "hello\n");
    make_file("zero", "");
    NEED(chmod("executable", 0755) == 0 && chmod("zero", 0755) == 0 && mkdir("d", 0755) == 0 && symlink("loop", "loop") == 0);
    CALL(execve("absent", arguments, empty));
    CALL(execve("plain", arguments, empty));
    CALL(execve("executable", arguments, empty));
    CALL(execve("zero", arguments, empty));
    CALL(execve("d", arguments, empty));
    CALL(execve("plain/x", arguments, empty));
    CALL(execve("loop", arguments, empty));
    CALL(execve("", arguments, empty));
    CALL(execve("/dev/null", arguments, empty));
    CALL(syscall(SYS_execve, STUB_CODE, arguments, empty));
    CALL(syscall(SYS_execve, "/bin/true", STUB_SLOTS, empty));
    CALL(syscall(SYS_execve, "/bin/true", arguments, (void *)8));
    char *bad[] = {"x", (char *)8, 0};
    CALL(execve("/bin/true", bad, empty));
    CALL(execve("/bin/true", arguments, bad));
}

CASE(broken_programs) {
    char *arguments[] = {"x", 0}, *empty[] = {0};
    find_self();
    int source = open(self, O_RDONLY);
    static char image[4096];
    NEED(pread(source, image, sizeof image, 0) == sizeof image);
    struct {
        const char *name;
        size_t at, size;
        uint64_t value;
        size_t length;
    } rows[] = {
        {"magic", 0, 4, 0x12345678, 4096},
        {"other machine", offsetof(Elf64_Ehdr, e_machine), 2, 40, 4096},
        {"relocatable type", offsetof(Elf64_Ehdr, e_type), 2, 1, 4096},
        {"core type", offsetof(Elf64_Ehdr, e_type), 2, 4, 4096},
        {"no headers", offsetof(Elf64_Ehdr, e_phnum), 2, 0, 4096},
        {"too many headers", offsetof(Elf64_Ehdr, e_phnum), 2, 0xffff, 4096},
        {"header size", offsetof(Elf64_Ehdr, e_phentsize), 2, 8, 4096},
        {"headers far away", offsetof(Elf64_Ehdr, e_phoff), 8, 1ul << 40, 4096},
        {"headers at the end of numbers", offsetof(Elf64_Ehdr, e_phoff), 8, -8ul, 4096},
        {"only a header", 0, 0, 0, 64},
        {"half a header", 0, 0, 0, 40},
        {"four bytes", 0, 0, 0, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static char copy[4096];
        memcpy(copy, image, sizeof copy);
        memcpy(copy + rows[i].at, &rows[i].value, rows[i].size);
        int fd = open("broken", O_WRONLY | O_CREAT | O_TRUNC, 0755);
        NEED(fd >= 0 && write(fd, copy, rows[i].length) == (ssize_t)rows[i].length);
        close(fd);
        EXEC(rows[i].name, "./broken", arguments, empty);
    }
}

// Writes a small static program of our own making: one loadable segment with the code at its entry.
static void write_elf(const char *path, Elf64_Phdr *segments, int count, uint64_t entry, int type, const void *code, size_t code_size) {
    Elf64_Ehdr header = {0};
    memcpy(header.e_ident, ELFMAG "\2\1\1", 7);
    header.e_type = type;
    header.e_machine = EM_X86_64;
    header.e_version = 1;
    header.e_entry = entry;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof *segments;
    header.e_phnum = count;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    NEED(fd >= 0);
    NEED(pwrite(fd, &header, sizeof header, 0) == sizeof header);
    NEED(pwrite(fd, segments, count * sizeof *segments, sizeof header) == (ssize_t)(count * sizeof *segments));
    NEED(pwrite(fd, code, code_size, 4096) == (ssize_t)code_size);
    NEED(ftruncate(fd, 8192) == 0);
    close(fd);
}

CASE(hand_made_programs) {
    char *arguments[] = {"x", 0}, *empty[] = {0};
    // mov $231,%eax; mov $42,%edi; syscall
    static const unsigned char code[] = {0xb8, 231, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05};
    Elf64_Phdr load = {PT_LOAD, PF_R | PF_X, 4096, 0x400000, 0x400000, sizeof code, sizeof code, 4096};
    Elf64_Phdr two[2] = {load, {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16}};
    write_elf("good", two, 2, 0x400000, ET_EXEC, code, sizeof code);
    EXEC("good", "./good", arguments, empty);
    EXEC("no arguments", "./good", empty, empty);
    EXEC("null arguments", "./good", 0, 0);
    write_elf("pie", two, 2, 0x400000, ET_DYN, code, sizeof code);
    EXEC("pie", "./pie", arguments, empty);
    Elf64_Phdr odd = load;
    odd.p_memsz = 3;
    write_elf("odd", &odd, 1, 0x400000, ET_EXEC, code, sizeof code);
    EXEC("memory smaller than file", "./odd", arguments, empty);
    odd = load, odd.p_vaddr = 0x400010;
    write_elf("odd", &odd, 1, 0x400000, ET_EXEC, code, sizeof code);
    EXEC("misaligned", "./odd", arguments, empty);
    odd = load, odd.p_vaddr = 0x7ffe10000000;
    write_elf("odd", &odd, 1, 0x400000, ET_EXEC, code, sizeof code);
    // Linux maps it; the stub's range is not the workload's. Either way only the program ends.
    pid_t child = fork();
    if (child == 0) {
        execve("./odd", arguments, empty);
        _exit(99);
    }
    CHECK(waitpid(child, 0, 0) == child);
    note("still here");
    odd = load, odd.p_vaddr = 0xffffffff80000000;
    write_elf("odd", &odd, 1, 0x400000, ET_EXEC, code, sizeof code);
    IN_CHILD("in the kernel", execve("./odd", arguments, empty); _exit(0));
    odd = load, odd.p_memsz = 1ul << 62;
    write_elf("odd", &odd, 1, 0x400000, ET_EXEC, code, sizeof code);
    IN_CHILD("enormous", execve("./odd", arguments, empty); _exit(0));
    odd = load, odd.p_flags = PF_R;
    write_elf("odd", &odd, 1, 0x400000, ET_EXEC, code, sizeof code);
    EXEC("not executable memory", "./odd", arguments, empty);
    write_elf("odd", &load, 1, 0x900000, ET_EXEC, code, sizeof code);
    EXEC("entry outside", "./odd", arguments, empty);
    Elf64_Phdr interp[2] = {load, {PT_INTERP, PF_R, 4096 + 100, 0, 0, 8, 8, 1}};
    write_elf("odd", interp, 2, 0x400000, ET_EXEC, code, sizeof code);
    int fd = open("odd", O_WRONLY);
    NEED(pwrite(fd, "/absent\0", 8, 4096 + 100) == 8);
    close(fd);
    EXEC("missing interpreter", "./odd", arguments, empty);
    fd = open("odd", O_WRONLY);
    NEED(pwrite(fd, "notended", 8, 4096 + 100) == 8);
    close(fd);
    EXEC("unended interpreter", "./odd", arguments, empty);
    interp[1].p_filesz = 1ul << 40;
    write_elf("odd", interp, 2, 0x400000, ET_EXEC, code, sizeof code);
    EXEC("long interpreter", "./odd", arguments, empty);
}

CASE(bss_is_zero) {
    char *arguments[] = {"x", 0}, *empty[] = {0};
    // mov 0x400100(abs),%edi ; mov $231,%eax ; syscall: exits with the byte after the file's part.
    static unsigned char code[0x80] = {0x8b, 0x3c, 0x25, 0x80, 0x00, 0x40, 0x00, 0xb8, 231, 0, 0, 0, 0x0f, 0x05};
    Elf64_Phdr load = {PT_LOAD, PF_R | PF_W | PF_X, 4096, 0x400000, 0x400000, sizeof code, 0x3000, 4096};
    write_elf("bss", &load, 1, 0x400000, ET_EXEC, code, sizeof code);
    int fd = open("bss", O_WRONLY);
    NEED(pwrite(fd, "\xff\xff\xff\xff", 4, 4096 + sizeof code) == 4);
    close(fd);
    EXEC("byte after the file's part", "./bss", arguments, empty);
}

CASE(arguments_and_environment) {
    find_self();
    char *arguments[] = {"zero", "@args", "arguments_and_environment", "one", "", "two words", "\xff\n", 0};
    char *environment[] = {"A=1", "B", "=C", "", 0};
    EXEC("child", self, arguments, environment);
    char *none[] = {0};
    EXEC("no environment", self, arguments, none);
}

CASE(argument_sizes) {
    find_self();
    char *environment[] = {0};
    size_t length = 131072;
    char *big = malloc(length + 1);
    memset(big, 'a', length);
    big[length - 1] = 0;
    char *arguments[] = {"x", "@exit", "-", "5", big, 0};
    EXEC("131071 bytes", self, arguments, environment);
    big[length - 1] = 'a', big[length] = 0;
    EXEC("131072 bytes", self, arguments, environment);
    char **many = malloc(20000 * sizeof *many);
    for (int i = 0; i < 20000; i++) many[i] = "y";
    many[1] = "@exit", many[2] = "-", many[3] = "6", many[19999] = 0;
    EXEC("20000 arguments", self, many, environment);
    big[100000] = 0;
    for (int i = 4; i < 100; i++) many[i] = big;
    EXEC("nine megabytes", self, many, environment);
}

CASE(state_kept_and_lost) {
    find_self();
    static char stack[65536];
    char pid[16];
    sigset_t set;
    pid_t child = fork();
    if (child == 0) {
        snprintf(pid, sizeof pid, "%d", getpid());
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_SETMASK, &set, 0);
        raise(SIGUSR1);
        signal(SIGTERM, SIG_IGN);
        on_signal(SIGUSR2, (void (*)(int))print_status, 0);
        make_file("f", "");
        open("f", O_RDONLY);
        open("f", O_RDONLY | O_CLOEXEC);
        open("f", O_RDONLY);
        stack_t alternative = {stack, 0, sizeof stack};
        sigaltstack(&alternative, 0);
        umask(035);
        alarm(60);
        prctl(PR_SET_NAME, "before");
        char *arguments[] = {"x", "@state", "state_kept_and_lost", pid, 0};
        char *environment[] = {0};
        execve(self, arguments, environment);
        _exit(99);
    }
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
}

CASE(auxiliary_vector) {
    find_self();
    char *arguments[] = {"x", "@auxv", "auxiliary_vector", 0}, *environment[] = {"A=B", 0};
    EXEC("child", self, arguments, environment);
}

CASE(scripts) {
    note("what the scripts print follows");
    char *arguments[] = {"script-name", "one", "two", 0}, *environment[] = {"A=B", 0};
    make_file("s1", "#!/bin/echo\n");
    make_file("s2", "#!/bin/echo extra words here \nrest\n");
    make_file("s3", "#! /bin/sh\necho \"zero $0 args $*\"\nexit 7\n");
    make_file("s4", "#!\n");
    make_file("s5", "#!/absent\n");
    make_file("s6", "#!./s1\n");
    make_file("s7", "#!./s7\n");
    make_file("s8", "#!/bin/echo no newline");
    make_file("s9", "#!/tmp\n");
    char text[400];
    memset(text, 'a', sizeof text);
    memcpy(text, "#!/bin/echo ", 12);
    text[300] = 0;
    make_file("s10", text);
    for (int i = 1; i <= 10; i++) {
        char path[16];
        snprintf(path, sizeof path, "./s%d", i);
        NEED(chmod(path, 0755) == 0);
        EXEC(path, path, arguments, environment);
    }
    char name[16], contents[32];
    make_file("n0", "#!/bin/echo\n");
    NEED(chmod("n0", 0755) == 0);
    for (int i = 1; i <= 6; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(contents, sizeof contents, "#!./n%d\n", i - 1);
        make_file(name, contents);
        NEED(chmod(name, 0755) == 0);
    }
    EXEC("nested 4", "./n4", arguments, environment);
    EXEC("nested 5", "./n5", arguments, environment);
    EXEC("nested 6", "./n6", arguments, environment);
}

CASE(by_descriptor) {
    find_self();
    char *arguments[] = {"x", "@exit", "-", "11", 0}, *environment[] = {0};
    int fd = open(self, O_RDONLY), p = open(self, O_PATH | O_CLOEXEC), d = open("/bin", O_PATH);
    IN_CHILD("descriptor", syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH); _exit(99));
    IN_CHILD("path descriptor", syscall(SYS_execveat, p, "", arguments, environment, AT_EMPTY_PATH); _exit(99));
    IN_CHILD("fexecve", fexecve(fd, arguments, environment); _exit(99));
    char *true_[] = {"true", 0};
    IN_CHILD("relative", syscall(SYS_execveat, d, "true", true_, environment, 0); _exit(99));
    CALL(syscall(SYS_execveat, fd, "", arguments, environment, 0));
    CALL(syscall(SYS_execveat, 99, "", arguments, environment, AT_EMPTY_PATH));
    CALL(syscall(SYS_execveat, d, "true", arguments, environment, 0x4000));
    NEED(symlink("/bin/true", "l") == 0);
    CALL(syscall(SYS_execveat, AT_FDCWD, "l", arguments, environment, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_execveat, d, "absent", arguments, environment, 0));
    make_file("s", "#!/bin/echo\n");
    NEED(chmod("s", 0755) == 0);
    int s = open("s", O_RDONLY | O_CLOEXEC);
    CALL(syscall(SYS_execveat, s, "", arguments, environment, AT_EMPTY_PATH));
}

static void *sleeper(void *unused) {
    for (;;) pause();
}
static void *executor(void *path) {
    char *arguments[] = {"x", "@exit", "-", "12", 0}, *environment[] = {0};
    execve(path, arguments, environment);
    _exit(99);
}

CASE(threads_end) {
    find_self();
    pthread_t t;
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 4; i++) pthread_create(&t, 0, sleeper, 0);
        sleep_ms(20);
        executor(self);
    }
    int status;
    waitpid(child, &status, 0);
    print_status("from the first thread", status);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 4; i++) pthread_create(&t, 0, sleeper, 0);
        pthread_create(&t, 0, executor, self);
        for (;;) pause();
    }
    CHECK(waitpid(child, &status, 0) == child);
    print_status("from another thread", status);
}

CASE(busy_text) {
    find_self();
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "/bin/cp %s ./copy", self);
    NEED(system(command) == 0);
    char *arguments[] = {"x", "@exit", "-", "1", 0}, *environment[] = {0};
    int w = open("copy", O_WRONLY);
    NEED(w >= 0);
    CALL(execve("./copy", arguments, environment));
    close(w);
    EXEC("closed again", "./copy", arguments, environment);
}

CASE(set_user_id) {
    if (geteuid()) SKIP("needs root");
    find_self();
    NEED(chmod(".", 0777) == 0);
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "/bin/cp %s ./copy", self);
    NEED(system(command) == 0 && chown("copy", 1234, 2345) == 0 && chmod("copy", 06755) == 0);
    char *arguments[] = {"x", "@auxv", "set_user_id", 0}, *environment[] = {0};
    IN_CHILD("child", NEED(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0); execve("./copy", arguments, environment); _exit(99));
    IN_CHILD("no new privileges", NEED(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0); execve("./copy", arguments, environment); _exit(99));
}
