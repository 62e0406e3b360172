// sigaltstack(2).
#include "../conformance.h"
#include <ucontext.h>
#include <pthread.h>

static char stack[65536];
static volatile int on_it, flags_inside;
static volatile char *where;

static void look(int s, siginfo_t *i, void *c) {
    char local;
    where = &local;
    on_it = where >= stack && where < stack + sizeof stack;
    stack_t now;
    sigaltstack(0, &now);
    flags_inside = now.ss_flags;
    note("stack in context: flags %d size right %d", ((ucontext_t *)c)->uc_stack.ss_flags, ((ucontext_t *)c)->uc_stack.ss_size == sizeof stack);
}

static void install(int s, int flags) {
    struct sigaction action = {.sa_sigaction = look, .sa_flags = SA_SIGINFO | flags};
    NEED(sigaction(s, &action, 0) == 0);
}

CASE(used_when_asked) {
    stack_t s = {stack, 0, sizeof stack}, old;
    CALL(sigaltstack(&s, &old));
    VALUE(old.ss_flags);
    install(SIGUSR1, 0);
    install(SIGUSR2, SA_ONSTACK);
    raise(SIGUSR1);
    VALUE(on_it);
    VALUE(flags_inside);
    raise(SIGUSR2);
    VALUE(on_it);
    VALUE(flags_inside);
    CALL(sigaltstack(0, &old));
    note("flags %d size %zu right %d", old.ss_flags, old.ss_size, old.ss_sp == stack);
}

CASE(errors) {
    stack_t s = {stack, 0, sizeof stack};
    s.ss_size = 100;
    CALL(sigaltstack(&s, 0));
    s.ss_size = MINSIGSTKSZ - 1;
    CALL(syscall(SYS_sigaltstack, &s, 0));
    s.ss_size = sizeof stack, s.ss_flags = 99;
    CALL(sigaltstack(&s, 0));
    s.ss_flags = SS_ONSTACK;
    CALL(sigaltstack(&s, 0));
    s.ss_flags = SS_DISABLE, s.ss_size = 0;
    CALL(sigaltstack(&s, 0));
    CALL(syscall(SYS_sigaltstack, STUB_SLOTS, 0));
    CALL(syscall(SYS_sigaltstack, 0, STUB_SLOTS));
    CALL(sigaltstack(0, &s));
    VALUE(s.ss_flags);
    CALL(sigaltstack(0, 0));
}

static volatile int change_error;
static void try_change(int n) {
    stack_t s = {stack + 100, 0, 30000};
    change_error = sigaltstack(&s, 0) ? errno : 0;
}

CASE(not_changed_while_in_use) {
    stack_t s = {stack, 0, sizeof stack};
    NEED(sigaltstack(&s, 0) == 0);
    on_signal(SIGUSR1, try_change, SA_ONSTACK);
    raise(SIGUSR1);
    TEXT(error_name(change_error));
}

CASE(disarmed) {
    stack_t s = {stack, 1u << 31 /* SS_AUTODISARM */, sizeof stack}, now;
    CALL(sigaltstack(&s, 0));
    install(SIGUSR1, SA_ONSTACK);
    raise(SIGUSR1);
    VALUE(on_it);
    VALUE(flags_inside);
    CALL(sigaltstack(0, &now));
    HEX(now.ss_flags);
}

CASE(nested_stays) {
    // A second signal on the alternative stack goes on below the first.
    static volatile char *first, *second;
    void inner(int s) {
        char local;
        second = &local;
    }
    void outer(int s) {
        char local;
        first = &local;
        raise(SIGUSR2);
    }
    stack_t s = {stack, 0, sizeof stack};
    NEED(sigaltstack(&s, 0) == 0);
    on_signal(SIGUSR1, outer, SA_ONSTACK);
    on_signal(SIGUSR2, inner, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(second < first && second >= stack);
}

CASE(threads_and_children) {
    stack_t s = {stack, 0, sizeof stack};
    NEED(sigaltstack(&s, 0) == 0);
    static volatile int flags;
    void *body(void *u) {
        stack_t now;
        sigaltstack(0, &now);
        flags = now.ss_flags;
        return 0;
    }
    pthread_t t;
    pthread_create(&t, 0, body, 0);
    pthread_join(t, 0);
    note("thread: %d", flags);
    IN_CHILD("fork", stack_t now; sigaltstack(0, &now); note("kept %d", now.ss_sp == stack));
}

CASE(too_small_overflows) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    char *edge = before_edge(4096);
    IN_CHILD("frame does not fit", {
        NEED(mprotect(edge, 4096, PROT_NONE) == 0);
        stack_t s = {edge, 0, 4096};
        sigaltstack(&s, 0);
        install(SIGUSR1, SA_ONSTACK);
        raise(SIGUSR1);
    });
}
