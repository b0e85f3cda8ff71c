/* SPDX-License-Identifier: GPL-2.0 */
/* A virtual machine with one processor, that accesses some memory and says what came of it. */
#ifndef GUEST_S2_VM_H
#define GUEST_S2_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/kvm.h>

/* Guest physical addresses; each is in a block of 1 GiB of its own. */
#define DEVICE_IPA	0x10000000ULL
#define MEMORY_IPA	0x40000000ULL
#define RESULT_IPA	0x80000000ULL

#define DEVICE_SIZE	0x200000ULL	/* at most: one block of the host's tables */

/*
 * Loads of four bytes, a fetch, or a store that is not aligned. S2_SWEEP loads once from each page,
 * S2_WRITE writes to all of them, and both begin anew when they are done.
 */
enum s2_operation { S2_UNALIGNED, S2_ALIGNED, S2_FETCH, S2_SWEEP, S2_WRITE, S2_STORE };

/* Where in RESULT_IPA the guest writes. */
enum { VALUE = 0, ESR_EL1 = 8, ESR_EL2 = 16 };

struct s2_options {
	enum s2_operation operation;
	unsigned int pages; /* for S2_SWEEP and S2_WRITE */
	int nested; /* MemAttr in the stage 2 of a guest hypervisor; negative: there is none */
	bool nested_fwb; /* the guest hypervisor forces write-back */
	bool el0; /* the guest accesses it from its user mode; then it cannot fetch from there */
	bool gicv; /* the interface of a GICv2 is at DEVICE_IPA */
};

struct s2_vm {
	int kvm, vm, cpu;
	struct kvm_run *state;
};

int s2_open(const char *path);
int s2_ioctl(int fd, unsigned long request, void *argument, const char *name);
/* Ends the program with a message if it fails. */
#define IOCTL(fd, request, argument) s2_ioctl(fd, request, argument, #request)

/* Memory for a slot. */
struct s2_source {
	void *memory;
	size_t size;
};

/* Maps a part of a file, or new memory without one, where the host can use a block too. */
struct s2_source s2_map(int fd, off_t offset, uint64_t available);
/* The same of a file, where nothing but pages will do. */
struct s2_source s2_map_pages(int fd, off_t offset, uint64_t available);
/* One huge page; its size is DEVICE_SIZE. */
struct s2_source s2_map_huge(void);
/* The same of a file of sysfs that is a BAR: such a file is as large as the BAR. */
struct s2_source s2_map_file(const char *path);

/* Both end the program if the kernel refuses; slots can be made after the first. */
struct s2_vm s2_make(const struct s2_options *options);
void s2_make_cpu(struct s2_vm *vm, const struct s2_options *options);
/* Has the processor begin anew, with another operation if that is wanted. */
void s2_restart(const struct s2_vm *vm, const struct s2_options *options);

/* Returns 0 or the error; a size of 0 takes the slot away. */
int s2_set_slot(const struct s2_vm *vm, uint32_t slot, uint64_t ipa, void *memory, uint64_t size,
		uint32_t flags);
/* The same with new memory of a guest_memfd, which no user maps. */
int s2_set_guest_memory(const struct s2_vm *vm, uint32_t slot, uint64_t ipa, uint64_t size);
uint64_t s2_register(const struct s2_vm *vm, uint64_t id);

#define S2_CORE(field)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 KVM_REG_ARM_CORE_REG(field))
#define SYS_ESR_EL1	ARM64_SYS_REG(3, 0, 5, 2, 0)
#define SYS_FAR_EL1	ARM64_SYS_REG(3, 0, 6, 0, 0)
#define SYS_FAR_EL2	ARM64_SYS_REG(3, 4, 6, 0, 0)

#endif
