// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that throws whatever comes to its mind at the ONE_REG interface, from two
 * threads, while its vCPU runs.
 *
 * What has to hold: every call comes back, with an error that the interface has;
 * what was read is as long as the id says and not longer; and the kernel's log
 * stays clean, which is for whoever runs this to see.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

#include "onereg.h"
#include "kselftest_harness.h"

#define SECONDS 4
#define THREADS 2
#define MOST_BYTES 256
#define CANARY 0xa5
#define LATE_US 1000

static atomic_bool over;
static atomic_ulong calls, taken, runs;
static struct kvm_reg_list *known;
static bool guest_runs;

/* Random enough, and the same in every run with the same seed. */
struct dice {
	u64 state;
};

static u64 roll(struct dice *dice)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return dice->state;
}

static u64 roll_below(struct dice *dice, u64 limit)
{
	return roll(dice) % limit;
}

/* An id that exists, one that is nearly right, or one that is not. */
static u64 roll_id(struct dice *dice)
{
	u64 id = known->reg[roll_below(dice, known->n)];

	switch (roll_below(dice, 6)) {
	case 0:
		return id ^ 1ULL << roll_below(dice, 64);
	case 1:
		return (id & ~0xffffULL) | roll_below(dice, 0x10000);
	case 2:
		return (id & ~KVM_REG_SIZE_MASK) | roll_below(dice, 16) << KVM_REG_SIZE_SHIFT;
	case 3:
		return roll(dice);
	case 4:
		return KVM_REG_RISCV | roll_below(dice, 10) << KVM_REG_SIZE_SHIFT |
		       roll_below(dice, 14) << KVM_REG_RISCV_TYPE_SHIFT |
		       roll_below(dice, 6) << KVM_REG_RISCV_SUBTYPE_SHIFT |
		       roll_below(dice, 160);
	default:
		return id;
	}
}

static u64 roll_value(struct dice *dice)
{
	static const u64 usual[] = { 0, 1, 2, 7, 16, ~0ULL, 1ULL << 63, 0x80000000 };

	return roll_below(dice, 2) ? usual[roll_below(dice, ARRAY_SIZE(usual))] : roll(dice);
}

static bool is_known_error(int err)
{
	return !err || err == -EINVAL || err == -ENOENT || err == -EBUSY || err == -EFAULT ||
	       err == -EOPNOTSUPP || err == -EPERM;
}

