// sigaction(2), kill(2), tgkill(2), sigprocmask(2), sigpending(2), sigsuspend(2), sigtimedwait(2), sigqueue: delivery and its order.
#include "../conformance.h"
#include <ucontext.h>

static volatile sig_atomic_t count, last;
static siginfo_t got;
static char order[64];

static void count_it(int s) { count++, last = s; }
static void record(int s, siginfo_t *info, void *context) {
    got = *info;
    count++;
    size_t n = strlen(order);
    if (n < sizeof order - 1) order[n] = s == SIGUSR1 ? '1' : s == SIGUSR2 ? '2' : s == SIGRTMIN ? 'r' : s == SIGRTMIN + 1 ? 's' : 'x';
}
static void recorder(int s, int flags) {
    struct sigaction action = {.sa_sigaction = record, .sa_flags = SA_SIGINFO | flags};
    NEED(sigaction(s, &action, 0) == 0);
}
static void block(int how, int s) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, s);
    NEED(sigprocmask(how, &set, 0) == 0);
}

CASE(handler_runs) {
    on_signal(SIGUSR1, count_it, 0);
    CALL(kill(getpid(), SIGUSR1));
    VALUE(count);
    CALL(raise(SIGUSR1));
    VALUE(count);
    CALL(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
    CALL(syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1));
    VALUE(count);
    signal(SIGUSR1, SIG_IGN);
    CALL(kill(getpid(), SIGUSR1));
    VALUE(count);
}

CASE(action_errors) {
    struct sigaction action = {0};
    CALL(sigaction(SIGKILL, &action, 0));
    CALL(sigaction(SIGSTOP, &action, 0));
    CALL(sigaction(SIGKILL, 0, &action));
    CALL(sigaction(0, 0, &action));
    CALL(sigaction(65, 0, &action));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 7));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 16));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, STUB_SLOTS, 0, 8));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, 0, STUB_SLOTS, 8));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 8));
    CALL(syscall(SYS_rt_sigaction, 32, 0, 0, 8));
    CALL(syscall(SYS_rt_sigaction, -1, 0, 0, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, 0, 7));
    CALL(syscall(SYS_rt_sigprocmask, 99, 0, 0, 8));
    CALL(syscall(SYS_rt_sigprocmask, 99, &action, 0, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_BLOCK, STUB_SLOTS, 0, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, STUB_SLOTS, 8));
    CALL(syscall(SYS_rt_sigpending, STUB_SLOTS, 8));
    CALL(syscall(SYS_rt_sigpending, &action, 9));
    CALL(syscall(SYS_rt_sigsuspend, STUB_SLOTS, 8));
    CALL(syscall(SYS_rt_sigsuspend, &action, 4));
    CALL(syscall(SYS_rt_sigtimedwait, STUB_SLOTS, 0, 0, 8));
    CALL(syscall(SYS_rt_sigtimedwait, &action, 0, 0, 4));
    CALL(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, STUB_SLOTS));
}

CASE(kill_errors) {
    CALL(kill(getpid(), 0));
    CALL(kill(getpid(), 65));
    CALL(kill(getpid(), -1));
    CALL(kill(99999999, 0));
    CALL(kill(99999999, SIGTERM));
    CALL(kill(-99999999, 0));
    CALL(kill(INT_MIN, 0));
    CALL(kill(0, 0));
    CALL(syscall(SYS_tgkill, getpid(), 99999999, SIGUSR1));
    CALL(syscall(SYS_tgkill, getpid(), 0, SIGUSR1));
    CALL(syscall(SYS_tgkill, 0, getpid(), SIGUSR1));
    CALL(syscall(SYS_tgkill, getpid(), getpid(), 0));
    CALL(syscall(SYS_tgkill, getpid(), getpid(), 65));
    CALL(syscall(SYS_tgkill, getppid(), getpid(), 0));
    CALL(syscall(SYS_tkill, 0, 0));
    CALL(syscall(SYS_tkill, -1, 0));
    CALL(syscall(SYS_tkill, getpid(), 0));
}

