// SPDX-License-Identifier: GPL-2.0
/*
 * s2-hostile SECONDS ADDRESS BAR told|ended
 *
 * A user of a VM who does everything at the wrong time, while its processor runs through the BAR of
 * a function that vfio-pci has: exchanges what is behind the slot, moves it away, gives the slot
 * other flags, takes it away, switches the function off, resets it, sends it to sleep in two ways,
 * and asks the device for nonsense. Then a user who behaves well has to get what he is allowed, and
 * no more: a guest is told of a load that Device memory does not allow, or ended by it. Prints KTAP.
 * That the kernel has nothing to say of all this is up to the caller.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_grant.h>

#include "report.h"
#include "s2-bar.h"
#include "s2-vm.h"
#include "vfio-access.h"

struct victim {
	struct s2_vm vm;
	struct access access;
	struct s2_source source;
	off_t offset; /* of the BAR in the device file */
	uint32_t bar;
	uint8_t power; /* where its registers for that are, if any */
};

#define PAGE	4096
/* Power states. */
#define D0	0
#define D3HOT	3
/* The class and the fault of a load that is not aligned, in what the guest has of it. */
#define MISALIGNED_LOAD 0x96000021

static atomic_bool over;
static atomic_ulong passes, refusals;
static unsigned long naps, sleeps; /* by the feature, and in D3 */

/* Lets the guest run, whatever comes of it. */
static void *run_guest(void *argument)
{
	struct s2_vm *vm = argument;

	while (!over) {
		if (!ioctl(vm->cpu, KVM_RUN, NULL))
			passes++;
		else
			refusals++;
	}
	return NULL;
}

static void set_slot(struct victim *victim, size_t size, uint32_t flags)
{
	s2_set_slot(&victim->vm, 1, DEVICE_IPA, victim->source.memory, size, flags);
}

