/* SPDX-License-Identifier: GPL-2.0 */
/* The results of a program that is a test, as KTAP; the plan is printed by itself. */
#ifndef GUEST_REPORT_H
#define GUEST_REPORT_H

#include <stdbool.h>

/* Prints the next result. */
void report(bool good, const char *what);

/* The same of what cannot be tried here, and why. */
void report_skip(const char *what, const char *reason);

/* The exit status of the program. */
int report_status(void);

#endif
