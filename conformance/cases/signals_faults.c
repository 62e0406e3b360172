// Hardware faults as signals: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, with their information; and bad signal frames.
#include "../conformance.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static siginfo_t got;
static ucontext_t context;

static void jump(int s, siginfo_t *info, void *c) {
    got = *info;
    context = *(ucontext_t *)c;
    siglongjmp(back, 1);
}

static void catch_all(int flags) {
    static const int all[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    struct sigaction action = {.sa_sigaction = jump, .sa_flags = SA_SIGINFO | flags};
    for (int i = 0; i < 5; i++) NEED(sigaction(all[i], &action, 0) == 0);
}

#define FAULT(name, ...)                                                                                                         \
    do {                                                                                                                         \
        if (sigsetjmp(back, 1) == 0) {                                                                                           \
            __VA_ARGS__;                                                                                                         \
            note("%s: no fault", name);                                                                                          \
        } else note("%s: %s code %d", name, signal_name(got.si_signo), got.si_code);                                             \
    } while (0)

CASE(segmentation) {
    catch_all(0);
    char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char *v = page;
    FAULT("write to read-only", v[5] = 1);
    CHECK(got.si_addr == page + 5);
    CHECK(context.uc_mcontext.gregs[REG_CR2] == (long)(page + 5));
    HEX(context.uc_mcontext.gregs[REG_ERR]);
    VALUE(context.uc_mcontext.gregs[REG_TRAPNO]);
    NEED(mprotect(page, 4096, PROT_NONE) == 0);
    FAULT("read of nothing", (void)v[7]);
    CHECK(got.si_addr == page + 7);
    NEED(munmap(page, 8192) == 0);
    FAULT("read of unmapped", (void)v[4096]);
    CHECK(got.si_addr == page + 4096);
    HEX(context.uc_mcontext.gregs[REG_ERR]);
    FAULT("null", (void)*(volatile char *)0);
    CHECK(got.si_addr == 0);
    FAULT("non-canonical", (void)*(volatile char *)0x800000000000);
    CHECK(got.si_addr == 0);
    VALUE(context.uc_mcontext.gregs[REG_TRAPNO]);
    FAULT("kernel", (void)*(volatile char *)0xffffffff81000000);
    page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 0xc3;
    FAULT("execute data", ((void (*)(void))page)());
    CHECK(got.si_addr == page);
    HEX(context.uc_mcontext.gregs[REG_ERR]);
    FAULT("jump to null", ((void (*)(void))0)());
    CHECK(context.uc_mcontext.gregs[REG_RIP] == 0);
}

CASE(others) {
    catch_all(0);
    FAULT("divide", __asm__ volatile("xor %%edx,%%edx\n mov $1,%%eax\n xor %%ecx,%%ecx\n div %%ecx" ::: "eax", "ecx", "edx"));
    CHECK(got.si_addr == (void *)context.uc_mcontext.gregs[REG_RIP]);
    FAULT("undefined instruction", __asm__ volatile("ud2"));
    CHECK(got.si_addr == (void *)context.uc_mcontext.gregs[REG_RIP]);
    FAULT("breakpoint", __asm__ volatile("int3"));
    FAULT("privileged", __asm__ volatile("hlt"));
    FAULT("in", __asm__ volatile("inb $0x60,%%al" ::: "eax"));
    FAULT("interrupt 0x81", __asm__ volatile("int $0x81"));
    FAULT("single step", __asm__ volatile("pushf\n orl $0x100,(%%rsp)\n popf\n nop\n" ::: "memory"));
    FAULT("alignment", __asm__ volatile("movaps (%0),%%xmm0" ::"r"((char *)&got + 1) : "xmm0"));
}

CASE(bus_errors) {
    catch_all(0);
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(ftruncate(fd, 4096) == 0);
    volatile char *m = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    NEED(m != MAP_FAILED);
    m[0] = 1;
    FAULT("past the end", (void)m[4096]);
    CHECK(got.si_addr == (void *)(m + 4096));
    FAULT("write past the end", m[8192] = 1);
    NEED(ftruncate(fd, 0) == 0);
    FAULT("after truncation", (void)m[0]);
    NEED(ftruncate(fd, 8192) == 0);
    FAULT("grown again", (void)m[4096]);
    FAULT("still past", (void)m[8192]);
    m = mmap(0, 2 * 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
    FAULT("private past the end", (void)m[4096]);
}

CASE(handler_repairs) {
    static char *page;
    static int faults;
    void repair(int s, siginfo_t * info, void *c) {
        faults++;
        mprotect(page, 4096, PROT_READ | PROT_WRITE);
    }
    struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 100; i++) {
        mprotect(page, 4096, i & 1 ? PROT_READ : PROT_NONE);
        *(volatile char *)(page + i) = i;
    }
    VALUE(faults);
    VALUE(page[99]);
}

CASE(unhandled) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    IN_CHILD("segmentation", *(volatile char *)16 = 1);
    IN_CHILD("ignored", signal(SIGSEGV, SIG_IGN); *(volatile char *)16 = 1);
    sigset_t set;
    sigfillset(&set);
    IN_CHILD("blocked", catch_all(0); sigprocmask(SIG_SETMASK, &set, 0); *(volatile char *)16 = 1);
    IN_CHILD("ud2", __asm__ volatile("ud2"));
    IN_CHILD("int3", __asm__ volatile("int3"));
    IN_CHILD("divide", __asm__ volatile("xor %%edx,%%edx\n xor %%ecx,%%ecx\n div %%ecx" ::: "eax", "ecx", "edx"));
    IN_CHILD("abort", abort());
    IN_CHILD("stack without end", char *p = alloca(1 << 16); *(volatile char *)p = 1; for (;;) { p = alloca(1 << 16); *(volatile char *)p = 1; });
}

