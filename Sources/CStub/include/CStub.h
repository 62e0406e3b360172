// The layout that the stub (assembly) and the sentry share. Included by both.
#ifndef CSTUB_H
#define CSTUB_H

// Where the stub lies in every guest process (Platform/GuestLayout.swift).
#define STUB_BASE 0x7ffe00000000
#define SLOT_BASE 0x7ffe10000000

// One slot: orders at the bottom, the thread's host signal stack above.
#define SLOT_SIZE 0x8000
// Slots that are mapped together, by one order.
#define SLOTS_PER_WINDOW 16
#define SLOT_WINDOW 0x80000

// Offsets in a slot.
#define SLOT_ORDER_COUNT 0x00
#define SLOT_THEN 0x04
#define SLOT_WAKE 0x08
#define SLOT_SLEEP_VALUE 0x0c
#define SLOT_DEADLINE 0x10
#define SLOT_SLEEP_OP 0x20
#define SLOT_HAS_DEADLINE 0x24
// The absolute timeout of a futex wait made in the workload's context.
#define SLOT_WAIT_TIMEOUT 0x30
#define SLOT_ORDERS 0x80
#define SLOT_ORDERS_MAX 40

// One order: number, six arguments, flags; padded.
#define ORDER_SIZE 80
#define ORDER_CLONE 1

#define THEN_ASK 0
#define THEN_RESUME 1
#define THEN_SLEEP 2

// Numbers of calls that only the stub makes. Far above Linux's, below x32's bit.
#define NR_ASK 0x2000000
#define NR_HELLO 0x2000001
#define NR_WAITED 0x2000002

// Why the stub asks, beside the signal that brought it into its handler (1 to 64).
#define ASK_DONE 0x100
#define ASK_TIMEOUT 0x101
#define ASK_FAILED 0x102

// The zygote's start, in its own slot, where the signal stack will grow later.
#define START_READY 0x1000
#define START_LISTENER 0x1008
#define START_STACK 0x1010
#define START_SIGNAL_COUNT 0x1018
#define START_FILTER_FLAGS 0x101c
#define START_SIGNALS 0x1020
#define START_ACTION 0x1060
#define START_ALTSTACK 0x1080
#define START_PROGRAM 0x10a0
#define START_FILTER 0x1100

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/// Where things lie in the stub's code, as offsets from its start.
struct palisade_stub_symbols {
    const void *code;
    size_t size, entry, handler, restorer, return_ip, notify_start, notify_end, sleep_ip, timed_wait, timed_wait_ip;
};

struct palisade_stub_symbols palisade_stub(void);

#endif
#endif
