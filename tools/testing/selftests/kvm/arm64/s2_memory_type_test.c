// SPDX-License-Identifier: GPL-2.0
/*
 * s2_memory_type_test [-f FILE] [-v CDEV -b BAR]
 *
 * The memory type that KVM gives to memory and to devices at stage 2.
 *
 * A load that is not aligned, through a mapping that is Normal in the guest's own tables, succeeds
 * exactly when stage 2 is not Device. So no debug interface is needed, and the test runs on any
 * kernel. FILE is a BAR of at least a page that anybody can map, such as resource2 of a PCI function
 * in sysfs, and CDEV the character device of a function whose BAR vfio-pci grants Normal
 * Non-cacheable. What needs one that is not given is skipped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <sys/mman.h>

#include "kselftest.h"
#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"

#define DEVICE_SLOT	10
#define DEVICE_GPA	0x100000000UL
#define DEVICE_GVA	DEVICE_GPA
#define NOTHING		(~0UL)

#define FSC_ALIGNMENT	0x21
#define FSC_EXTERNAL	0x10

enum operation { ALIGNED, UNALIGNED, FETCH };

/* What the guest is to do, and what came of it: the ESR, or NOTHING. */
static u64 operation, outcome;

static void take_data_abort(struct ex_regs *regs)
{
	outcome = read_sysreg(esr_el1);
	regs->pc += 4;
}

static void take_fetch_abort(struct ex_regs *regs)
{
	outcome = read_sysreg(esr_el1);
	regs->pc = regs->regs[30];
}

static void guest_access(void)
{
	u64 value;

	switch (operation) {
	case ALIGNED:
		asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(DEVICE_GVA) : "memory");
		break;
	case UNALIGNED:
		asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(DEVICE_GVA + 1) : "memory");
		break;
	default:
		asm volatile("blr %0" : : "r"(DEVICE_GVA) : "x30", "memory");
	}
}

static void guest_code(void)
{
	for (;;) {
		guest_access();
		GUEST_SYNC(0);
	}
}

struct machine {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	void *memory;
	size_t size;
};

static struct machine make_machine(void *memory, size_t size)
{
	struct machine machine = { .memory = memory, .size = size };

	machine.vm = vm_create_with_one_vcpu(&machine.vcpu, guest_code);
	vm_init_descriptor_tables(machine.vm);
	vcpu_init_descriptor_tables(machine.vcpu);
	vm_install_sync_handler(machine.vm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_DABT_CUR,
				take_data_abort);
	vm_install_sync_handler(machine.vm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_IABT_CUR,
				take_fetch_abort);
	virt_map(machine.vm, DEVICE_GVA, DEVICE_GPA, 1);
	return machine;
}

static int set_slot(struct machine *machine, u32 flags)
{
	return __vm_set_user_memory_region(machine->vm, DEVICE_SLOT, flags, DEVICE_GPA,
					   machine->size, machine->memory) ? errno : 0;
}

/* Has the guest do it. Returns false if that is the end of the guest. */
static bool access_once(struct machine *machine, enum operation wanted)
{
	operation = wanted;
	outcome = NOTHING;
	sync_global_to_guest(machine->vm, operation);
	sync_global_to_guest(machine->vm, outcome);
	if (_vcpu_run(machine->vcpu))
		return false;
	sync_global_from_guest(machine->vm, outcome);
	return get_ucall(machine->vcpu, NULL) == UCALL_SYNC;
}

static bool succeeds(struct machine *machine, enum operation wanted)
{
	return access_once(machine, wanted) && outcome == NOTHING;
}

/* Whether the guest, and not its user, is told, and of which class and code. */
static bool is_told(struct machine *machine, enum operation wanted, u64 class, u64 code)
{
	return access_once(machine, wanted) && outcome != NOTHING &&
	       ESR_ELx_EC(outcome) == class && (outcome & ESR_ELx_FSC) == code;
}

static bool is_device(struct machine *machine)
{
	return is_told(machine, UNALIGNED, ESR_ELx_EC_DABT_CUR, FSC_ALIGNMENT);
}

static void *map_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TEST_ASSERT(memory != MAP_FAILED, "mapping memory");
	return memory;
}

/* Puts something else in its place, under a slot that stays. */
static void exchange(void *memory, size_t size, int fd)
{
	int flags = MAP_FIXED | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);

	TEST_ASSERT(mmap(memory, size, PROT_READ | PROT_WRITE, flags, fd, 0) == memory,
		    "exchanging memory");
}

