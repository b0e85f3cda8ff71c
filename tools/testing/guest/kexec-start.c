// SPDX-License-Identifier: GPL-2.0
/*
 * kexec-start KERNEL INITRD COMMAND-LINE    has the kernel keep another one
 * kexec-start                               starts that
 */
#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RB_KEXEC
#define RB_KEXEC 0x45584543
#endif

static int open_image(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		reboot(RB_KEXEC);
		err(1, "starting the other kernel");
	}
	if (argc != 4)
		errx(2, "usage: kexec-start [KERNEL INITRD COMMAND-LINE]");
	if (syscall(SYS_kexec_file_load, open_image(argv[1]), open_image(argv[2]),
		    strlen(argv[3]) + 1, argv[3], 0ul))
		err(1, "kexec_file_load");
	return 0;
}
