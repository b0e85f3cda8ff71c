// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"

static int control = -1;

static void set(unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(control, text, (size_t)length, 0) != length)
		err(1, "writing fail-nth");
}

void fault_arm(unsigned int nth)
{
	/* Kept open, since opening a file allocates. */
	if (control < 0)
		control = open("/proc/self/fail-nth", O_RDWR);
	if (control < 0)
		err(1, "/proc/self/fail-nth");
	set(nth);
}

bool fault_disarm(void)
{
	char text[16] = "";

	/* What is left of the count: nothing, once the fault was injected. */
	if (pread(control, text, sizeof(text) - 1, 0) <= 0)
		err(1, "reading fail-nth");
	set(0);
	return strtoul(text, NULL, 10) == 0;
}
