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


// ---- Seccomp notification (linux/seccomp.h), as the systrap platform uses it. Kept out of line of Swift's C importer.

/// struct seccomp_notif, flattened: 80 bytes.
struct chost_notification {
    uint64_t id;
    uint32_t thread;
    uint32_t flags;
    int32_t number;
    uint32_t architecture;
    uint64_t instruction;
    uint64_t arguments[6];
};

/// Waits for a notification on `listener`; 0, or -errno.
long chost_notification_receive(int listener, struct chost_notification *notification);
/// Answers `id` with a value, an error (negative errno) or `flags` (1: continue); 0, or -errno.
long chost_notification_send(int listener, uint64_t id, int64_t value, int32_t error, uint32_t flags);
/// Puts `source` into the notifying thread's descriptor table at `number`; the number, or -errno.
long chost_notification_add_fd(int listener, uint64_t id, int source, int number);
/// Asks for the synchronous wake-up (Linux 6.6 on); 0, or -errno.
long chost_notification_set_sync(int listener);

/// Starts the zygote: a child that has the slot file at descriptor 0 and executes `image` (an ELF file in a memfd) from descriptor 1,
/// with nothing else open, no capabilities and no address randomisation. The pid, or -errno.
long chost_start_zygote(int image, int slots, uint64_t descriptor_limit);

/// Atomic operations on shared words that Swift's Synchronization cannot address (they lie in a mapping).
static inline void chost_store_release(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
static inline uint32_t chost_load_acquire(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

/// Compare-and-exchange with acquire order; whether it took place.
static inline int chost_compare_exchange(uint32_t *word, uint32_t expected, uint32_t desired) {
    return __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
static inline uint32_t chost_exchange(uint32_t *word, uint32_t value) { return __atomic_exchange_n(word, value, __ATOMIC_ACQ_REL); }
static inline void chost_pause(void) { __builtin_ia32_pause(); }

// ---- Messages with descriptors (chost_socket.c).

/// Sends one message, with `descriptor` by SCM_RIGHTS if it is not negative, without SIGPIPE; the count sent, or -errno.
long chost_send_message(int socket, const void *bytes, size_t count, int descriptor, int flags);
/// Receives one message; its count, or -errno. `descriptor` takes the one descriptor that came with it, or -1; if it is null, the host
/// discards descriptors. `flags` takes the message's (MSG_TRUNC, MSG_CTRUNC).
long chost_receive_message(int socket, void *buffer, size_t capacity, int *descriptor, int *flags);

/// getauxval(3): what the host told this process at its start.
uint64_t chost_auxiliary_value(uint64_t type);

// ---- Starting processes of ours (chost_spawn.c).

/// How ``chost_spawn`` starts a process.
struct chost_spawn {
    /// CLONE_NEW… flags.
    uint64_t namespaces;
    /// An open descriptor of the executable, close-on-exec.
    int executable;
    /// NULL-terminated. The environment is empty.
    char *const *arguments;
    /// Become descriptors 0, 1, 2 … of the process; all others are closed.
    const int *descriptors;
    size_t descriptor_count;
    /// The process reads one byte from here before it goes on, and exits at the end of file; -1: goes on at once.
    int start_gate;
};

/// Starts a process in a session of its own that dies with the calling thread: all signals at their defaults and unblocked. The
/// process's pid, or -errno; `pidfd` takes a descriptor of it. Exit status 111: it could not be executed.
long chost_spawn(const struct chost_spawn *request, int *pidfd);

/// Tries in a child whether a filter with a listener can be installed: bit 0 tells of the synchronous wake-up; or -errno.
long chost_probe_seccomp(void);

#endif
