// The frame of the hard flows: each program takes the seconds to go on, checks itself, prints one line and ends with 0 when all held.
#ifndef STRESS_H
#define STRESS_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int64_t stress_end;
__attribute__((unused)) static void set_duration(int argc, char **argv) { stress_end = now_ns() + (int64_t)((argc > 1 ? atof(argv[1]) : 2) * 1e9); }
__attribute__((unused)) static int is_over(void) { return now_ns() >= stress_end; }

// Says what broke, once, and ends the program.
__attribute__((format(printf, 1, 2), noreturn, unused)) static void broken(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    dprintf(1, "BROKEN: %s (errno %s)\n", text, strerrorname_np(errno) ?: "-");
    _exit(1);
}

// A generator of one thread's own.
__attribute__((unused)) static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}
#endif
