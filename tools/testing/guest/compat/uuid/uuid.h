/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one function of libuuid that upstream's vfio selftests call.  The cross
 * toolchains of the tool root have no libuuid for their targets.
 */
#ifndef GUEST_COMPAT_UUID_H
#define GUEST_COMPAT_UUID_H

#include <string.h>

typedef unsigned char uuid_t[16];

static inline int uuid_hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* 0 if @text is a UUID in its canonical form of 36 characters, else -1. */
static inline int uuid_parse(const char *text, uuid_t uuid)
{
	int byte, at = 0;

	if (strlen(text) != 36)
		return -1;
	for (byte = 0; byte < 16; byte++) {
		int high, low;

		if ((at == 8 || at == 13 || at == 18 || at == 23) && text[at++] != '-')
			return -1;
		high = uuid_hex_digit(text[at++]);
		low = uuid_hex_digit(text[at++]);
		if (high < 0 || low < 0)
			return -1;
		uuid[byte] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

#endif
