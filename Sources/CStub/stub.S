// The stub: the code of ours that runs in guest processes (design, sections 3 and 4).
//
// Position independent, no data, no stack of its own but the slot's, no symbols from elsewhere. It needs no trust: every host
// call it makes from the notify range raises a notification that the sentry compares with its own list, and everything it
// stores can be forged by the workload. Offsets into the slot are proved against CStub.h by stub_layout.c.

#include "CStub.h"

    .section palisade_stub, "ax", @progbits
    .globl palisade_stub_start
palisade_stub_start:

// ---- Signal entry: rdi signal, rsi siginfo, rdx ucontext. The frame lies in the thread's slot (SS_AUTODISARM).
//
// rbx slot, r12 ucontext, r13 reason of the next ask, r14 order being made / last result, rbp orders left, r15 what follows.
    .globl palisade_stub_handler
palisade_stub_handler:
    mov %rdx, %r12
    mov %edi, %r13d
    mov %rdx, %rbx
    and $-SLOT_SIZE, %rbx
    xor %r14d, %r14d

    .globl palisade_stub_notify_start
palisade_stub_notify_start:             // calls made from here to notify_end are notifications
.Lask:
    mov $NR_ASK, %eax
    mov %r12, %rdi
    mov %r13, %rsi
    mov %r14, %rdx
    syscall
.Lorders:
    mov SLOT_ORDER_COUNT(%rbx), %ebp
    mov SLOT_THEN(%rbx), %r15d
    lea SLOT_ORDERS(%rbx), %r14
    cmp $SLOT_ORDERS_MAX, %ebp
    ja .Lbroken                         // forged: hurts only this process
.Lnext:
    test %ebp, %ebp
    jz .Ldone
    mov 0(%r14), %rax
    mov 8(%r14), %rdi
    mov 16(%r14), %rsi
    mov 24(%r14), %rdx
    mov 32(%r14), %r10
    mov 40(%r14), %r8
    mov 48(%r14), %r9
    testl $ORDER_CLONE, 56(%r14)
    jnz .Lclone
    syscall
.Lmade:
    cmp $-4095, %rax
    jae .Lfailed
    add $ORDER_SIZE, %r14
    dec %ebp
    jmp .Lnext
.Lfailed:
    mov %rax, %r14
    mov $ASK_FAILED, %r13d
    jmp .Lask
.Ldone:
    xor %r14d, %r14d
    cmp $THEN_RESUME, %r15d
    je .Lreturn_frame
    mov $ASK_DONE, %r13d
    cmp $THEN_SLEEP, %r15d
    jne .Lask
    jmp .Lsleep

// A clone: tokens for the child travel in rdx and r9, which the call does not use.
.Lclone:
    syscall
    test %rax, %rax
    jnz .Lmade
// The child has no stack: a fork's child has no slot mapped yet, a thread still has its parent's rsp.
    mov %rdx, %r12
    mov %r9, %r13
.Lhello:
    mov $NR_HELLO, %eax
    mov %r12, %rdi
    mov %r13, %rsi
    syscall
    movabs $SLOT_BASE, %r14
    cmp %r14, %rax
    jae .Lenter
    mov %rax, %r9                       // the window's place in the slot file, put at descriptor 0
    mov $9, %eax
    mov %r14, %rdi
    mov $SLOT_WINDOW, %esi
    mov $3, %edx
    mov $0x11, %r10d
    xor %r8d, %r8d
    syscall
    mov $3, %eax
    xor %edi, %edi
    syscall
    mov $28, %eax
    mov %r14, %rdi
    mov $SLOT_WINDOW, %esi
    mov $10, %edx
    syscall
    jmp .Lhello
    .globl palisade_stub_notify_end
palisade_stub_notify_end:

.Lenter:
    mov %rax, %r12
// ---- Back to the workload: the frame in the slot is loaded. The only rt_sigreturn that stays native.

.Lreturn_frame:
    mov %r12, %rsp
    .globl palisade_stub_restorer
palisade_stub_restorer:
    mov $15, %eax
    syscall
    .globl palisade_stub_return_ip
