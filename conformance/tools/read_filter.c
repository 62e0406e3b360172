// Reads the seccomp filters of a process back (PTRACE_SECCOMP_GET_FILTER) and says what they do with every system call number, by
// interpreting the classic BPF: read_filter PID [IP]. A line each: NUMBER ACTION, for a call from the instruction pointer given
// (hexadecimal; an ordinary address by default), with the arguments all zero; then, for futex, a line for each operation.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static struct sock_filter programs[16][4096];
static long lengths[16];
static int count;

// The filter machine (Documentation/networking/filter.rst), as much of it as seccomp allows.
static unsigned run(const struct sock_filter *f, long length, const struct seccomp_data *data) {
    unsigned a = 0, x = 0, memory[16] = {0};
    for (long pc = 0; pc < length; pc++) {
        const struct sock_filter *i = &f[pc];
        unsigned source = i->code & 8 ? x : i->k;
        switch (i->code & 7) {
        case BPF_LD:
            if ((i->code & 0xe0) == BPF_ABS) memcpy(&a, (const char *)data + i->k, 4);
            else if ((i->code & 0xe0) == BPF_IMM) a = i->k;
            else if ((i->code & 0xe0) == BPF_MEM) a = memory[i->k & 15];
            else if ((i->code & 0xe0) == BPF_LEN) a = sizeof *data;
            break;
        case BPF_LDX: x = (i->code & 0xe0) == BPF_MEM ? memory[i->k & 15] : i->k; break;
        case BPF_ST: memory[i->k & 15] = a; break;
        case BPF_STX: memory[i->k & 15] = x; break;
        case BPF_ALU:
            switch (i->code & 0xf0) {
            case BPF_ADD: a += source; break;
            case BPF_SUB: a -= source; break;
            case BPF_MUL: a *= source; break;
            case BPF_DIV: a = source ? a / source : 0; break;
            case BPF_AND: a &= source; break;
            case BPF_OR: a |= source; break;
            case BPF_XOR: a ^= source; break;
            case BPF_LSH: a <<= source; break;
            case BPF_RSH: a >>= source; break;
            case BPF_NEG: a = -a; break;
            }
            break;
        case BPF_JMP: {
            int is_true = 0;
            switch (i->code & 0xf0) {
            case BPF_JA: pc += i->k; continue;
            case BPF_JEQ: is_true = a == source; break;
            case BPF_JGT: is_true = a > source; break;
            case BPF_JGE: is_true = a >= source; break;
            case BPF_JSET: is_true = (a & source) != 0; break;
            }
            pc += is_true ? i->jt : i->jf;
            break;
        }
        case BPF_RET: return (i->code & 0x18) == BPF_A ? a : i->k;
        case BPF_MISC:
            if ((i->code & 0xf8) == BPF_TXA) a = x;
            else x = a;
            break;
        }
    }
    return 0;
}

// The strictest verdict of all filters, as the kernel takes it.
static unsigned verdict(const struct seccomp_data *data) {
    unsigned best = SECCOMP_RET_ALLOW;
    for (int i = 0; i < count; i++) {
        unsigned r = run(programs[i], lengths[i], data);
        if ((int)(r & SECCOMP_RET_ACTION_FULL) < (int)(best & SECCOMP_RET_ACTION_FULL)) best = r;
    }
    return best;
}

static const char *name(unsigned verdict) {
    switch (verdict & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_KILL_PROCESS: return "kill";
    case SECCOMP_RET_KILL_THREAD: return "kill-thread";
    case SECCOMP_RET_TRAP: return "trap";
    case SECCOMP_RET_ERRNO: return "errno";
    case SECCOMP_RET_USER_NOTIF: return "notify";
    case SECCOMP_RET_TRACE: return "trace";
    case SECCOMP_RET_LOG: return "log";
    case SECCOMP_RET_ALLOW: return "allow";
    }
    return "unknown";
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "read_filter PID [IP]\n");
        return 2;
    }
    int pid = atoi(argv[1]), status;
    if (ptrace(PTRACE_SEIZE, pid, 0, 0)) {
        perror("PTRACE_SEIZE");
        return 1;
    }
    ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    waitpid(pid, &status, __WALL);
    for (; count < 16; count++) {
        long n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, count, 0);
        if (n < 0) break;
        lengths[count] = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, count, programs[count]);
    }
    int error = errno;
    ptrace(PTRACE_DETACH, pid, 0, 0);
    if (!count) {
        fprintf(stderr, "no filter could be read: %s\n", strerror(error));
        return 1;
    }
    struct seccomp_data data = {.arch = 0xc000003e, .instruction_pointer = argc > 2 ? strtoul(argv[2], 0, 16) : 0x401000};
    for (data.nr = 0; data.nr < 512; data.nr++) {
        if (data.nr == 202) continue;
        printf("%d %s\n", data.nr, name(verdict(&data)));
    }
    data.nr = 202;
    for (int with_timeout = 0; with_timeout < 2; with_timeout++)
        for (int operation = 0; operation < 16; operation++) {
            data.args[1] = operation;
            data.args[3] = with_timeout ? 0x10000 : 0;
            printf("futex %d %s %s\n", operation, with_timeout ? "timeout" : "plain", name(verdict(&data)));
        }
    // The other doors.
    data.args[1] = data.args[3] = 0;
    data.nr = 0x40000000 | 39;
    printf("x32 %s\n", name(verdict(&data)));
    data.nr = -1;
    printf("minus-one %s\n", name(verdict(&data)));
    data.arch = 0x40000003;
    int is_closed = 1;
    for (data.nr = 0; data.nr < 512; data.nr++)
        if ((verdict(&data) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW) is_closed = 0;
    printf("i386 %s\n", is_closed ? "closed" : "open");
    return 0;
}
