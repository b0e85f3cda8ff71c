// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "report.h"

static unsigned int results, failures;

void report(bool good, const char *what)
{
	results++;
	if (!good)
		failures++;
	printf("%s %u - %s\n", good ? "ok" : "not ok", results, what);
	fflush(stdout);
}

void report_skip(const char *what, const char *reason)
{
	results++;
	printf("ok %u - %s # SKIP %s\n", results, what, reason);
	fflush(stdout);
}

int report_status(void)
{
	return failures ? 1 : 0;
}
