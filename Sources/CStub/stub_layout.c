// Tells the sentry where the stub's parts lie.
#include "CStub.h"

_Static_assert(SLOT_ORDERS + SLOT_ORDERS_MAX * ORDER_SIZE <= 0x1000, "orders fit below the signal stack");
_Static_assert(SLOT_SIZE * SLOTS_PER_WINDOW == SLOT_WINDOW, "window");

extern const char palisade_stub_start[], palisade_stub_end[], palisade_stub_entry[], palisade_stub_handler[], palisade_stub_restorer[],
    palisade_stub_return_ip[], palisade_stub_notify_start[], palisade_stub_notify_end[], palisade_stub_sleep_ip[],
    palisade_stub_timed_wait[], palisade_stub_timed_wait_ip[];

struct palisade_stub_symbols palisade_stub(void) {
#define OFFSET(symbol) (size_t)((symbol)-palisade_stub_start)
    return (struct palisade_stub_symbols){
        .code = palisade_stub_start,
        .size = OFFSET(palisade_stub_end),
        .entry = OFFSET(palisade_stub_entry),
        .handler = OFFSET(palisade_stub_handler),
        .restorer = OFFSET(palisade_stub_restorer),
        .return_ip = OFFSET(palisade_stub_return_ip),
        .notify_start = OFFSET(palisade_stub_notify_start),
        .notify_end = OFFSET(palisade_stub_notify_end),
        .sleep_ip = OFFSET(palisade_stub_sleep_ip),
        .timed_wait = OFFSET(palisade_stub_timed_wait),
        .timed_wait_ip = OFFSET(palisade_stub_timed_wait_ip),
    };
}
