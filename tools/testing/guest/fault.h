/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's fault injection, for allocations of this process alone. */
#ifndef GUEST_FAULT_H
#define GUEST_FAULT_H

#include <stdbool.h>

/* Far above what any operation of the tests allocates; ends loops that do not end. */
#define FAULT_LIMIT 5000u

/* The @nth allocation from now on fails, and no other. */
void fault_arm(unsigned int nth);

/* Takes it back; returns whether an allocation was made to fail. */
bool fault_disarm(void);

#endif
