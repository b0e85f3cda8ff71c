// SPDX-License-Identifier: GPL-2.0
/*
 * s2-feature ADDRESS BAR OTHER ABSENT
 *
 * Asks for the memory type of a BAR of a function that vfio-pci has, lowers it, and tries to do
 * with VFIO_DEVICE_FEATURE_PCI_BAR_TYPE what must not be done. OTHER is another BAR, and ABSENT
 * one that the function does not have. The type has to be Normal Non-cacheable before.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_grant.h>

#include "report.h"
#include "vfio-access.h"

#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE
#define DEVICE	VFIO_PCI_BAR_TYPE_DEVICE
#define NC	VFIO_PCI_BAR_TYPE_NORMAL_NC

struct feature {
	struct vfio_device_feature head;
	struct vfio_device_feature_pci_bar_type bar;
};

/* Returns 0 or the error. */
static int ask_with(int device, struct feature *feature, uint32_t flags)
{
	feature->head.flags = flags | VFIO_DEVICE_FEATURE_PCI_BAR_TYPE;
	return ioctl(device, VFIO_DEVICE_FEATURE, feature) ? errno : 0;
}

static int ask(int device, uint32_t flags, uint32_t bar, uint32_t type)
{
	struct feature feature = {
		.head.argsz = sizeof(feature),
		.bar = { .index = bar, .type = type },
	};

	return ask_with(device, &feature, flags);
}

/* The type of a BAR, or -1. */
static int type_of(int device, uint32_t bar)
{
	struct feature feature = {
		.head.argsz = sizeof(feature),
		.bar = { .index = bar, .type = ~0u },
	};

	return ask_with(device, &feature, GET) ? -1 : (int)feature.bar.type;
}

static void test_mistakes(int device, uint32_t bar, uint32_t absent)
{
	struct feature feature = { .bar = { .index = bar, .type = DEVICE } };

	report(ask(device, GET | SET, bar, DEVICE) == EINVAL, "to get and to set is refused");
	report(ask(device, 0, bar, DEVICE) == EINVAL, "neither is refused");
	feature.head.argsz = sizeof(feature) - 1;
	report(ask_with(device, &feature, SET) == EINVAL, "too little is refused");
	report(ask(device, GET, absent, 0) == EINVAL, "a BAR that is not there is refused");
	report(ask(device, SET, absent, DEVICE) == EINVAL, "it cannot be lowered");
	report(ask(device, GET, VFIO_PCI_ROM_REGION_INDEX, 0) == EINVAL, "the ROM is refused");
	report(ask(device, GET, ~0u, 0) == EINVAL, "a large number is refused");
	report(ask(device, SET, bar, NC + 1) == EINVAL, "an unknown type is refused");
	report(ask(device, SET, bar, ~0u) == EINVAL, "another one is refused");
	report(type_of(device, bar) == NC, "nothing has come of all that");
}

static void test_lowering(int device, uint32_t bar, uint32_t other)
{
	int before = type_of(device, other);

	report(!ask(device, SET, bar, NC), "a user may ask for what he has");
	report(!ask(device, SET, bar, DEVICE), "a user may ask for less");
	report(type_of(device, bar) == DEVICE, "he has less then");
	report(ask(device, SET, bar, NC) == EPERM, "he cannot have more again");
	report(type_of(device, bar) == DEVICE, "he still has less");
	report(!ask(device, SET, bar, DEVICE), "he may ask for it again");
	report(before >= 0 && type_of(device, other) == before, "another BAR is not concerned");
}

static void close_access(struct access *access)
{
	close(access->device);
	close(access->address_space);
}

int main(int argc, char **argv)
{
	struct access access = { 0 };
	uint32_t bar;

	if (argc != 5)
		return 2;
	bar = (uint32_t)atoi(argv[2]);
	printf("KTAP version 1\n1..20\n");

	access_open(&access, ACCESS_IOMMUFD, argv[1]);
	report(!ask(access.device, PROBE | GET | SET, 0, 0), "the feature is there");
	report(type_of(access.device, bar) == NC, "a BAR is Normal Non-cacheable");
	test_mistakes(access.device, bar, (uint32_t)atoi(argv[4]));
	test_lowering(access.device, bar, (uint32_t)atoi(argv[3]));
	close_access(&access);

	access_open(&access, ACCESS_IOMMUFD, argv[1]);
	report(type_of(access.device, bar) == NC, "the next user begins anew");
	close_access(&access);
	return report_status();
}
