// A descriptor is closed and its number used again while another thread is blocked in a read on it: the read belongs to the pipe it
// began with, and never takes a byte of the other.
#include "stress.h"

static int number = 100;
static volatile int is_reading;
static char got;
static long rounds;

static void *reader(void *unused) {
    is_reading = 1;
    ssize_t n = read(number, &got, 1);
    if (n != 1) broken("read returned %zd", n);
    return 0;
}

int main(int argc, char **argv) {
    set_duration(argc, argv);
    uint64_t state = 4242;
    while (!is_over()) {
        int first[2], second[2];
        if (pipe(first) || pipe(second)) broken("pipe");
        if (dup2(first[0], number) != number) broken("dup2");
        is_reading = 0, got = 0;
        pthread_t thread;
        if (pthread_create(&thread, 0, reader, 0)) broken("pthread_create");
        while (!is_reading) sched_yield();
        // Most rounds let the reader fall asleep; some race with it.
        if (next_random(&state) % 4) usleep(300);
        else usleep(next_random(&state) % 50);
        int was_asleep = rounds % 2 == 0;
        if (was_asleep) usleep(2000);
        if (dup2(second[0], number) != number) broken("dup2 over the blocked one");
        if (was_asleep) {
            if (write(second[1], "B", 1) != 1 || write(first[1], "A", 1) != 1) broken("write");
        } else if (write(second[1], "B", 1) != 1 || write(first[1], "A", 1) != 1)
            broken("write");
        pthread_join(thread, 0);
        if (was_asleep && got != 'A') broken("the sleeping read took %c", got);
        if (got != 'A' && got != 'B') broken("got %d", got);
        // The other byte is still where it belongs.
        char c = 0;
        int left = got == 'A' ? second[0] : first[0];
        if (fcntl(left, F_SETFL, O_NONBLOCK) || read(left, &c, 1) != 1 || c != (got == 'A' ? 'B' : 'A')) broken("the other pipe lost its byte");
        close(first[0]), close(first[1]), close(second[0]), close(second[1]), close(number);
        rounds++;
    }
    fprintf(stderr, "%ld rounds\n", rounds);
    puts("ok");
    return rounds < 5;
}
