#include "CHost.h"

// Layouts that Swift code writes by offset; proved here.
_Static_assert(sizeof(long) == 8, "x86-64 only");