static void test_memory(void)
{
	struct machine machine = make_machine(map_memory(getpagesize()), getpagesize());

	ksft_test_result(!set_slot(&machine, 0), "memory: has a slot\n");
	ksft_test_result(succeeds(&machine, ALIGNED), "memory: can be read\n");
	ksft_test_result(succeeds(&machine, UNALIGNED), "memory: is Normal\n");
	kvm_vm_free(machine.vm);
}

/* A device for which nobody vouches. */
static void test_file(const char *path)
{
	int fd = open(path, O_RDWR | O_SYNC);
	size_t size = getpagesize();
	struct machine machine;

	TEST_ASSERT(fd >= 0, "opening %s", path);
	machine = make_machine(map_memory(size), size);
	exchange(machine.memory, size, fd);

	ksft_test_result(set_slot(&machine, KVM_MEM_LOG_DIRTY_PAGES) == EINVAL,
			 "file: writes cannot be logged\n");
	ksft_test_result(!set_slot(&machine, 0), "file: has a slot\n");
	ksft_test_result(succeeds(&machine, ALIGNED), "file: can be read\n");
	ksft_test_result(is_told(&machine, FETCH, ESR_ELx_EC_IABT_CUR, FSC_EXTERNAL),
			 "file: is not executable\n");
	exchange(machine.memory, size, -1);
	ksft_test_result(succeeds(&machine, UNALIGNED), "file: memory in its place is Normal\n");
	exchange(machine.memory, size, fd);
	ksft_test_result(is_device(&machine), "file: is Device, and the guest is told\n");
	ksft_test_result(succeeds(&machine, ALIGNED), "file: the guest goes on\n");
	kvm_vm_free(machine.vm);
	close(fd);
}

static int bind_device(int device)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };

	bind.iommufd = open("/dev/iommu", O_RDWR);
	TEST_ASSERT(bind.iommufd >= 0, "opening /dev/iommu");
	TEST_ASSERT(!ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind), "VFIO_DEVICE_BIND_IOMMUFD");
	return bind.iommufd;
}

/* A device that vfio-pci vouches for. */
static void test_vfio(const char *path, unsigned int bar)
{
	struct vfio_region_info region = { .argsz = sizeof(region), .index = bar };
	int device = open(path, O_RDWR), iommufd;
	struct machine machine;
	void *memory;

	TEST_ASSERT(device >= 0, "opening %s", path);
	iommufd = bind_device(device);
	TEST_ASSERT(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region), "region of BAR %u", bar);
	memory = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, region.offset);
	TEST_ASSERT(memory != MAP_FAILED, "mapping BAR %u", bar);
	machine = make_machine(memory, region.size);

	ksft_test_result(set_slot(&machine, KVM_MEM_LOG_DIRTY_PAGES) == EINVAL,
			 "vfio: writes cannot be logged\n");
	ksft_test_result(!set_slot(&machine, 0), "vfio: has a slot\n");
	ksft_test_result(succeeds(&machine, ALIGNED), "vfio: can be read\n");
	ksft_test_result(succeeds(&machine, UNALIGNED), "vfio: is Normal\n");
	ksft_test_result(is_told(&machine, FETCH, ESR_ELx_EC_IABT_CUR, FSC_EXTERNAL),
			 "vfio: is not executable\n");
	exchange(machine.memory, getpagesize(), -1);
	ksft_test_result(succeeds(&machine, UNALIGNED), "vfio: memory in its place is Normal\n");
	kvm_vm_free(machine.vm);
	close(device);
	close(iommufd);
}

static void skip(unsigned int count, const char *what)
{
	while (count--)
		ksft_test_result_skip("%s: none is given\n", what);
}

int main(int argc, char **argv)
{
	const char *file = NULL, *device = NULL;
	unsigned int bar = 0;
	int option;

	while ((option = getopt(argc, argv, "f:v:b:")) != -1) {
		switch (option) {
		case 'f':
			file = optarg;
			break;
		case 'v':
			device = optarg;
			break;
		case 'b':
			bar = atoi_non_negative("BAR", optarg);
			break;
		default:
			ksft_exit_fail_msg("usage: %s [-f FILE] [-v CDEV -b BAR]\n", argv[0]);
		}
	}

	ksft_print_header();
	ksft_set_plan(3 + 7 + 6);
	test_memory();
	if (file)
		test_file(file);
	else
		skip(7, "file");
	if (device)
		test_vfio(device, bar);
	else
		skip(6, "vfio");
	ksft_finished();
}
