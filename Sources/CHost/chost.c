#include "CHost.h"

// Layouts that Swift code writes by offset; proved here.
_Static_assert(sizeof(long) == 8, "x86-64 only");

#include <sys/auxv.h>

uint64_t chost_auxiliary_value(uint64_t type) { return getauxval(type); }