CASE(stack_overflow_on_alternative_stack) {
    static char stack[65536];
    stack_t s = {stack, 0, sizeof stack};
    NEED(sigaltstack(&s, 0) == 0);
    struct rlimit small = {1 << 20, 8 << 20};
    setrlimit(RLIMIT_STACK, &small);
    catch_all(SA_ONSTACK);
    volatile char *p;
    FAULT("overflow", for (;;) {
        p = alloca(1 << 14);
        *p = 1;
    });
}

CASE(bad_stack_pointer) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    // The frame cannot be written: SIGSEGV, which cannot be delivered either.
    void handler(int s) { _exit(0); }
    IN_CHILD("no stack", on_signal(SIGUSR1, handler, 0); long pid = getpid(); __asm__ volatile("mov $0x10,%%rsp\n mov $62,%%eax\n mov $10,%%esi\n syscall\n ud2" ::"D"(pid)));
    IN_CHILD("stack in the stub", on_signal(SIGUSR1, handler, 0); long pid = getpid(); __asm__ volatile("mov $0x7ffe10001000,%%rsp\n mov $62,%%eax\n mov $10,%%esi\n syscall\n ud2" ::"D"(pid)));
    IN_CHILD("kernel stack pointer", on_signal(SIGUSR1, handler, 0); long pid = getpid(); __asm__ volatile("mov $-4096,%%rsp\n mov $62,%%eax\n mov $10,%%esi\n syscall\n ud2" ::"D"(pid)));
    IN_CHILD("segv handler without stack", on_signal(SIGSEGV, handler, 0); __asm__ volatile("mov $0x10,%rsp\n push %rax"));
}

CASE(bad_return_frames) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    IN_CHILD("sigreturn without frame", __asm__ volatile("mov $0x10,%rsp\n mov $15,%eax\n syscall\n ud2"));
    IN_CHILD("sigreturn in the stub", __asm__ volatile("mov $0x7ffe10000000,%rsp\n mov $15,%eax\n syscall\n ud2"));
    void bad_rip(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.gregs[REG_RIP] = 0x1000; }
    void kernel_rip(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.gregs[REG_RIP] = 0xffffffff81000000; }
    void odd_rip(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.gregs[REG_RIP] = 0x8000000000000000; }
    void kernel_cs(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.gregs[REG_CSGSFS] = 0x10; }
    void flags(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.gregs[REG_EFL] |= 0x3000 | 0x4000 | 1 << 17 | 1 << 18 | 1 << 19; }
    void no_fpu(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.fpregs = 0; }
    void bad_fpu(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.fpregs = (void *)0x7ffe10000000; }
    void odd_fpu(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.fpregs = (void *)((char *)((ucontext_t *)c)->uc_mcontext.fpregs + 1); }
    void mxcsr(int s, siginfo_t * i, void *c) { ((ucontext_t *)c)->uc_mcontext.fpregs->mxcsr = 0xffffffff; }
    struct {
        const char *name;
        void (*handler)(int, siginfo_t *, void *);
    } rows[] = {{"rip 0x1000", bad_rip}, {"rip in the kernel", kernel_rip}, {"non-canonical rip", odd_rip}, {"flags", flags}, {"no fpu", no_fpu}, {"fpu in the stub", bad_fpu}, {"mxcsr", mxcsr}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sigaction action = {.sa_sigaction = rows[i].handler, .sa_flags = SA_SIGINFO};
        IN_CHILD(rows[i].name, sigaction(SIGUSR1, &action, 0); raise(SIGUSR1));
    }
}

CASE(faults_in_threads_of_calls) {
    // A fault right after a call, and a call right after a fault, many times.
    catch_all(SA_NODEFER);
    int faults = 0;
    for (int i = 0; i < 200; i++) {
        getppid();
        if (sigsetjmp(back, 1) == 0) *(volatile char *)8 = 1;
        else faults++;
    }
    VALUE(faults);
}
