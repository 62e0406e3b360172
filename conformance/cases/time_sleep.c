// clock_gettime(2), nanosleep(2), clock_nanosleep(2), alarm(2), setitimer(2), timer_create(2), times(2), gettimeofday(2).
#include "../conformance.h"
#include <sys/times.h>
#include <sys/timerfd.h>

static volatile sig_atomic_t count;
static void count_it(int s) { count++; }

CASE(clocks) {
    struct timespec a, b;
    static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM, 10, CLOCK_TAI, 12, 99, -1};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        char label[40];
        snprintf(label, sizeof label, "call, clock %d", clocks[i]);
        NAMED(label, syscall(SYS_clock_gettime, clocks[i], &a));
        snprintf(label, sizeof label, "vdso, clock %d", clocks[i]);
        NAMED(label, clock_gettime(clocks[i], &b));
        snprintf(label, sizeof label, "resolution, clock %d", clocks[i]);
        NAMED(label, clock_getres(clocks[i], 0));
    }
    NEED(clock_gettime(CLOCK_MONOTONIC, &a) == 0 && syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &b) == 0);
    int64_t difference = (b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec;
    CHECK(difference >= 0 && difference < 1000000000);
    NEED(syscall(SYS_clock_gettime, CLOCK_REALTIME, &a) == 0 && clock_gettime(CLOCK_REALTIME, &b) == 0);
    difference = (b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec;
    CHECK(difference >= 0 && difference < 1000000000);
    struct timeval tv;
    CALL(gettimeofday(&tv, 0));
    CHECK(labs(tv.tv_sec - b.tv_sec) <= 1);
    CALL(syscall(SYS_gettimeofday, STUB_SLOTS, 0));
    CHECK(labs(time(0) - b.tv_sec) <= 1);
    CHECK(labs(syscall(SYS_time, 0) - b.tv_sec) <= 1);
    CALL(syscall(SYS_clock_gettime, CLOCK_REALTIME, STUB_SLOTS));
    CALL(syscall(SYS_clock_gettime, CLOCK_REALTIME, 0));
    CALL(clock_getres(CLOCK_MONOTONIC, &a));
    note("resolution %ld.%ld", a.tv_sec, a.tv_nsec);
    CALL(syscall(SYS_clock_getres, CLOCK_MONOTONIC, STUB_SLOTS));
    struct timespec zero = {0, 1000000000};
    CALL(clock_settime(CLOCK_MONOTONIC, &zero));
    CALL(clock_settime(CLOCK_REALTIME, &zero));
}

CASE(time_goes_forward) {
    int64_t last = now_ns();
    int backwards = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t now = now_ns();
        backwards += now < last;
        last = now;
    }
    VALUE(backwards);
}

CASE(processor_time) {
    struct timespec a, b;
    NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a) == 0);
    int64_t end = now_ns() + 100000000;
    while (now_ns() < end)
        ;
    NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b) == 0);
    int64_t used = (b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec;
    CHECK(used > 10000000 && used < 2000000000);
    NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a) == 0);
    sleep_ms(100);
    NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b) == 0);
    used = (b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec;
    CHECK(used < 50000000);
    struct tms t;
    CHECK(times(&t) != -1);
    CHECK(t.tms_utime + t.tms_stime < 1000);
    CALL(syscall(SYS_times, STUB_SLOTS));
    clockid_t id;
    VALUE(clock_getcpuclockid(getpid(), &id));
    CALL(clock_gettime(id, &a));
}

