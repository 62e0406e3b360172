// vfork(2) and posix_spawn(3): the parent waits, memory is shared, errors come back.
#include "../conformance.h"
#include <spawn.h>
extern char **environ;

CASE(parent_waits) {
    volatile int value = 1;
    int64_t start = now_ns();
    pid_t child = vfork();
    if (child == 0) {
        value = 2;
        struct timespec t = {0, 50000000};
        nanosleep(&t, 0);
        _exit(6);
    }
    CHECK(now_ns() - start >= 50000000);
    VALUE(value);
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
}

CASE(until_exec) {
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 9", (char *)0);
        _exit(99);
    }
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
    volatile int error = 0;
    child = vfork();
    if (child == 0) {
        execl("/absent", "absent", (char *)0);
        error = errno;
        _exit(99);
    }
    waitpid(child, &status, 0);
    print_status("child", status);
    TEXT(error_name(error));
}

CASE(killed_child) {
    pid_t child = vfork();
    if (child == 0) {
        kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
}

CASE(spawning) {
    char *arguments[] = {"sh", "-c", "exit 21", 0};
    pid_t child;
    int status;
    VALUE(posix_spawn(&child, "/bin/sh", 0, 0, arguments, environ));
    waitpid(child, &status, 0);
    print_status("child", status);
    TEXT(error_name(posix_spawn(&child, "/absent", 0, 0, arguments, environ)));
    TEXT(error_name(posix_spawn(&child, ".", 0, 0, arguments, environ)));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    arguments[2] = "echo to the file; echo and the error >&2";
    VALUE(posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, environ));
    waitpid(child, &status, 0);
    char text[100] = "";
    read(open("out", O_RDONLY), text, 99);
    TEXT(text);
    VALUE(system("exit 3") >> 8);
    FILE *f = popen("cat; echo more", "w");
    fflush(stdout);
    VALUE(pclose(f));
    f = popen("echo piped", "r");
    fgets(text, sizeof text, f);
    TEXT(text);
    VALUE(pclose(f));
}

CASE(many_times) {
    int failures = 0;
    for (int i = 0; i < 100; i++) {
        pid_t child = vfork();
        if (child == 0) {
            execl("/bin/true", "true", (char *)0);
            _exit(99);
        }
        int status = -1;
        failures += waitpid(child, &status, 0) != child || status != 0;
    }
    VALUE(failures);
}

CASE(signals_wait_for_the_child) {
    static volatile sig_atomic_t count;
    void handler(int s) { count++; }
    on_signal(SIGUSR1, handler, 0);
    pid_t parent = getpid();
    volatile int seen = -1;
    pid_t child = vfork();
    if (child == 0) {
        kill(parent, SIGUSR1);
        struct timespec t = {0, 30000000};
        nanosleep(&t, 0);
        seen = count;
        _exit(0);
    }
    VALUE(seen);
    VALUE(count);
    waitpid(child, 0, 0);
}
