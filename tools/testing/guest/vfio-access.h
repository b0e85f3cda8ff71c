/* SPDX-License-Identifier: GPL-2.0 */
/* One PCI function through VFIO, by a type1 container or by iommufd. */
#ifndef GUEST_VFIO_ACCESS_H
#define GUEST_VFIO_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum access_mode { ACCESS_TYPE1, ACCESS_TYPE1V2, ACCESS_IOMMUFD };

struct access {
	enum access_mode mode;
	int address_space; /* the container, or /dev/iommu */
	uint32_t ioas;
	bool joined; /* an address space that another device is in */
	int group; /* with a container only */
	int device; /* by a container, only while attached */
	uint32_t device_id; /* by which iommufd knows the device */
};

/* "type1", "type1v2" or "iommufd"; ends the program if it is none of them. */
enum access_mode access_mode_by_name(const char *name);

/* These return 0 or a negative error number. */
int access_attach(struct access *access);
int access_detach(struct access *access);
int access_try_map(const struct access *access, uint64_t iova, void *memory,
		   size_t size, bool writable);
int access_try_unmap(const struct access *access, uint64_t iova, size_t size);

/* All of these end the program with a message if the kernel refuses. */
void access_prepare(struct access *access, enum access_mode mode, const char *address);
void access_enable(struct access *access, const char *address);
/* A second device for the address space of one that is attached already. */
void access_prepare_with(struct access *access, const struct access *other,
			 const char *address);
/* All of the above: prepare, attach and enable. */
void access_open(struct access *access, enum access_mode mode, const char *address);
void access_map(const struct access *access, uint64_t iova, void *memory,
		size_t size, bool writable);
void access_unmap(const struct access *access, uint64_t iova, size_t size);
volatile uint32_t *access_registers(const struct access *access, size_t size);

#endif