CASE(sleeping) {
    struct timespec t = {0, 30000000}, left = {5, 5};
    int64_t start = now_ns();
    CALL(nanosleep(&t, &left));
    CHECK(now_ns() - start >= 30000000 && now_ns() - start < 1000000000);
    t.tv_nsec = 0;
    CALL(nanosleep(&t, 0));
    t.tv_nsec = 1000000000;
    CALL(nanosleep(&t, 0));
    t.tv_nsec = -1;
    CALL(nanosleep(&t, 0));
    t = (struct timespec){-1, 0};
    CALL(nanosleep(&t, 0));
    CALL(syscall(SYS_nanosleep, STUB_SLOTS, 0));
    CALL(syscall(SYS_nanosleep, 0, 0));
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_nsec += 30000000;
    if (when.tv_nsec >= 1000000000) when.tv_sec++, when.tv_nsec -= 1000000000;
    start = now_ns();
    TEXT(error_name(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, 0)));
    CHECK(now_ns() - start >= 25000000 && now_ns() - start < 1000000000);
    TEXT(error_name(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, 0)));
    t = (struct timespec){0, 10000000};
    TEXT(error_name(clock_nanosleep(CLOCK_REALTIME, 0, &t, 0)));
    TEXT(error_name(clock_nanosleep(CLOCK_BOOTTIME, 0, &t, 0)));
    TEXT(error_name(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, 0)));
    TEXT(error_name(clock_nanosleep(99, 0, &t, 0)));
    CALL(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0xff0, &t, 0));
}

CASE(interrupted_sleep) {
    pid_t parent = getpid();
    on_signal(SIGUSR1, count_it, SA_RESTART);
    for (int absolute = 0; absolute < 2; absolute++) {
        pid_t child = fork();
        if (child == 0) {
            sleep_ms(80);
            kill(parent, SIGUSR1);
            _exit(0);
        }
        struct timespec t = {10, 0}, left = {77, 0};
        if (absolute) {
            clock_gettime(CLOCK_MONOTONIC, &t);
            t.tv_sec += 10;
            note("absolute: %s", error_name(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &left)));
            VALUE(left.tv_sec);
        } else {
            CALL(nanosleep(&t, &left));
            CHECK(left.tv_sec == 9);
        }
        waitpid(child, 0, 0);
    }
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(80);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    struct timespec t = {10, 0};
    CALL(syscall(SYS_nanosleep, &t, STUB_SLOTS));
    waitpid(child, 0, 0);
}

CASE(stopped_while_sleeping) {
    int64_t start = now_ns();
    pid_t child = fork();
    if (child == 0) {
        struct timespec t = {0, 200000000};
        _exit(nanosleep(&t, 0) == 0 ? 0 : errno);
    }
    sleep_ms(50);
    kill(child, SIGSTOP);
    waitpid(child, 0, WUNTRACED);
    sleep_ms(20);
    kill(child, SIGCONT);
    int status;
    waitpid(child, &status, 0);
    print_status("child", status);
    CHECK(now_ns() - start >= 200000000 && now_ns() - start < 3000000000);
}

CASE(alarms) {
    on_signal(SIGALRM, count_it, 0);
    CHECK(alarm(100) > 0);
    CALL(alarm(50));
    CALL(alarm(0));
    CALL(alarm(0));
    alarm(1);
    int64_t start = now_ns();
    CALL(pause());
    CHECK(now_ns() - start > 900000000 && now_ns() - start < 4000000000);
    VALUE(count);
}

CASE(interval_timers) {
    on_signal(SIGALRM, count_it, 0);
    on_signal(SIGVTALRM, count_it, 0);
    on_signal(SIGPROF, count_it, 0);
    struct itimerval t = {{0, 10000}, {0, 10000}}, old;
    CALL(setitimer(ITIMER_REAL, &t, 0));
    int64_t start = now_ns();
    for (int i = 0; i < 5; i++) pause();
    CHECK(now_ns() - start >= 45000000);
    CALL(getitimer(ITIMER_REAL, &old));
    note("interval %ld", old.it_interval.tv_usec);
    CHECK(old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 10001);
    t = (struct itimerval){{0, 0}, {0, 0}};
    CALL(setitimer(ITIMER_REAL, &t, &old));
    note("interval %ld", old.it_interval.tv_usec);
    sleep_ms(30);
    count = 0;
    sleep_ms(30);
    VALUE(count);
    t = (struct itimerval){{0, 10000}, {0, 10000}};
    CALL(setitimer(ITIMER_VIRTUAL, &t, 0));
    int64_t end = now_ns() + 3000000000ll;
    while (count < 3 && now_ns() < end)
        ;
    CHECK(count >= 3);
    t = (struct itimerval){0};
    CALL(setitimer(ITIMER_VIRTUAL, &t, 0));
    t.it_value.tv_usec = 1000000;
    CALL(setitimer(ITIMER_REAL, &t, 0));
    t.it_value.tv_usec = -1;
    CALL(setitimer(ITIMER_REAL, &t, 0));
    CALL(setitimer(99, &t, 0));
    CALL(getitimer(99, &t));
    CALL(syscall(SYS_setitimer, ITIMER_REAL, STUB_SLOTS, 0));
    CALL(syscall(SYS_getitimer, ITIMER_REAL, STUB_SLOTS));
}