CASE(query_and_restore) {
    struct sigaction old;
    on_signal(SIGUSR1, count_it, SA_RESTART | SA_NODEFER);
    CALL(sigaction(SIGUSR1, 0, &old));
    CHECK(old.sa_handler == count_it);
    HEX(old.sa_flags & ~0x04000000);
    struct sigaction action = {.sa_handler = count_it};
    sigfillset(&action.sa_mask);
    CALL(sigaction(SIGUSR1, &action, &old));
    CALL(sigaction(SIGUSR1, 0, &old));
    CHECK(sigismember(&old.sa_mask, SIGTERM));
    CHECK(!sigismember(&old.sa_mask, SIGKILL));
    CHECK(!sigismember(&old.sa_mask, SIGSTOP));
    CHECK(signal(SIGUSR2, SIG_IGN) == SIG_DFL);
    CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}

CASE(blocking_and_pending) {
    sigset_t set;
    recorder(SIGUSR1, 0);
    recorder(SIGUSR2, 0);
    block(SIG_BLOCK, SIGUSR1);
    CALL(raise(SIGUSR1));
    CALL(raise(SIGUSR1));
    CALL(kill(getpid(), SIGUSR2));
    VALUE(count);
    CALL(sigpending(&set));
    note("pending USR1 %d USR2 %d", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2));
    block(SIG_UNBLOCK, SIGUSR1);
    VALUE(count);
    TEXT(order);
    CALL(sigpending(&set));
    note("pending USR1 %d", sigismember(&set, SIGUSR1));
    block(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    sigpending(&set);
    note("pending after ignore %d", sigismember(&set, SIGUSR1));
    sigfillset(&set);
    CALL(sigprocmask(SIG_SETMASK, &set, 0));
    CALL(sigprocmask(SIG_SETMASK, 0, &set));
    note("blocked KILL %d STOP %d TERM %d", sigismember(&set, SIGKILL), sigismember(&set, SIGSTOP), sigismember(&set, SIGTERM));
}

CASE(order_of_delivery) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    recorder(SIGUSR1, 0), recorder(SIGUSR2, 0), recorder(SIGRTMIN, 0), recorder(SIGRTMIN + 1, 0);
    NEED(sigprocmask(SIG_SETMASK, &all, 0) == 0);
    union sigval value = {.sival_int = 1};
    raise(SIGRTMIN + 1);
    raise(SIGUSR2);
    CALL(sigqueue(getpid(), SIGRTMIN, value));
    CALL(sigqueue(getpid(), SIGRTMIN, value));
    raise(SIGUSR1);
    raise(SIGUSR1);
    NEED(sigprocmask(SIG_SETMASK, &none, 0) == 0);
    VALUE(count);
    TEXT(order);
    // Handlers that block one another run one after the other, the lowest number first.
    struct sigaction action = {.sa_sigaction = record, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR1, &action, 0), sigaction(SIGUSR2, &action, 0), sigaction(SIGRTMIN, &action, 0), sigaction(SIGRTMIN + 1, &action, 0);
    memset(order, 0, sizeof order);
    NEED(sigprocmask(SIG_SETMASK, &all, 0) == 0);
    raise(SIGRTMIN + 1), raise(SIGRTMIN), raise(SIGUSR2), raise(SIGUSR1), raise(SIGRTMIN);
    NEED(sigprocmask(SIG_SETMASK, &none, 0) == 0);
    TEXT(order);
}

