// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that throws whatever comes to its mind at the ONE_REG interface, from two
 * threads, while its vCPU runs.
 *
 * What has to hold: every call comes back, with an error that the interface has; an
 * id that is not as wide as its register does nothing; what was read is as long as
 * the id says and not longer; another guest is none the worse for it; and the
 * kernel's log stays clean, which is for whoever runs this to see.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

#include "onereg_trace.h"
#include "kselftest_harness.h"

#define SECONDS 3
#define THREADS 2
#define MOST_BYTES 256
#define CANARY 0xa5
#define LATE_US 1000
#define MOST_REGS 1024
#define TEXT_SIZE (1 << 14)

static atomic_bool over;
static atomic_ulong calls, taken, astray, runs, looks;
static struct kvm_reg_list *known;
static size_t vector_bytes;

/* What becomes of the state of the processor. */
static enum fate {
	/* The guest runs, and goes on where it is. */
	KEPT,
	/* It is written between two runs, and put back before the next one. */
	LOST,
	/* There is nobody to miss it. */
	UNUSED,
} fate;

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
	return !err || err == -EINVAL || err == -ENOENT || err == -EBUSY || err == -EFAULT;
}

/* How many bytes the id says, as far as there is room for them. */
static size_t length_of(u64 id)
{
	u64 log = (id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT;

	return log > 8 ? MOST_BYTES : 1UL << log;
}

/* How many bytes the register has, as far as that is the same for all of them. */
static size_t bytes_of_register(u64 id)
{
	u64 number = id & 0xffff;

	switch (id & KVM_REG_RISCV_TYPE_MASK) {
	case KVM_REG_RISCV_FP_F:
		return sizeof(u32);
	case KVM_REG_RISCV_FP_D:
		return number == KVM_REG_RISCV_FP_D_REG(fcsr) ? sizeof(u32) : sizeof(u64);
	case KVM_REG_RISCV_VECTOR:
		return number < KVM_REG_RISCV_VECTOR_REG(0) ? sizeof(u64) : vector_bytes;
	default:
		return sizeof(u64);
	}
}

static void check(const char *what, u64 id, int err)
{
	TEST_ASSERT(is_known_error(err), "%s %lx: %d", what, id, err);
	TEST_ASSERT(err || length_of(id) == bytes_of_register(id), "%s %lx is taken", what, id);
	taken += !err;
}

static void read_one(struct kvm_vcpu *vcpu, u64 id)
{
	unsigned char bytes[2 * MOST_BYTES];
	size_t length = length_of(id);
	int err;

	memset(bytes, CANARY, sizeof(bytes));
	err = onereg_get(vcpu, id, bytes);
	check("get", id, err);
	for (size_t i = err ? MOST_BYTES : length; i < sizeof(bytes); i++)
		TEST_ASSERT(bytes[i] == CANARY, "get %lx wrote byte %lu", id, i);
}

static bool is_state_of_processor(u64 id)
{
	u64 type = id & KVM_REG_RISCV_TYPE_MASK;

	return type == KVM_REG_RISCV_CORE || type == KVM_REG_RISCV_CSR ||
	       type == KVM_REG_RISCV_TIMER || type == KVM_REG_RISCV_VECTOR;
}

/*
 * What a guest does whose program counter or status is noise is no matter of this
 * interface, and an emulated processor may never come back from it.
 */
static pthread_rwlock_t between_runs = PTHREAD_RWLOCK_INITIALIZER;

static void write_one(struct kvm_vcpu *vcpu, u64 id, struct dice *dice)
{
	u64 words[MOST_BYTES / sizeof(u64)];
	int err;

	words[0] = roll_value(dice);
	for (size_t i = 1; i < ARRAY_SIZE(words); i++)
		words[i] = roll(dice);
	if (fate == KEPT && is_state_of_processor(id) && onereg_get(vcpu, id, words))
		return;
	if (fate == LOST && is_state_of_processor(id)) {
		pthread_rwlock_rdlock(&between_runs);
		err = onereg_set(vcpu, id, words);
		pthread_rwlock_unlock(&between_runs);
		astray += !err;
	} else {
		err = onereg_set(vcpu, id, words);
	}
	check("set", id, err);
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

static unsigned char before[MOST_REGS][MOST_BYTES];

static void note_state(struct kvm_vcpu *vcpu)
{
	TEST_ASSERT(known->n <= MOST_REGS, "%lld registers", known->n);
	for (u64 i = 0; i < known->n; i++)
		if (is_state_of_processor(known->reg[i]))
			TEST_ASSERT(!onereg_get(vcpu, known->reg[i], before[i]), "%llx",
				    known->reg[i]);
}

/* Not every kernel takes it that a timer which is off is switched off. */
static void put_back(struct kvm_vcpu *vcpu)
{
	for (u64 i = 0; i < known->n; i++) {
		u64 id = known->reg[i];
		int err = is_state_of_processor(id) ? onereg_set(vcpu, id, before[i]) : 0;

		TEST_ASSERT(!err || id == RISCV_TIMER_REG(state), "%lx: %d", id, err);
	}
}

static void run_once(struct kvm_vcpu *vcpu)
{
	if (fate == LOST) {
		pthread_rwlock_wrlock(&between_runs);
		put_back(vcpu);
		__vcpu_run(vcpu);
		pthread_rwlock_unlock(&between_runs);
		usleep(LATE_US);
	} else {
		__vcpu_run(vcpu);
	}
}

static void *kicked_runner(void *argument)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (!over) {
		run_once(argument);
		runs++;
	}
	return NULL;
}

/* Looks at the table of the extensions, which is whole whatever happens to the vCPU. */
static void *reader(void *path)
{
	static char text[TEXT_SIZE];

	while (!over) {
		int rows = 0;

		TEST_ASSERT(read_text(path, text, sizeof(text)), "%s is empty", (char *)path);
		for (const char *at = text; (at = strchr(at, '\n')); at++)
			rows += at[1] && at[1] != '#';
		rows += text[0] != '#';
		TEST_ASSERT(rows == KVM_RISCV_ISA_EXT_MAX, "%d rows", rows);
		looks++;
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

/* A number of threads that live until it is over. */
struct crowd {
	pthread_t threads[THREADS + 2];
	int count;
};

static void join_in(struct crowd *crowd, void *(*what)(void *), void *argument)
{
	TEST_ASSERT(!pthread_create(&crowd->threads[crowd->count++], NULL, what, argument),
		    "pthread_create");
}

static void look_around(struct kvm_vcpu *vcpu, enum fate chosen)
{
	long bytes = onereg_value(vcpu, __kvm_reg_id(KVM_REG_RISCV_VECTOR, 0,
						     KVM_REG_RISCV_VECTOR_CSR_REG(vlenb),
						     KVM_REG_SIZE_U64));

	over = false;
	fate = chosen;
	calls = taken = astray = runs = looks = 0;
	known = vcpu_get_reg_list(vcpu);
	vector_bytes = bytes < 0 ? 0 : bytes;
}

static void attack(struct kvm_vcpu *vcpu, enum fate chosen, u64 seed)
{
	static char path[PATH_LENGTH];
	struct crowd crowd = { .count = 0 };
	struct job jobs[THREADS];

	look_around(vcpu, chosen);
	note_state(vcpu);
	path_of_table(vcpu->vm, path);
	block_kicks();
	if (fate != UNUSED)
		join_in(&crowd, kicked_runner, vcpu);
	for (int i = 0; i < THREADS; i++) {
		jobs[i] = (struct job) { .vcpu = vcpu, .dice = { seed + i } };
		join_in(&crowd, hostile_thread, &jobs[i]);
	}
	if (!access(path, R_OK))
		join_in(&crowd, reader, path);
	if (fate != UNUSED)
		kick_regularly();
	sleep_until_over(SECONDS);
	while (crowd.count--)
		pthread_join(crowd.threads[crowd.count], NULL);
	ksft_print_msg("seed %lx: %lu calls, %lu taken, %lu led astray, %lu runs, %lu looks\n",
		       seed, (unsigned long)calls, (unsigned long)taken, (unsigned long)astray,
		       (unsigned long)runs, (unsigned long)looks);
}

static u64 seed_of(void)
{
	const char *given = getenv("ONEREG_SEED");

	return given ? strtoull(given, NULL, 0) | 1 : 0x9e3779b97f4a7c15;
}

/* Refusals are traced meanwhile, by a kernel that does so. */
FIXTURE(hostile) {
	const char *traces;
};

FIXTURE_SETUP(hostile)
{
	self->traces = folder_of_traces();
	write_text(TABLES, "1");
	if (!self->traces)
		return;
	ASSERT_EQ(0, tell_tracer(self->traces, "trace", " "));
	ASSERT_EQ(0, tell_tracer(self->traces, REFUSED_EVENT, "1"));
}

FIXTURE_TEARDOWN(hostile)
{
	static char text[TEXT_SIZE];
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	struct ucall uc;

	write_text(TABLES, "0");
	/* Another guest does not notice. */
	EXPECT_EQ(UCALL_SYNC, run_to_ucall(vcpu, &uc));
	kvm_vm_free(vm);
	EXPECT_LT(100, calls);
	EXPECT_LT(10, taken);
	if (!self->traces)
		return;
	EXPECT_EQ(0, tell_tracer(self->traces, REFUSED_EVENT, "0"));
	read_trace(self->traces, text, sizeof(text));
	EXPECT_TRUE(!!strstr(text, REFUSED_LINE));
	EXPECT_EQ(0, tell_tracer(self->traces, "trace", " "));
	EXPECT_LT(0, looks);
}

TEST_F(hostile, vcpu_that_runs)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create_with_one_vcpu(&vcpu, guest_code);

	attack(vcpu, KEPT, seed_of());
	EXPECT_LT(10, runs);
	kvm_vm_free(vm);
}

TEST_F(hostile, vcpu_that_is_led_astray)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	struct ucall uc;

	ASSERT_EQ(UCALL_SYNC, run_to_ucall(vcpu, &uc));
	attack(vcpu, LOST, seed_of() + THREADS);
	/* Each run takes as many calls as there are registers. */
	EXPECT_LT(2, runs);
	EXPECT_LT(5, astray);
	kvm_vm_free(vm);
}

TEST_F(hostile, vcpu_that_never_ran)
{
	struct kvm_vm *vm = vm_create_barebones();
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, 0);

	attack(vcpu, UNUSED, seed_of() + 2 * THREADS);
	kvm_vm_free(vm);
}

TEST_HARNESS_MAIN