palisade_stub_return_ip:
    ud2

// ---- Sleep until the sentry changes the wake word, or to the deadline.
.Lsleep:
    lea SLOT_WAKE(%rbx), %rdi
    mov SLOT_SLEEP_OP(%rbx), %esi
    mov SLOT_SLEEP_VALUE(%rbx), %edx
    xor %r10d, %r10d
    cmpl $0, SLOT_HAS_DEADLINE(%rbx)
    je 1f
    lea SLOT_DEADLINE(%rbx), %r10
1:  xor %r8d, %r8d
    mov $-1, %r9d
    mov $202, %eax
    syscall
    .globl palisade_stub_sleep_ip
palisade_stub_sleep_ip:
    cmp $-110, %rax
    je 2f
    mov SLOT_WAKE(%rbx), %eax
    cmp SLOT_SLEEP_VALUE(%rbx), %eax
    je .Lsleep
    jmp .Lorders
2:  mov $ASK_TIMEOUT, %r13d
    xor %r14d, %r14d
    jmp .Lask

.Lbroken:
    ud2

// ---- A futex wait with a timeout, made natively in the workload's own context (design, section 7): the sentry has loaded
// the registers; the thread comes back by a trap with the result in rdi.
    .globl palisade_stub_timed_wait
palisade_stub_timed_wait:
    syscall
    .globl palisade_stub_timed_wait_ip
palisade_stub_timed_wait_ip:
    mov %rax, %rdi
    mov $NR_WAITED, %eax
    syscall
    ud2

// ---- The zygote's start: everything it needs is laid out in its slot. Runs before the filter exists.
    .globl palisade_stub_entry
palisade_stub_entry:
    mov %rsp, %rbp
    mov $9, %eax                        // mmap(SLOT_BASE, SLOT_WINDOW, RW, SHARED|FIXED, 0, 0)
    movabs $SLOT_BASE, %rbx
    mov %rbx, %rdi
    mov $SLOT_WINDOW, %esi
    mov $3, %edx
    mov $0x11, %r10d
    xor %r8d, %r8d
    xor %r9d, %r9d
    syscall
    mov $3, %eax                        // close(0)
    xor %edi, %edi
    syscall
    mov $28, %eax                       // madvise(DONTFORK)
    mov %rbx, %rdi
    mov $SLOT_WINDOW, %esi
    mov $10, %edx
    syscall
    mov %rbp, START_STACK(%rbx)
    mov $131, %eax                      // sigaltstack
    lea START_ALTSTACK(%rbx), %rdi
    xor %esi, %esi
    syscall
    xor %ebp, %ebp
1:  cmp START_SIGNAL_COUNT(%rbx), %ebp
    jae 2f
    mov $13, %eax                       // rt_sigaction
    mov START_SIGNALS(%rbx, %rbp, 4), %edi
    lea START_ACTION(%rbx), %rsi
    xor %edx, %edx
    mov $8, %r10d
    syscall
    inc %ebp
    jmp 1b
2:  mov $157, %eax                      // prctl(PR_SET_NO_NEW_PRIVS, 1)
    mov $38, %edi
    mov $1, %esi
    xor %edx, %edx
    xor %r10d, %r10d
    xor %r8d, %r8d
    syscall
    mov $317, %eax                      // seccomp(SET_MODE_FILTER, NEW_LISTENER|WAIT_KILLABLE_RECV, prog)
    mov $1, %edi
    mov START_FILTER_FLAGS(%rbx), %esi
    lea START_PROGRAM(%rbx), %rdx
    syscall
    mov %rax, START_LISTENER(%rbx)
    movl $1, START_READY(%rbx)
    mov $202, %eax                      // futex(wake): allowed by the filter
    lea START_READY(%rbx), %rdi
    mov $1, %esi
    mov $1, %edx
    xor %r10d, %r10d
    xor %r8d, %r8d
    xor %r9d, %r9d
    syscall
3:  int3                                // into the handler, for good
    jmp 3b

    .globl palisade_stub_end
palisade_stub_end:
    .section .note.GNU-stack, "", @progbits
