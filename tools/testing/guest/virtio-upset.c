// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-upset ADDRESS    makes a virtio device say that it needs a reset
 *
 * A driver may write 1 to queue_enable and nothing else.  QEMU's devices take another
 * value for the error that it is: they stop, and set DEVICE_NEEDS_RESET.  Prints the
 * device's status after that, in hexadecimal.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONFIG_SIZE 256
#define NOT_A_SWITCH 2

static int open_attribute(const char *address, const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	fd = open(path, flags);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* Where the registers are that are common to all virtio devices. */
static void find_common(const char *address, struct virtio_pci_cap *cap)
{
	uint8_t config[CONFIG_SIZE], at;
	int fd = open_attribute(address, "config", O_RDONLY);

	if (read(fd, config, sizeof(config)) != sizeof(config))
		err(1, "reading the configuration space");
	close(fd);
	at = config[PCI_CAPABILITY_LIST];
	for (int rest = CONFIG_SIZE / 4; at && rest > 0; rest--) {
		*cap = *(struct virtio_pci_cap *)(config + at);
		if (cap->cap_vndr == PCI_CAP_ID_VNDR &&
		    cap->cfg_type == VIRTIO_PCI_CAP_COMMON_CFG)
			return;
		at = cap->cap_next < CONFIG_SIZE - sizeof(*cap) ? cap->cap_next : 0;
	}
	errx(1, "%s is no virtio device", address);
}

int main(int argc, char **argv)
{
	volatile struct virtio_pci_common_cfg *common;
	struct virtio_pci_cap cap;
	char name[16];
	uint8_t *bar;
	int fd;

	if (argc != 2)
		errx(2, "usage: virtio-upset ADDRESS");
	find_common(argv[1], &cap);
	snprintf(name, sizeof(name), "resource%u", cap.bar);
	fd = open_attribute(argv[1], name, O_RDWR);
	bar = mmap(NULL, cap.offset + cap.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		err(1, "mapping %s", name);
	common = (volatile struct virtio_pci_common_cfg *)(bar + cap.offset);
	common->queue_select = 0;
	common->queue_enable = NOT_A_SWITCH;
	printf("%#x\n", common->device_status);
	return 0;
}