static void exchange_for_memory(struct victim *victim)
{
	mmap(victim->source.memory, victim->source.size / 2, PROT_READ | PROT_WRITE,
	     MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void exchange_for_device(struct victim *victim)
{
	mmap(victim->source.memory, victim->source.size, PROT_READ | PROT_WRITE,
	     MAP_FIXED | MAP_SHARED, victim->access.device, victim->offset);
}

static void move_away(struct victim *victim)
{
	void *room = mmap(NULL, victim->source.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *moved = mremap(victim->source.memory, victim->source.size, victim->source.size,
			     MREMAP_MAYMOVE | MREMAP_FIXED, room);

	/* Nobody but this thread switches the function off. */
	if (moved != MAP_FAILED)
		(void)*(volatile uint32_t *)moved;
	munmap(moved == MAP_FAILED ? room : moved, victim->source.size);
	exchange_for_device(victim);
}

static void unmap(struct victim *victim)
{
	munmap(victim->source.memory, victim->source.size);
	exchange_for_device(victim);
}

/* Where nothing may be written, and where anything may be. */
static void protect(struct victim *victim)
{
	mprotect(victim->source.memory, victim->source.size, PROT_READ);
	mprotect(victim->source.memory, victim->source.size, PROT_READ | PROT_WRITE);
}

static void log_writes(struct victim *victim)
{
	set_slot(victim, victim->source.size, KVM_MEM_LOG_DIRTY_PAGES);
	set_slot(victim, victim->source.size, KVM_MEM_READONLY);
	set_slot(victim, victim->source.size, 0);
}

static void take_slot(struct victim *victim)
{
	set_slot(victim, 0, 0);
	set_slot(victim, victim->source.size, 0);
}

static void switch_off(struct victim *victim)
{
	s2_write_command(victim->access.device, 0);
	s2_write_command(victim->access.device, PCI_COMMAND_MEMORY);
}

static void reset(struct victim *victim)
{
	ioctl(victim->access.device, VFIO_DEVICE_RESET);
	s2_write_command(victim->access.device, PCI_COMMAND_MEMORY);
}

static int ask(struct victim *victim, uint32_t flags)
{
	struct vfio_device_feature feature = { .argsz = sizeof(feature), .flags = flags };

	return ioctl(victim->access.device, VFIO_DEVICE_FEATURE, &feature);
}

static void nap(struct victim *victim)
{
	if (!ask(victim, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY) &&
	    !ask(victim, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT))
		naps++;
}

static void sleep_and_wake(struct victim *victim)
{
	int device = victim->access.device;

	if (!victim->power)
		return;
	if (s2_set_power(device, victim->power, D3HOT) == D3HOT &&
	    s2_set_power(device, victim->power, D0) == D0)
		sleeps++;
	s2_write_command(device, PCI_COMMAND_MEMORY);
}

/* Types and BARs that there are not, and some that there are. */
static void ask_for_nonsense(struct victim *victim)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_pci_bar_type bar;
	} feature = {
		.head.argsz = random() % 2 ? sizeof(feature) : random() % (sizeof(feature) + 2),
		.head.flags = (random() & (VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET)) |
			      VFIO_DEVICE_FEATURE_PCI_BAR_TYPE,
		.bar.index = random() % 2 ? random() % 8 : random(),
		.bar.type = random() % 2 ? random() % 3 : random(),
	};

	ioctl(victim->access.device, VFIO_DEVICE_FEATURE, &feature);
}

static void (*const attacks[])(struct victim *) = {
	exchange_for_memory, exchange_for_device, move_away, unmap, protect, log_writes,
	take_slot, switch_off, reset, nap, sleep_and_wake, ask_for_nonsense,
};
#define ATTACKS (sizeof(attacks) / sizeof(*attacks))

static unsigned long attack(struct victim *victim, time_t seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned long count = 0;

	/* Each of them once at least, and then in any order. */
	while (count < ATTACKS || time(NULL) < end) {
		attacks[count < ATTACKS ? count : random() % ATTACKS](victim);
		count++;
	}
	return count;
}

static void prepare(struct victim *victim, const char *address, uint32_t bar)
{
	access_open(&victim->access, ACCESS_IOMMUFD, address);
	victim->bar = bar;
	victim->power = s2_find_power(victim->access.device);
	victim->offset = (off_t)s2_find_region(victim->access.device, bar).offset;
	victim->source = s2_map_bar(victim->access.device, bar);
}

static void do_nothing(int signal)
{
	(void)signal;
}

static bool stop(pthread_t guest)
{
	over = true;
	for (int wait = 0; wait < 1000; wait++) {
		if (!pthread_tryjoin_np(guest, NULL))
			return true;
		pthread_kill(guest, SIGUSR1);
		usleep(10000);
	}
	return false;
}

static bool goes_on(void)
{
	unsigned long before = passes;

	for (int wait = 0; wait < 100 && passes < before + 2; wait++)
		usleep(100000);
	return passes >= before + 2;
}

/* The guest has the BAR where the user has moved it to. */
static bool goes_on_elsewhere(struct victim *victim)
{
	size_t size = victim->source.size;
	void *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *moved = mremap(victim->source.memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			     room);
	bool good;

	if (moved == MAP_FAILED)
		return false;
	set_slot(victim, 0, 0);
	s2_set_slot(&victim->vm, 1, DEVICE_IPA, moved, size, 0);
	good = goes_on();
	set_slot(victim, 0, 0);
	munmap(moved, size);
	exchange_for_device(victim);
	set_slot(victim, size, 0);
	return good;
}

/* What comes of a load that is not aligned, from a new mapping. */
enum { LOADED, TOLD, ENDED, OTHER };

static int load_anew(struct victim *victim)
{
	const struct s2_options options = { .operation = S2_UNALIGNED, .nested = -1 };
	const struct kvm_run *state = victim->vm.state;
	uint64_t esr;

	exchange_for_device(victim);
	s2_restart(&victim->vm, &options);
	alarm(20);
	if (ioctl(victim->vm.cpu, KVM_RUN, NULL))
		return errno == EFAULT ? ENDED : OTHER;
	if (state->exit_reason != KVM_EXIT_MMIO)
		return OTHER;
	if (state->mmio.phys_addr == RESULT_IPA + VALUE)
		return LOADED;
	memcpy(&esr, state->mmio.data, sizeof(esr));
	return state->mmio.phys_addr == RESULT_IPA + ESR_EL1 && esr == MISALIGNED_LOAD ? TOLD
										      : OTHER;
}

static void report_types(struct victim *victim, int of_device)
{
	int device = victim->access.device, outcome = load_anew(victim);

	if (s2_bar_type(device, victim->bar) == VFIO_PCI_BAR_TYPE_NORMAL_NC)
		report(outcome == LOADED, "what is granted is Normal");
	else
		report(outcome == of_device, "what he has lowered is Device");
	s2_lower_bar(device, victim->bar);
	report(load_anew(victim) == of_device, "what he lowers now is Device");
}

static void report_sleep(const struct victim *victim)
{
	report(naps > 0, "the function has slept by the feature");
	if (victim->power)
		report(sleeps > 0, "the function was in D3");
	else
		report_skip("the function was in D3", "it has no power management");
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = do_nothing };
	struct s2_options options = { .operation = S2_SWEEP, .nested = -1 };
	static struct victim victim;
	pthread_t guest;

	if (argc != 5)
		return 2;
	printf("KTAP version 1\n1..9\n");
	prepare(&victim, argv[2], atoi(argv[3]));
	options.pages = victim.source.size / PAGE;
	victim.vm = s2_make(&options);
	set_slot(&victim, victim.source.size, 0);
	s2_make_cpu(&victim.vm, &options);

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	if (pthread_create(&guest, NULL, run_guest, &victim.vm))
		errx(1, "no thread");
	printf("# %lu attacks\n", attack(&victim, atoi(argv[1])));
	report(passes > 0, "the guest ran all the while");
	report(refusals > 0, "it was in the way of some of it");
	report_sleep(&victim);

	/* All is well again when the user is. */
	exchange_for_device(&victim);
	switch_off(&victim);
	take_slot(&victim);
	report(goes_on(), "the guest goes on");
	report(goes_on_elsewhere(&victim), "the guest goes on where the BAR was moved to");
	report(stop(guest), "the guest comes to its end");
	report_types(&victim, strcmp(argv[4], "told") ? ENDED : TOLD);
	return report_status();
}