/* How many bytes the id says, as far as there is room for them. */
static size_t length_of(u64 id)
{
	u64 log = (id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT;

	return log > 8 ? MOST_BYTES : 1UL << log;
}

static void read_one(struct kvm_vcpu *vcpu, u64 id)
{
	unsigned char bytes[2 * MOST_BYTES];
	size_t length = length_of(id);
	int err;

	memset(bytes, CANARY, sizeof(bytes));
	err = onereg_get(vcpu, id, bytes);
	TEST_ASSERT(is_known_error(err), "get %lx: %d", id, err);
	for (size_t i = err ? MOST_BYTES : length; i < sizeof(bytes); i++)
		TEST_ASSERT(bytes[i] == CANARY, "get %lx wrote byte %lu", id, i);
	taken += !err;
}

/*
 * What a guest does whose program counter or page table is noise is no matter of
 * this interface, and an emulated processor may never come back from it.
 */
static bool is_state_of_processor(u64 id)
{
	u64 type = id & KVM_REG_RISCV_TYPE_MASK;

	return type == KVM_REG_RISCV_CORE || type == KVM_REG_RISCV_CSR ||
	       type == KVM_REG_RISCV_TIMER || type == KVM_REG_RISCV_VECTOR;
}

static void write_one(struct kvm_vcpu *vcpu, u64 id, struct dice *dice)
{
	u64 words[MOST_BYTES / sizeof(u64)];
	int err;

	words[0] = roll_value(dice);
	for (size_t i = 1; i < ARRAY_SIZE(words); i++)
		words[i] = roll(dice);
	if (guest_runs && is_state_of_processor(id) && onereg_get(vcpu, id, words))
		return;
	err = onereg_set(vcpu, id, words);
	TEST_ASSERT(is_known_error(err), "set %lx: %d", id, err);
	taken += !err;
}

static void nowhere(struct kvm_vcpu *vcpu, u64 id, struct dice *dice)
{
	u64 address = roll_below(dice, 2) ? roll(dice) | 1ULL << 63 : roll_below(dice, 4096);
	struct kvm_one_reg reg = { .id = id, .addr = address };
	int err = __vcpu_ioctl(vcpu, KVM_GET_ONE_REG, &reg) ? -errno : 0;

	TEST_ASSERT(err && is_known_error(err), "get %lx to %lx: %d", id, address, err);
	err = __vcpu_ioctl(vcpu, KVM_SET_ONE_REG, &reg) ? -errno : 0;
	TEST_ASSERT(err && is_known_error(err), "set %lx from %lx: %d", id, address, err);
}

static void ask_for_list(struct kvm_vcpu *vcpu, struct dice *dice)
{
	static const size_t room = 2048;
	struct kvm_reg_list *list = malloc(sizeof(*list) + room * sizeof(u64));
	u64 wanted = roll_below(dice, room);
	int err;

	list->n = wanted;
	err = __vcpu_ioctl(vcpu, KVM_GET_REG_LIST, list) ? -errno : 0;
	TEST_ASSERT(!err || err == -E2BIG, "list of %lu: %d", wanted, err);
	TEST_ASSERT(err ? list->n > wanted : list->n <= wanted, "list of %lu: %lld is %d",
		    wanted, list->n, err);
	free(list);
}

static void annoy(struct kvm_vcpu *vcpu, struct dice *dice)
{
	u64 id = roll_id(dice);

	calls++;
	switch (roll_below(dice, 16)) {
	case 0:
		return nowhere(vcpu, id, dice);
	case 1:
		return ask_for_list(vcpu, dice);
	case 2 ... 7:
		return read_one(vcpu, id);
	default:
		return write_one(vcpu, id, dice);
	}
}

struct job {
	pthread_t thread;
	struct kvm_vcpu *vcpu;
	struct dice dice;
};

static void *hostile_thread(void *argument)
{
	struct job *job = argument;

	while (!over)
		annoy(job->vcpu, &job->dice);
	return NULL;
}

/* It comes back often, for the others get a word in only then. */
static void guest_code(void)
{
	for (;;)
		GUEST_SYNC(0);
}

static void ignore(int signal)
{
}

/* A guest with a random program counter may never come back by itself. */
static void kick_regularly(void)
{
	struct sigaction action = { .sa_handler = ignore };
	struct itimerval often = { { 0, LATE_US }, { 0, LATE_US } };

	TEST_ASSERT(!sigaction(SIGALRM, &action, NULL), "sigaction");
	TEST_ASSERT(!setitimer(ITIMER_REAL, &often, NULL), "setitimer");
}

static void block_kicks(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *kicked_runner(void *argument)
{
	struct kvm_vcpu *vcpu = argument;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (!over) {
		__vcpu_run(vcpu);
		runs++;
	}
	return NULL;
}

static void sleep_until_over(unsigned int seconds)
{
	struct timespec left = { .tv_sec = seconds };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
	over = true;
}

static void attack(struct kvm_vcpu *vcpu, bool run, u64 seed)
{
	struct job jobs[THREADS];
	pthread_t runner;

	over = false;
	guest_runs = run;
	calls = taken = runs = 0;
	known = vcpu_get_reg_list(vcpu);
	block_kicks();
	if (run)
		TEST_ASSERT(!pthread_create(&runner, NULL, kicked_runner, vcpu), "thread");
	for (int i = 0; i < THREADS; i++) {
		jobs[i] = (struct job) { .vcpu = vcpu, .dice = { seed + i } };
		TEST_ASSERT(!pthread_create(&jobs[i].thread, NULL, hostile_thread, &jobs[i]),
			    "thread");
	}
	if (run)
		kick_regularly();
	sleep_until_over(SECONDS);
	for (int i = 0; i < THREADS; i++)
		pthread_join(jobs[i].thread, NULL);
	if (run)
		pthread_join(runner, NULL);
	ksft_print_msg("seed %lx: %lu calls, %lu of them taken, %lu runs\n", seed,
		       (unsigned long)calls, (unsigned long)taken, (unsigned long)runs);
}

static u64 seed_of(void)
{
	const char *given = getenv("ONEREG_SEED");

	return given ? strtoull(given, NULL, 0) | 1 : 0x9e3779b97f4a7c15;
}

TEST(vcpu_that_runs)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create_with_one_vcpu(&vcpu, guest_code);

	attack(vcpu, true, seed_of());
	EXPECT_GT(calls, 100);
	EXPECT_GT(taken, 10);
	EXPECT_GT(runs, 10);
	kvm_vm_free(vm);
}

TEST(vcpu_that_never_ran)
{
	struct kvm_vm *vm = vm_create_barebones();
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, 0);

	attack(vcpu, false, seed_of() + THREADS);
	EXPECT_GT(calls, 100);
	EXPECT_GT(taken, 10);
	kvm_vm_free(vm);
}

TEST_HARNESS_MAIN
