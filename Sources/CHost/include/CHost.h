// The C foundation of the sentry, the gofer and the runtime: raw host system calls that return -errno, code that runs
// between fork and exec, and the kernel structures of seccomp notification. Only HostSyscalls imports it.
#ifndef CHOST_H
#define CHOST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/// One host system call; the result, or -errno. No libc state (errno, cancellation) is touched.
static inline long chost_syscall(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#endif
