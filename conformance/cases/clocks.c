// Reading clocks and sleeping on them.
#include "../conformance.h"

static volatile int rung;
static void on_alarm(int number) {
    (void)number;
    rung++;
}

CASE(reading) {
    struct timespec time, again;
    for (int clock = -1; clock < 13; clock++) {
        char name[32];
        snprintf(name, sizeof name, "clock_gettime %d", clock);
        NAMED(name, syscall(SYS_clock_gettime, clock, &time));
        snprintf(name, sizeof name, "clock_getres %d", clock);
        NAMED(name, syscall(SYS_clock_getres, clock, &time));
    }
    CALL(syscall(SYS_clock_getres, CLOCK_MONOTONIC, 0));
    NEED(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    NEED(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &again) == 0);
    CHECK(again.tv_sec > time.tv_sec || (again.tv_sec == time.tv_sec && again.tv_nsec >= time.tv_nsec));
    NEED(clock_gettime(CLOCK_REALTIME, &time) == 0);
    struct timeval tv;
    CALL(syscall(SYS_gettimeofday, &tv, 0));
    CHECK(tv.tv_sec >= time.tv_sec && tv.tv_sec - time.tv_sec < 5);
    time_t seconds;
    CHECK(syscall(SYS_time, &seconds) == seconds);
    CHECK(seconds >= time.tv_sec && seconds - time.tv_sec < 5);
    for (size_t i = 0; i < BAD_POINTERS; i++) {
        CALL(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad_pointers[i]));
        CALL(syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, bad_pointers[i]));
        CALL(syscall(SYS_gettimeofday, bad_pointers[i], 0));
        CALL(syscall(SYS_time, bad_pointers[i]));
        CALL(syscall(SYS_nanosleep, bad_pointers[i], 0));
    }
}

CASE(processor_time) {
    struct timespec before, after;
    NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before) == 0);
    int64_t end = now_ns() + 50000000;
    while (now_ns() < end)
        ;
    NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after) == 0);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000l + after.tv_nsec - before.tv_nsec > 1000000);
    NEED(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before) == 0);
    sleep_ms(50);
    NEED(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after) == 0);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000l + after.tv_nsec - before.tv_nsec < 40000000);
    clockid_t clock;
    NEED(clock_getcpuclockid(getpid(), &clock) == 0);
    CALL(clock_gettime(clock, &after));
    NEED(clock_getcpuclockid(getppid(), &clock) == 0);
    CALL(clock_gettime(clock, &after));
}

CASE(sleeping) {
    struct timespec time = {0, 30000000}, left = {7, 7};
    int64_t start = now_ns();
    CALL(syscall(SYS_nanosleep, &time, &left));
    CHECK(now_ns() - start >= 30000000);
    note("%ld %ld", left.tv_sec, left.tv_nsec);
    time = (struct timespec){0, 1000000000};
    CALL(syscall(SYS_nanosleep, &time, 0));
    time = (struct timespec){0, -1};
    CALL(syscall(SYS_nanosleep, &time, 0));
    time = (struct timespec){-1, 0};
    CALL(syscall(SYS_nanosleep, &time, 0));
    time = (struct timespec){0, 0};
    CALL(syscall(SYS_nanosleep, &time, 0));
    for (int clock = 0; clock < 13; clock++) {
        if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) continue;
        char name[32];
        snprintf(name, sizeof name, "clock_nanosleep %d", clock);
        NAMED(name, syscall(SYS_clock_nanosleep, clock, 0, &time, 0));
    }
    NEED(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    start = now_ns();
    time.tv_nsec += 30000000;
    if (time.tv_nsec >= 1000000000) time.tv_nsec -= 1000000000, time.tv_sec++;
    CALL(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, 0));
    CHECK(now_ns() - start >= 29000000);
    CALL(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, 0));
    NEED(clock_gettime(CLOCK_REALTIME, &time) == 0);
    start = now_ns();
    time.tv_sec++;
    CALL(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &time, 0));
    CHECK(now_ns() - start >= 500000000);
}

CASE(interrupted_sleep) {
    on_signal(SIGALRM, on_alarm, SA_RESTART);
    struct itimerval timer = {{0, 0}, {0, 50000}};
    struct timespec time = {10, 0}, left = {0, 0};
    NEED(setitimer(ITIMER_REAL, &timer, 0) == 0);
    CALL(syscall(SYS_nanosleep, &time, &left));
    VALUE(rung);
    CHECK(left.tv_sec == 9 && left.tv_nsec > 0);
    NEED(setitimer(ITIMER_REAL, &timer, 0) == 0);
    CALL(syscall(SYS_nanosleep, &time, 0));
    NEED(setitimer(ITIMER_REAL, &timer, 0) == 0);
    CALL(syscall(SYS_nanosleep, &time, (void *)1));
    NEED(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    time.tv_sec += 10;
    left = (struct timespec){7, 7};
    NEED(setitimer(ITIMER_REAL, &timer, 0) == 0);
    CALL(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &left));
    note("%ld %ld", left.tv_sec, left.tv_nsec);
    VALUE(rung);
}

CASE(a_stop_does_not_end_a_sleep) {
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        struct timespec time = {0, 300000000};
        int64_t start = now_ns();
        CALL(syscall(SYS_nanosleep, &time, &time));
        CHECK(now_ns() - start >= 300000000);
        _exit(0);
    }
    int status;
    wait_until_sleeping(child);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    print_status("child", status);
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    print_status("child", status);
}

CASE(setting_is_refused) {
    if (geteuid() == 0) NEED(setresuid(1000, 1000, 1000) == 0);
    struct timespec time = {1, 0};
    struct timeval tv = {1, 0};
    CALL(syscall(SYS_clock_settime, CLOCK_REALTIME, &time));
    CALL(syscall(SYS_settimeofday, &tv, 0));
}