CASE(posix_timers) {
    timer_t id;
    struct sigevent event = {0};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    event.sigev_value.sival_int = 55;
    static siginfo_t got;
    void take(int s, siginfo_t * i, void *c) { got = *i, count++; }
    struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, 0);
    CALL(timer_create(CLOCK_MONOTONIC, &event, &id));
    struct itimerspec t = {{0, 10000000}, {0, 10000000}}, now;
    CALL(timer_settime(id, 0, &t, 0));
    while (count < 3) pause();
    note("code %d value %d", got.si_code, got.si_value.sival_int);
    CALL(timer_gettime(id, &now));
    VALUE(now.it_interval.tv_nsec);
    CALL(timer_getoverrun(id));
    CALL(timer_delete(id));
    CALL(timer_delete(id));
    CALL(timer_settime(id, 0, &t, 0));
    event.sigev_notify = SIGEV_NONE;
    CALL(timer_create(CLOCK_REALTIME, &event, &id));
    t.it_value.tv_nsec = 1000000000;
    CALL(timer_settime(id, 0, &t, 0));
    event.sigev_notify = 99;
    CALL(timer_create(CLOCK_MONOTONIC, &event, &id));
    event.sigev_notify = SIGEV_SIGNAL, event.sigev_signo = 99;
    CALL(timer_create(CLOCK_MONOTONIC, &event, &id));
    CALL(timer_create(99, 0, &id));
}

CASE(overrun) {
    timer_t id;
    sigset_t set;
    siginfo_t info;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    CALL(timer_create(CLOCK_MONOTONIC, &event, &id));
    struct itimerspec t = {{0, 5000000}, {0, 5000000}};
    CALL(timer_settime(id, 0, &t, 0));
    sleep_ms(100);
    CHECK(sigwaitinfo(&set, &info) == SIGUSR1);
    CHECK(info.si_overrun >= 5);
    CHECK(timer_getoverrun(id) == info.si_overrun);
}

CASE(timer_descriptors) {
    uint64_t ticks = 0;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK(fd == 3);
    CALL(read(fd, &ticks, 8));
    struct itimerspec t = {{0, 10000000}, {0, 10000000}}, now;
    CALL(timerfd_settime(fd, 0, &t, 0));
    struct pollfd p = {fd, POLLIN, 0};
    CALL(poll(&p, 1, 5000));
    CALL(read(fd, &ticks, 8));
    CHECK(ticks >= 1);
    sleep_ms(60);
    CALL(read(fd, &ticks, 8));
    CHECK(ticks >= 4);
    CALL(read(fd, &ticks, 4));
    CALL(timerfd_gettime(fd, &now));
    VALUE(now.it_interval.tv_nsec);
    CALL(write(fd, &ticks, 8));
    CALL(timerfd_settime(0, 0, &t, 0));
    CALL(timerfd_settime(fd, 99, &t, 0));
    t.it_value.tv_nsec = -1;
    CALL(timerfd_settime(fd, 0, &t, 0));
    CALL(timerfd_create(99, 0));
    CALL(timerfd_create(CLOCK_MONOTONIC, 99));
    fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
    t = (struct itimerspec){{0, 0}, {0, 20000000}};
    CALL(timerfd_settime(fd, 0, &t, 0));
    CALL(read(fd, &ticks, 8));
    VALUE(ticks);
}
