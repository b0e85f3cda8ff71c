// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "vfio-access.h"

enum access_mode access_mode_by_name(const char *name)
{
	if (!strcmp(name, "type1"))
		return ACCESS_TYPE1;
	if (!strcmp(name, "type1v2"))
		return ACCESS_TYPE1V2;
	if (!strcmp(name, "iommufd"))
		return ACCESS_IOMMUFD;
	errx(2, "no such mode: %s", name);
}

static int open_or_die(const char *path)
{
	int fd = open(path, O_RDWR);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static int result_of(int status)
{
	return status < 0 ? -errno : 0;
}

static void open_group(struct access *access, const char *address)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[128], target[256];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		err(1, "%s", path);
	target[length] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(target, '/'));

	access->group = open_or_die(path);
	if (ioctl(access->group, VFIO_GROUP_GET_STATUS, &status))
		err(1, "VFIO_GROUP_GET_STATUS");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		errx(1, "group of %s is not viable", address);
}

static int attach_group(struct access *access)
{
	unsigned long type = access->mode == ACCESS_TYPE1 ? VFIO_TYPE1_IOMMU
							  : VFIO_TYPE1v2_IOMMU;
	int error = result_of(ioctl(access->group, VFIO_GROUP_SET_CONTAINER,
				    &access->address_space));

	/* A container that another group is in has its IOMMU already. */
	if (error || access->joined)
		return error;
	error = result_of(ioctl(access->address_space, VFIO_SET_IOMMU, type));
	if (error)
		ioctl(access->group, VFIO_GROUP_UNSET_CONTAINER);
	return error;
}

static int open_character_device(const char *address)
{
	char path[512];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", address);
	directory = opendir(path);
	if (!directory)
		err(1, "%s", path);
	while ((entry = readdir(directory)))
		if (!strncmp(entry->d_name, "vfio", 4))
			break;
	if (!entry)
		errx(1, "nothing in %s", path);
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	closedir(directory);
	return open_or_die(path);
}

static void bind_iommufd(struct access *access, const char *address)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = access->address_space,
	};

	access->device = open_character_device(address);
	if (ioctl(access->device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		err(1, "VFIO_DEVICE_BIND_IOMMUFD");
	access->device_id = bind.out_devid;
}

static void open_ioas(struct access *access)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };

	access->address_space = open_or_die("/dev/iommu");
	if (ioctl(access->address_space, IOMMU_IOAS_ALLOC, &ioas))
		err(1, "IOMMU_IOAS_ALLOC");
	access->ioas = ioas.out_ioas_id;
}

static int attach_iommufd(struct access *access)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = access->ioas,
	};

	return result_of(ioctl(access->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
}

void access_prepare(struct access *access, enum access_mode mode, const char *address)
{
	*access = (struct access){ .mode = mode, .group = -1, .device = -1 };
	if (mode == ACCESS_IOMMUFD) {
		open_ioas(access);
		bind_iommufd(access, address);
	} else {
		access->address_space = open_or_die("/dev/vfio/vfio");
		open_group(access, address);
	}
}

void access_prepare_with(struct access *access, const struct access *other,
			 const char *address)
{
	*access = *other;
	access->group = -1;
	access->device = -1;
	access->joined = true;
	if (access->mode == ACCESS_IOMMUFD)
		bind_iommufd(access, address);
	else
		open_group(access, address);
}

int access_attach(struct access *access)
{
	return access->mode == ACCESS_IOMMUFD ? attach_iommufd(access)
					      : attach_group(access);
}

int access_detach(struct access *access)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	if (access->mode == ACCESS_IOMMUFD)
		return result_of(ioctl(access->device, VFIO_DEVICE_DETACH_IOMMUFD_PT,
				       &detach));
	if (access->device >= 0)
		close(access->device);
	access->device = -1;
	return result_of(ioctl(access->group, VFIO_GROUP_UNSET_CONTAINER));
}

void access_enable(struct access *access, const char *address)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	if (access->device < 0)
		access->device = ioctl(access->group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (access->device < 0)
		err(1, "VFIO_GROUP_GET_DEVICE_FD");
	if (ioctl(access->device, VFIO_DEVICE_GET_REGION_INFO, &config))
		err(1, "VFIO_DEVICE_GET_REGION_INFO");
	if (pwrite(access->device, &command, sizeof(command),
		   (off_t)config.offset + PCI_COMMAND) != sizeof(command))
		err(1, "writing the command register");
}

void access_open(struct access *access, enum access_mode mode, const char *address)
{
	int error;

	access_prepare(access, mode, address);
	error = access_attach(access);
	if (error)
		errx(1, "attaching %s: %s", address, strerror(-error));
	access_enable(access, address);
}

static int map_type1(const struct access *access, uint64_t iova, void *memory,
		     size_t size, bool writable)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ |
			 (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = size,
	};

	return result_of(ioctl(access->address_space, VFIO_IOMMU_MAP_DMA, &map));
}

static int map_iommufd(const struct access *access, uint64_t iova, void *memory,
		       size_t size, bool writable)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 (writable ? IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = access->ioas,
		.user_va = (uintptr_t)memory,
		.length = size,
		.iova = iova,
	};

	return result_of(ioctl(access->address_space, IOMMU_IOAS_MAP, &map));
}

int access_try_map(const struct access *access, uint64_t iova, void *memory,
		   size_t size, bool writable)
{
	return access->mode == ACCESS_IOMMUFD ?
		       map_iommufd(access, iova, memory, size, writable) :
		       map_type1(access, iova, memory, size, writable);
}

int access_try_unmap(const struct access *access, uint64_t iova, size_t size)
{
	struct vfio_iommu_type1_dma_unmap type1 = {
		.argsz = sizeof(type1),
		.iova = iova,
		.size = size,
	};
	struct iommu_ioas_unmap iommufd = {
		.size = sizeof(iommufd),
		.ioas_id = access->ioas,
		.iova = iova,
		.length = size,
	};
	uint64_t unmapped;
	int error;

	if (access->mode == ACCESS_IOMMUFD) {
		error = result_of(ioctl(access->address_space, IOMMU_IOAS_UNMAP, &iommufd));
		unmapped = iommufd.length;
	} else {
		error = result_of(ioctl(access->address_space, VFIO_IOMMU_UNMAP_DMA, &type1));
		unmapped = type1.size;
	}
	if (!error && unmapped != size)
		errx(1, "unmapped %#llx bytes instead of %#zx",
		     (unsigned long long)unmapped, size);
	return error;
}

void access_map(const struct access *access, uint64_t iova, void *memory,
		size_t size, bool writable)
{
	int error = access_try_map(access, iova, memory, size, writable);

	if (error)
		errx(1, "mapping %#zx bytes: %s", size, strerror(-error));
}

void access_unmap(const struct access *access, uint64_t iova, size_t size)
{
	int error = access_try_unmap(access, iova, size);

	if (error)
		errx(1, "unmapping %#zx bytes: %s", size, strerror(-error));
}

volatile uint32_t *access_registers(const struct access *access, size_t size)
{
	struct vfio_region_info region = {
		.argsz = sizeof(region),
		.index = VFIO_PCI_BAR0_REGION_INDEX,
	};
	void *registers;

	if (ioctl(access->device, VFIO_DEVICE_GET_REGION_INFO, &region))
		err(1, "VFIO_DEVICE_GET_REGION_INFO");
	registers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 access->device, (off_t)region.offset);
	if (registers == MAP_FAILED)
		err(1, "mapping BAR 0");
	return registers;
}
