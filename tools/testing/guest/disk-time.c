// SPDX-License-Identifier: GPL-2.0
/*
 * disk-time DEVICE KIB THREADS COUNT
 *
 * Reads blocks of that size at scattered places, past the page cache, COUNT times in
 * each of the threads; prints how long one read took in microseconds, as seen by a
 * thread and as seen by all of them together.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#define MAX_THREADS 16

struct job {
	pthread_t thread;
	uint64_t state;
	uint64_t ns;
};

static int disk;
static size_t block;
static uint64_t blocks;
static unsigned long count;

static uint64_t now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now))
		err(1, "clock_gettime");
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* A sequence that is the same in each run: a linear congruential generator. */
static uint64_t next_block(struct job *job)
{
	job->state = job->state * 6364136223846793005ull + 1442695040888963407ull;
	return (job->state >> 33) % blocks;
}

static void *read_blocks(void *argument)
{
	struct job *job = argument;
	uint64_t start;
	unsigned long number;
	void *buffer;

	if (posix_memalign(&buffer, 4096, block))
		errx(1, "no memory");
	start = now_ns();
	for (number = 0; number < count; number++) {
		off_t offset = (off_t)(next_block(job) * block);

		if (pread(disk, buffer, block, offset) != (ssize_t)block)
			err(1, "reading at %lld", (long long)offset);
	}
	job->ns = now_ns() - start;
	free(buffer);
	return NULL;
}

int main(int argc, char **argv)
{
	struct job jobs[MAX_THREADS];
	unsigned long threads, number;
	uint64_t size, start, sum = 0, reads;

	if (argc != 5 || !(block = strtoul(argv[2], NULL, 10) << 10) ||
	    !(threads = strtoul(argv[3], NULL, 10)) || threads > MAX_THREADS ||
	    !(count = strtoul(argv[4], NULL, 10)))
		errx(2, "usage: disk-time DEVICE KIB THREADS COUNT");
	disk = open(argv[1], O_RDONLY | O_DIRECT);
	if (disk < 0 || ioctl(disk, BLKGETSIZE64, &size))
		err(1, "%s", argv[1]);
	blocks = size / block;
	if (!blocks)
		errx(1, "%s is smaller than a block", argv[1]);

	start = now_ns();
	for (number = 0; number < threads; number++) {
		jobs[number].state = number;
		if (pthread_create(&jobs[number].thread, NULL, read_blocks, &jobs[number]))
			errx(1, "no thread");
	}
	for (number = 0; number < threads; number++) {
		if (pthread_join(jobs[number].thread, NULL))
			errx(1, "lost a thread");
		sum += jobs[number].ns;
	}
	reads = threads * count;
	printf("latency %.2f\n", (double)sum / (double)reads / 1000);
	printf("interval %.2f\n", (double)(now_ns() - start) / (double)reads / 1000);
	return 0;
}
