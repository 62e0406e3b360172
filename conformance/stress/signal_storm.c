// Signals hit a writer all the time while it writes numbered bytes into a pipe in pieces of every size; the reader accounts for each.
#include "stress.h"

static volatile sig_atomic_t handled;
static void handler(int s) { handled++; }
static unsigned char byte_at(uint64_t position) { return (position * 2654435761u) >> 11; }

int main(int argc, char **argv) {
    set_duration(argc, argv);
    int fds[2], ready[2];
    if (pipe(fds) || pipe(ready)) broken("pipe");
    pid_t writer = fork();
    if (writer == 0) {
        close(fds[0]);
        struct sigaction action = {.sa_handler = handler};
        sigaction(SIGUSR1, &action, 0);
        action.sa_flags = SA_RESTART;
        sigaction(SIGUSR2, &action, 0);
        if (write(ready[1], "r", 1) != 1) broken("ready");
        uint64_t position = 0, state = 77, partial = 0, interrupted = 0;
        static unsigned char data[200000];
        while (!is_over()) {
            size_t n = next_random(&state) % (next_random(&state) % 8 ? 9000 : sizeof data) + 1;
            for (size_t i = 0; i < n; i++) data[i] = byte_at(position + i);
            ssize_t w = write(fds[1], data, n);
            if (w < 0) {
                if (errno != EINTR) broken("write");
                interrupted++;
                continue;
            }
            partial += (size_t)w < n;
            position += w;
        }
        fprintf(stderr, "%llu bytes, %d handlers, %llu partial, %llu interrupted\n", (unsigned long long)position, (int)handled, (unsigned long long)partial, (unsigned long long)interrupted);
        // The last eight bytes say how many there were.
        for (size_t i = 0; i < sizeof position;) {
            ssize_t w = write(fds[1], (char *)&position + i, sizeof position - i);
            if (w > 0) i += w;
            else if (errno != EINTR) broken("write of the count");
        }
        _exit(handled < 10);
    }
    close(fds[1]);
    char c;
    if (read(ready[0], &c, 1) != 1) broken("the writer did not start");
    pid_t stormer = fork();
    if (stormer == 0) {
        uint64_t state = 99;
        while (!is_over()) {
            kill(writer, next_random(&state) & 1 ? SIGUSR1 : SIGUSR2);
            if (next_random(&state) % 3 == 0) usleep(next_random(&state) % 400);
        }
        _exit(0);
    }
    uint64_t position = 0, state = 3;
    static unsigned char data[100000], tail[8];
    size_t tail_length = 0;
    for (;;) {
        size_t n = next_random(&state) % sizeof data + 1;
        ssize_t r = read(fds[0], data, n);
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) broken("read");
        if (r == 0) break;
        // The last eight bytes seen so far may be the count: they are checked only when others follow.
        for (ssize_t i = 0; i < r; i++) {
            if (tail_length == 8) {
                if (tail[0] != byte_at(position)) broken("byte %llu is wrong", (unsigned long long)position);
                position++;
                memmove(tail, tail + 1, 7);
                tail_length = 7;
            }
            tail[tail_length++] = data[i];
        }
        if (next_random(&state) % 50 == 0) usleep(500);
    }
    uint64_t said;
    memcpy(&said, tail, 8);
    if (said != position) broken("%llu bytes written, %llu read", (unsigned long long)said, (unsigned long long)position);
    int status;
    if (waitpid(writer, &status, 0) != writer || status) broken("the writer ended with %#x", status);
    if (waitpid(stormer, &status, 0) != stormer || status) broken("the stormer ended with %#x", status);
    puts("ok");
    return 0;
}
