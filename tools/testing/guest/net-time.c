// SPDX-License-Identifier: GPL-2.0
/*
 * net-time ADDRESS PORT MIB
 *
 * Gets that much from the host's web server and sends it as much; prints how long one
 * MiB took each way in microseconds.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[64 << 10];

static double now_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now))
		err(1, "clock_gettime");
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int connect_to(const char *address, const char *port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		errx(2, "%s is no address", address);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connecting to %s:%s", address, port);
	return fd;
}

static void send_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t sent = write(fd, data, length);

		if (sent <= 0)
			err(1, "sending");
		data += sent;
		length -= (size_t)sent;
	}
}

/* Reads until the server closes the connection; returns how much there was. */
static size_t receive_all(int fd)
{
	size_t sum = 0;
	ssize_t length;

	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		sum += (size_t)length;
	if (length < 0)
		err(1, "receiving");
	return sum;
}

static void get(int fd, unsigned long mib)
{
	char request[64];

	snprintf(request, sizeof(request), "GET /stream/%lu HTTP/1.0\r\n\r\n", mib);
	send_all(fd, request, strlen(request));
	/* There is a head before it. */
	if (receive_all(fd) <= mib << 20)
		errx(1, "less than %lu MiB received", mib);
}

static void post(int fd, unsigned long mib)
{
	char request[96];
	size_t left = mib << 20;

	snprintf(request, sizeof(request),
		 "POST /upload/net-time HTTP/1.0\r\nContent-Length: %zu\r\n\r\n", left);
	send_all(fd, request, strlen(request));
	for (; left; left -= sizeof(buffer))
		send_all(fd, buffer, sizeof(buffer));
	/* The answer comes when everything has arrived. */
	if (!receive_all(fd))
		errx(1, "no answer");
}

int main(int argc, char **argv)
{
	void (*const ways[])(int, unsigned long) = { get, post };
	const char *const names[] = { "receive", "send" };
	unsigned long mib;
	size_t way;

	if (argc != 4 || !(mib = strtoul(argv[3], NULL, 10)))
		errx(2, "usage: net-time ADDRESS PORT MIB");
	for (way = 0; way < 2; way++) {
		int fd = connect_to(argv[1], argv[2]);
		double start = now_us();

		ways[way](fd, mib);
		printf("%s %.1f\n", names[way], (now_us() - start) / (double)mib);
		close(fd);
	}
	return 0;
}