CASE(information) {
    recorder(SIGUSR1, 0);
    recorder(SIGRTMIN, 0);
    kill(getpid(), SIGUSR1);
    note("kill: code %d uid %d pid right %d", got.si_code, got.si_uid, got.si_pid == getpid());
    raise(SIGUSR1);
    note("raise: code %d pid right %d", got.si_code, got.si_pid == getpid());
    union sigval value = {.sival_ptr = (void *)0x1234567890};
    sigqueue(getpid(), SIGRTMIN, value);
    note("queue: code %d value %#lx pid right %d", got.si_code, (long)got.si_value.sival_ptr, got.si_pid == getpid());
    siginfo_t info = {0};
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 77;
    CALL(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &info));
    note("queueinfo: code %d value %d", got.si_code, got.si_value.sival_int);
    info.si_code = SI_USER;
    CALL(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &info));
    IN_CHILD("to another", info.si_code = SI_USER; CALL(syscall(SYS_rt_sigqueueinfo, getppid(), SIGRTMIN, &info)); info.si_code = SI_TKILL; CALL(syscall(SYS_rt_sigqueueinfo, getppid(), SIGRTMIN, &info)));
    info.si_code = -60;
    CALL(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN, &info));
    note("tgsigqueueinfo: code %d", got.si_code);
    IN_CHILD("child", kill(getppid(), SIGUSR1));
    note("from a child: code %d pid not mine %d", got.si_code, got.si_pid != getpid());
}

CASE(queue_counts) {
    recorder(SIGRTMIN, 0);
    block(SIG_BLOCK, SIGRTMIN);
    union sigval value;
    for (value.sival_int = 0; value.sival_int < 100; value.sival_int++)
        if (sigqueue(getpid(), SIGRTMIN, value)) note("queueing %d: %s", value.sival_int, error_name(errno));
    block(SIG_UNBLOCK, SIGRTMIN);
    VALUE(count);
    VALUE(got.si_value.sival_int);
    struct rlimit limit = {5, 5};
    if (setrlimit(RLIMIT_SIGPENDING, &limit)) return;
    count = 0;
    if (geteuid() == 0) NEED(setresuid(4321, 4321, 4321) == 0);
    block(SIG_BLOCK, SIGRTMIN);
    int failed = 0;
    for (int i = 0; i < 10; i++) failed += sigqueue(getpid(), SIGRTMIN, value) != 0 && errno == EAGAIN;
    VALUE(failed);
    CALL(kill(getpid(), SIGRTMIN));
    block(SIG_UNBLOCK, SIGRTMIN);
    VALUE(count);
}

