// SPDX-License-Identifier: GPL-2.0
/*
 * fail-nth FILE TEXT PATH [UNDO_FILE UNDO_TEXT]...
 *
 * Writes the text to a file, again and again, with another allocation failing each time:
 * the first one, the second one and so on, until there are not so many.  That last time
 * the write has to succeed and PATH has to exist.  Whenever PATH exists before, it is
 * undone by writing the other texts to the other files.  Prints the number of rounds, in
 * how many of them PATH did not come, and the errors that the writes ended with.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

#define MOST_ERRORS 256

static bool seen[MOST_ERRORS];

static int write_text(int fd, const char *text)
{
	const size_t length = strlen(text);
	const ssize_t written = pwrite(fd, text, length, 0);

	if (written < 0)
		return errno;
	return (size_t)written == length ? 0 : EIO;
}

static void undo(char **words)
{
	for (; words[0]; words += 2) {
		int fd = open(words[0], O_WRONLY), error;

		if (fd < 0)
			err(1, "%s", words[0]);
		error = write_text(fd, words[1]);
		if (error)
			errx(1, "%s to %s: %s", words[1], words[0], strerror(error));
		close(fd);
	}
}

static void print_errors(void)
{
	unsigned int error;

	for (error = 0; error < MOST_ERRORS; error++)
		if (seen[error])
			printf(" error %u", error);
	putchar('\n');
}

int main(int argc, char **argv)
{
	unsigned int nth, absent = 0;
	int fd;

	if (argc < 4 || argc % 2)
		errx(2, "usage: fail-nth FILE TEXT PATH [UNDO_FILE UNDO_TEXT]...");
	fd = open(argv[1], O_WRONLY);
	if (fd < 0)
		err(1, "%s", argv[1]);
	for (nth = 1; nth < FAULT_LIMIT; nth++) {
		bool injected, exists;
		int error;

		fault_arm(nth);
		error = write_text(fd, argv[2]);
		injected = fault_disarm();
		exists = !access(argv[3], F_OK);
		if (!injected && (error || !exists))
			errx(1, "no allocation failed in round %u, but %s: %s", nth,
			     error ? argv[1] : argv[3], strerror(error ? error : ENOENT));
		if (!injected)
			break;
		if (error < MOST_ERRORS)
			seen[error] |= error != 0;
		absent += !exists;
		if (exists)
			undo(argv + 4);
	}
	if (nth == FAULT_LIMIT)
		errx(1, "still an allocation in round %u", nth);
	printf("rounds %u absent %u", nth, absent);
	print_errors();
	return 0;
}