CASE(reset_and_nodefer) {
    on_signal(SIGUSR1, count_it, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction now;
    sigaction(SIGUSR1, 0, &now);
    CHECK(now.sa_handler == SIG_DFL);
    VALUE(count);
    static volatile int depth, deepest;
    void nested(int s) {
        if (++depth > deepest) deepest = depth;
        if (depth < 3) raise(s);
        depth--;
    }
    on_signal(SIGUSR2, nested, SA_NODEFER);
    raise(SIGUSR2);
    VALUE(deepest);
    deepest = 0;
    static volatile int entered;
    void once(int s) {
        if (++depth > deepest) deepest = depth;
        if (entered++ < 3) raise(s);
        depth--;
    }
    on_signal(SIGUSR2, once, 0);
    raise(SIGUSR2);
    VALUE(deepest);
    VALUE(entered);
}

CASE(mask_while_handling) {
    static sigset_t inside;
    void look(int s) { sigprocmask(SIG_BLOCK, 0, &inside); }
    struct sigaction action = {.sa_handler = look};
    sigaddset(&action.sa_mask, SIGTERM);
    sigaction(SIGUSR1, &action, 0);
    block(SIG_BLOCK, SIGHUP);
    raise(SIGUSR1);
    note("in handler: USR1 %d TERM %d HUP %d INT %d", sigismember(&inside, SIGUSR1), sigismember(&inside, SIGTERM), sigismember(&inside, SIGHUP), sigismember(&inside, SIGINT));
    sigprocmask(SIG_BLOCK, 0, &inside);
    note("after: USR1 %d TERM %d HUP %d", sigismember(&inside, SIGUSR1), sigismember(&inside, SIGTERM), sigismember(&inside, SIGHUP));
}

CASE(context_can_change) {
    static volatile long value;
    void change(int s, siginfo_t * i, void *c) {
        ucontext_t *u = c;
        // The mask that the return restores.
        sigaddset(&u->uc_sigmask, SIGTERM);
        u->uc_mcontext.gregs[REG_R12] = 4242;
    }
    struct sigaction action = {.sa_sigaction = change, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, 0);
    long pid = getpid(), r12;
    __asm__ volatile("mov $1,%%r12\n mov $62,%%eax\n mov %1,%%rdi\n mov $10,%%esi\n syscall\n mov %%r12,%0" : "=r"(r12) : "r"(pid) : "rax", "rdi", "rsi", "rcx", "r11", "r12", "memory");
    VALUE(r12);
    sigset_t set;
    sigprocmask(SIG_BLOCK, 0, &set);
    note("TERM blocked %d", sigismember(&set, SIGTERM));
}

CASE(registers_survive) {
    // Every register and the vector state come back from a handler that destroys them.
    void destroy(int s) {
        __asm__ volatile("pxor %%xmm0,%%xmm0\n pxor %%xmm7,%%xmm7\n pxor %%xmm15,%%xmm15\n" ::: "xmm0", "xmm7", "xmm15");
        volatile double x = 1.5;
        for (int i = 0; i < 10; i++) x = x * 1.25;
    }
    on_signal(SIGUSR1, destroy, 0);
    static uint64_t out[8], before, after;
    long failures = 0;
    for (int i = 0; i < 50; i++) {
        before = 0x123456789abcdef + i;
        __asm__ volatile(
            "push %%rbp\n movq %[before],%%xmm7\n mov $0x1111,%%rbx\n mov $0x2222,%%r8\n mov $0x3333,%%r9\n mov $0x4444,%%r10\n mov $0x5555,%%r13\n"
            "mov $0x6666,%%r14\n mov $0x7777,%%rbp\n mov $0x8888,%%rdx\n"
            "mov $62,%%eax\n mov $10,%%esi\n syscall\n"
            "movq %%xmm7,%[after]\n mov %%rbx,%[out]\n mov %%r8,8+%[out]\n mov %%r9,16+%[out]\n mov %%r10,24+%[out]\n mov %%r13,32+%[out]\n"
            "mov %%r14,40+%[out]\n mov %%rbp,48+%[out]\n mov %%rdx,56+%[out]\n pop %%rbp\n"
            : [out] "=m"(out), [after] "=m"(after)
            : [before] "m"(before), "D"((long)getpid())
            : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r13", "r14", "xmm7", "memory");
        uint64_t expected[8] = {0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666, 0x7777, 0x8888};
        failures += memcmp(out, expected, sizeof out) != 0 || before != after;
    }
    VALUE(failures);
}

CASE(suspending) {
    on_signal(SIGUSR1, count_it, 0);
    block(SIG_BLOCK, SIGUSR1);
    sigset_t none, now;
    sigemptyset(&none);
    raise(SIGUSR1);
    CALL(sigsuspend(&none));
    VALUE(count);
    sigprocmask(SIG_BLOCK, 0, &now);
    note("USR1 blocked again %d", sigismember(&now, SIGUSR1));
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        wait_until_sleeping(parent);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    CALL(sigsuspend(&none));
    VALUE(count);
    waitpid(child, 0, 0);
    child = fork();
    if (child == 0) {
        wait_until_sleeping(parent);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    block(SIG_UNBLOCK, SIGUSR1);
    CALL(pause());
    VALUE(count);
    waitpid(child, 0, 0);
}

CASE(waiting_for_signals) {
    sigset_t set;
    siginfo_t info;
    struct timespec zero = {0, 0}, some = {0, 50000000}, bad = {0, 1000000000}, negative = {-1, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    NEED(sigprocmask(SIG_BLOCK, &set, 0) == 0);
    CALL(sigtimedwait(&set, &info, &zero));
    int64_t start = now_ns();
    CALL(sigtimedwait(&set, &info, &some));
    CHECK(now_ns() - start >= 50000000);
    CALL(sigtimedwait(&set, &info, &bad));
    CALL(sigtimedwait(&set, &info, &negative));
    raise(SIGUSR1);
    CALL(sigtimedwait(&set, &info, &zero));
    note("code %d signo %s", info.si_code, signal_name(info.si_signo));
    union sigval value = {.sival_int = 5};
    sigqueue(getpid(), SIGRTMIN, value);
    value.sival_int = 6;
    sigqueue(getpid(), SIGRTMIN, value);
    NEED(sigwaitinfo(&set, &info) == SIGRTMIN);
    VALUE(info.si_value.sival_int);
    NEED(sigwaitinfo(&set, &info) == SIGRTMIN);
    VALUE(info.si_value.sival_int);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        wait_until_sleeping(parent);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    int s;
    CALL(sigwait(&set, &s));
    VALUE(s);
    waitpid(child, 0, 0);
    on_signal(SIGUSR2, count_it, SA_RESTART);
    child = fork();
    if (child == 0) {
        wait_until_sleeping(parent);
        kill(parent, SIGUSR2);
        _exit(0);
    }
    CALL(sigwaitinfo(&set, 0));
    waitpid(child, 0, 0);
    raise(SIGUSR1);
    CALL(syscall(SYS_rt_sigtimedwait, &set, STUB_SLOTS, &zero, 8));
    CALL(sigtimedwait(&set, &info, &zero));
}

CASE(default_actions) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (int s = 1; s <= 64; s++) {
        if (s == SIGSTOP || s == SIGTSTP || s == SIGTTIN || s == SIGTTOU || s == 32 || s == 33) continue;
        pid_t child = fork();
        if (child == 0) {
            signal(s, SIG_DFL);
            kill(getpid(), s);
            _exit(50);
        }
        int status;
        waitpid(child, &status, 0);
        note("signal %d: %s %d", s, WIFSIGNALED(status) ? "killed" : "exited", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

CASE(permission_to_signal) {
    if (geteuid()) SKIP("needs root");
    pid_t root = getpid();
    pid_t other = fork();
    if (other == 0) {
        setresuid(1001, 1001, 1001);
        for (;;) pause();
    }
    sleep_ms(50);
    IN_CHILD("as 1000", setresuid(1000, 1000, 1000); CALL(kill(root, 0)); CALL(kill(other, 0)); CALL(kill(root, SIGKILL)); CALL(kill(getpid(), 0)));
    IN_CHILD("as 1001", setresuid(1001, 1001, 1001); CALL(kill(root, 0)); CALL(kill(other, 0)));
    IN_CHILD("real 1001", setresuid(1001, 1000, 1000); CALL(kill(other, 0)));
    CALL(kill(other, SIGKILL));
    waitpid(other, 0, 0);
}

CASE(many_signals_between_processes) {
    on_signal(SIGUSR1, count_it, SA_RESTART);
    block(SIG_BLOCK, SIGUSR1);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        sigset_t set;
        siginfo_t info;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        for (int i = 0; i < 500; i++) {
            kill(parent, SIGUSR1);
            sigwaitinfo(&set, &info);
        }
        _exit(0);
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int rounds = 0;
    for (int i = 0; i < 500; i++) {
        siginfo_t info;
        rounds += sigwaitinfo(&set, &info) == SIGUSR1;
        kill(child, SIGUSR1);
    }
    VALUE(rounds);
    waitpid(child, 0, 0);
}

CASE(busy_process_is_interrupted) {
    on_signal(SIGALRM, count_it, 0);
    struct itimerval timer = {{0, 5000}, {0, 5000}};
    NEED(setitimer(ITIMER_REAL, &timer, 0) == 0);
    int64_t end = now_ns() + 5000000000ll;
    while (count < 20 && now_ns() < end)
        ;
    CHECK(count >= 20);
    count = 0;
    volatile unsigned long spins = 0;
    while (count < 5 && spins < 20000000000ul) spins++;
    CHECK(count >= 5);
}
