// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tells of a guest's ISA extensions beside its registers: a table in
 * debugfs, and a trace event for each access that is refused.
 *
 * Both say the same as the registers do: what the table says can be changed can be
 * changed, and what the event says was refused was refused.
 */
#include <strings.h>

#include "onereg_trace.h"
#include "kselftest_harness.h"

#define TEXT_SIZE (1 << 18)
#define ROLLS 300

#define NAME(ext) [KVM_RISCV_ISA_EXT_##ext] = #ext

static const char * const names[KVM_RISCV_ISA_EXT_MAX] = {
	NAME(A), NAME(C), NAME(D), NAME(F), NAME(H), NAME(I), NAME(M), NAME(SVPBMT),
	NAME(SSTC), NAME(SVINVAL), NAME(ZIHINTPAUSE), NAME(ZICBOM), NAME(ZICBOZ),
	NAME(ZBB), NAME(SSAIA), NAME(V), NAME(SVNAPOT), NAME(ZBA), NAME(ZBS),
	NAME(ZICNTR), NAME(ZICSR), NAME(ZIFENCEI), NAME(ZIHPM), NAME(SMSTATEEN),
	NAME(ZICOND), NAME(ZBC), NAME(ZBKB), NAME(ZBKC), NAME(ZBKX), NAME(ZKND),
	NAME(ZKNE), NAME(ZKNH), NAME(ZKR), NAME(ZKSED), NAME(ZKSH), NAME(ZKT),
	NAME(ZVBB), NAME(ZVBC), NAME(ZVKB), NAME(ZVKG), NAME(ZVKNED), NAME(ZVKNHA),
	NAME(ZVKNHB), NAME(ZVKSED), NAME(ZVKSH), NAME(ZVKT), NAME(ZFH), NAME(ZFHMIN),
	NAME(ZIHINTNTL), NAME(ZVFH), NAME(ZVFHMIN), NAME(ZFA), NAME(ZTSO),
	NAME(ZACAS), NAME(SSCOFPMF), NAME(ZIMOP), NAME(ZCA), NAME(ZCB), NAME(ZCD),
	NAME(ZCF), NAME(ZCMOP), NAME(ZAWRS), NAME(SMNPM), NAME(SSNPM), NAME(SVADE),
	NAME(SVADU), NAME(SVVPTC), NAME(ZABHA), NAME(ZICCRSE), NAME(ZAAMO),
	NAME(ZALRSC), NAME(ZICBOP), NAME(ZFBFMIN), NAME(ZVFBFMIN), NAME(ZVFBFWMA),
	NAME(ZCLSD), NAME(ZILSD), NAME(ZALASR), NAME(ZICFILP), NAME(ZICFISS),
};

static char text[TEXT_SIZE];

static void guest_code(void)
{
	GUEST_DONE();
}

FIXTURE(table) {
	struct kvm_vcpu *vcpu;
	char path[PATH_LENGTH];
};

FIXTURE_SETUP(table)
{
	self->vcpu = NULL;
	if (write_text(TABLES, "1"))
		SKIP(return, "the kernel has no such table");
	path_of_table(vm_create_with_one_vcpu(&self->vcpu, guest_code), self->path);
	ASSERT_EQ(0, access(self->path, R_OK));
}

FIXTURE_TEARDOWN(table)
{
	if (self->vcpu)
		kvm_vm_free(self->vcpu->vm);
	write_text(TABLES, "0");
}

struct row {
	char name[16];
	char host[8];
	char guest[16];
	char enable[32];
	char disable[32];
};

/* Returns how many rows were read. */
static int parse(const char *from, struct row *rows)
{
	int count = 0;

	for (; from; from = strchr(from, '\n')) {
		from += *from == '\n';
		if (*from == '#' || !*from || count == KVM_RISCV_ISA_EXT_MAX)
			continue;
		if (sscanf(from, "%15s %7s %15s %31s %31s", rows[count].name,
			   rows[count].host, rows[count].guest, rows[count].enable,
			   rows[count].disable) != 5)
			return -1;
		count++;
	}
	return count;
}

static struct row rows[KVM_RISCV_ISA_EXT_MAX];

static void read_rows(const char *path)
{
	TEST_ASSERT(read_text(path, text, sizeof(text)), "%s is empty", path);
	TEST_ASSERT_EQ(parse(text, rows), KVM_RISCV_ISA_EXT_MAX);
}

static bool is(const char *word, const char *other)
{
	return !strcmp(word, other);
}

TEST_F(table, has_a_row_for_each_extension)
{
	read_rows(self->path);
	for (int ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++) {
		EXPECT_EQ(0, strcasecmp(names[ext], rows[ext].name))
			TH_LOG("%s is called %s", names[ext], rows[ext].name);
	}
}

TEST_F(table, says_who_has_what)
{
	read_rows(self->path);
	for (int ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++) {
		long value = isa_ext_value(self->vcpu, ext);

		EXPECT_TRUE(is(rows[ext].host, value < 0 ? "no" : "yes"))
			TH_LOG("%s", names[ext]);
		EXPECT_TRUE(is(rows[ext].guest, value == 1 ? "yes" : "no"))
			TH_LOG("%s", names[ext]);
	}
}

/* Whether the table is right about an extension: it is tried, and put back. */
static bool is_right(struct kvm_vcpu *vcpu, unsigned long ext, const u64 before[2])
{
	const struct row *row = &rows[ext];
	bool right = true;

	if (is(row->host, "no"))
		return is(row->enable, "not-on-host") && is(row->disable, "not-on-host");
	if (isa_ext_value(vcpu, ext))
		right = is(row->disable, "yes") == !isa_ext_set(vcpu, ext, 0);
	if (!isa_ext_value(vcpu, ext))
		right = right && is(row->enable, "yes") == !isa_ext_set(vcpu, ext, 1);
	for (int word = 0; word < 2; word++)
		onereg_set_ulong(vcpu, ISA_MULTI_REG(EN, word), before[word]);
	return right;
}

TEST_F(table, says_what_can_be_changed)
{
	const u64 before[] = {
		onereg_value(self->vcpu, ISA_MULTI_REG(EN, 0)),
		onereg_value(self->vcpu, ISA_MULTI_REG(EN, 1)),
	};

	read_rows(self->path);
	for (int ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++) {
		EXPECT_TRUE(is_right(self->vcpu, ext, before))
			TH_LOG("%s: enable %s, disable %s", names[ext], rows[ext].enable,
			       rows[ext].disable);
	}
}

TEST_F(table, says_why_not)
{
	const bool strict = rules_are_strict();
	bool sstc;

	read_rows(self->path);
	sstc = is(rows[KVM_RISCV_ISA_EXT_SSTC].host, "yes");
	EXPECT_STREQ("not-offered", rows[KVM_RISCV_ISA_EXT_H].enable);
	EXPECT_STREQ("no-mechanism", rows[KVM_RISCV_ISA_EXT_ZBA].disable);
	EXPECT_STREQ(sstc ? "in-use" : "not-on-host", rows[KVM_RISCV_ISA_EXT_SSTC].disable);
	EXPECT_STREQ("not-on-host", rows[KVM_RISCV_ISA_EXT_ZCF].enable);
	EXPECT_STREQ(!strict ? "strict-only" : sstc ? "needed-by:sstc" : "yes",
		     rows[KVM_RISCV_ISA_EXT_ZICNTR].disable);
	if (is(rows[KVM_RISCV_ISA_EXT_SSCOFPMF].guest, "yes")) {
		EXPECT_STREQ(strict ? "needed-by:sscofpmf" : "yes",
			     rows[KVM_RISCV_ISA_EXT_SSAIA].disable);
	}
}

TEST_F(table, says_that_it_is_too_late)
{
	struct ucall uc;

	EXPECT_EQ(UCALL_DONE, run_to_ucall(self->vcpu, &uc));
	read_rows(self->path);
	for (int ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++) {
		const struct row *row = &rows[ext];

		EXPECT_TRUE(is(row->host, "no") ||
			    (is(row->enable, "has-run") && is(row->disable, "has-run")))
			TH_LOG("%s", names[ext]);
	}
}

TEST_F(table, counts_vcpus)
{
	__vm_vcpu_add(self->vcpu->vm, 1);
	ASSERT_EQ(0, isa_ext_set(self->vcpu, KVM_RISCV_ISA_EXT_ZICBOZ, 0));
	read_rows(self->path);
	EXPECT_STREQ("1/2", rows[KVM_RISCV_ISA_EXT_ZICBOZ].guest);
	EXPECT_STREQ("yes", rows[KVM_RISCV_ISA_EXT_ZICBOM].guest);
}

TEST_F(table, is_there_on_request_only)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	char path[PATH_LENGTH];

	ASSERT_EQ(0, write_text(TABLES, "0"));
	vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	path_of_table(vm, path);
	EXPECT_EQ(-1, access(path, F_OK));
	EXPECT_EQ(0, access(self->path, F_OK));
	kvm_vm_free(vm);
}

/* Whoever reads it keeps the VM, and cannot find one that goes away. */
TEST_F(table, outlives_the_vmm)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	char path[PATH_LENGTH];
	int fd;

	path_of_table(vm, path);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	kvm_vm_free(vm);
	EXPECT_LT(0, read(fd, text, sizeof(text)));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(-1, access(path, F_OK));
}

FIXTURE(trace) {
	struct kvm_vcpu *vcpu;
	const char *folder;
};

FIXTURE_SETUP(trace)
{
	vm_create_with_one_vcpu(&self->vcpu, guest_code);
	self->folder = folder_of_traces();
	if (!self->folder)
		SKIP(return, "the kernel has no such event");
	ASSERT_EQ(0, tell_tracer(self->folder, "trace", " "));
	ASSERT_EQ(0, tell_tracer(self->folder, REFUSED_EVENT, "1"));
}

FIXTURE_TEARDOWN(trace)
{
	if (self->folder)
		tell_tracer(self->folder, REFUSED_EVENT, "0");
	kvm_vm_free(self->vcpu->vm);
}

/* How many events there have been; they are gone then. */
static int events(const char *folder)
{
	int count = 0;

	read_trace(folder, text, sizeof(text));
	for (const char *at = text; (at = strstr(at, REFUSED_LINE)); at++)
		count++;
	tell_tracer(folder, "trace", " ");
	return count;
}

/* Whether the only event since the last look is of this access, for this reason. */
static bool told(const char *folder, bool write, u64 id, const char *reason, int err)
{
	int count = events(folder);
	char line[160];

	snprintf(line, sizeof(line), "vcpu 0 %s 0x%016lx: %s (extension", write ? "set" : "get",
		 (unsigned long)id, reason);
	if (count != 1 || !strstr(text, line))
		return false;
	snprintf(line, sizeof(line), "), error %d\n", err);
	return strstr(text, line);
}

TEST_F(trace, has_nothing_of_what_is_taken)
{
	EXPECT_EQ(1, isa_ext_value(self->vcpu, KVM_RISCV_ISA_EXT_I));
	EXPECT_EQ(0, isa_ext_set(self->vcpu, KVM_RISCV_ISA_EXT_ZICBOZ, 0));
	EXPECT_EQ(0, isa_ext_set(self->vcpu, KVM_RISCV_ISA_EXT_ZICBOZ, 1));
	EXPECT_EQ(0, events(self->folder));
}

struct refusal {
	const char *reason;
	u64 id;
	unsigned long value;
	int err;
};

#define NOT(ext, value, reason, err) \
	((struct refusal) { reason, RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_##ext), value, err })

TEST_F(trace, has_the_reason)
{
	bool sstc = isa_ext_value(self->vcpu, KVM_RISCV_ISA_EXT_SSTC) == 1;
	const struct refusal refusals[] = {
		{ "unknown type", RISCV_CORE_REG(mode) & ~KVM_REG_RISCV_TYPE_MASK, 0, -ENOENT },
		{ "wrong size", RISCV_CORE_REG(mode) ^ KVM_REG_SIZE_U16, 0, -EINVAL },
		{ "unknown register", RISCV_CORE_REG(mode) + 1, 0, -ENOENT },
		{ "bad value", RISCV_CONFIG_REG(isa), ~0UL, -EINVAL },
		{ "C code or user memory", RISCV_TIMER_REG(frequency), 0, -EINVAL },
		NOT(ZCF, 1, "not on the host", -ENOENT),
		NOT(ZICBOZ, 2, "bad value", -EINVAL),
		NOT(H, 1, "not offered", -EINVAL),
		NOT(ZBA, 0, "nothing turns it off", -EINVAL),
		sstc ? NOT(SSTC, 0, "KVM uses it", -EINVAL) :
		       NOT(SSTC, 0, "not on the host", -ENOENT),
	};

	events(self->folder);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *refusal = &refusals[i];

		EXPECT_EQ(refusal->err,
			  onereg_set_ulong(self->vcpu, refusal->id, refusal->value));
		EXPECT_TRUE(told(self->folder, true, refusal->id, refusal->reason,
				 refusal->err))
			TH_LOG("%s: %s", refusal->reason, text);
	}
	EXPECT_EQ(-ENOENT, isa_ext_value(self->vcpu, KVM_RISCV_ISA_EXT_ZCF));
	EXPECT_TRUE(told(self->folder, false, RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_ZCF),
			 "not on the host", -ENOENT));
}

TEST_F(trace, has_what_comes_too_late)
{
	u64 id = RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_ZICBOZ);
	struct ucall uc;

	EXPECT_EQ(UCALL_DONE, run_to_ucall(self->vcpu, &uc));
	events(self->folder);
	EXPECT_EQ(-EBUSY, onereg_set_ulong(self->vcpu, id, 0));
	EXPECT_TRUE(told(self->folder, true, id, "the vCPU has run", -EBUSY));
}

/* The call says nothing of what it leaves out, unless the rules are strict. */
TEST_F(trace, has_what_many_at_once_leave_out)
{
	unsigned long zba = KVM_RISCV_ISA_EXT_ZBA, zicboz = KVM_RISCV_ISA_EXT_ZICBOZ;
	bool strict = rules_are_strict();
	u64 many = ISA_MULTI_REG(DIS, 0);

	EXPECT_EQ(strict ? -EINVAL : 0,
		  onereg_set_ulong(self->vcpu, many, 1UL << zba | 1UL << zicboz));
	EXPECT_TRUE(told(self->folder, true, strict ? many : RISCV_ISA_EXT_REG(zba),
			 "nothing turns it off", -EINVAL));
}

TEST_F(trace, has_sbi_extensions_that_many_at_once_leave_out)
{
	const u64 many = __kvm_reg_id(KVM_REG_RISCV_SBI_EXT, KVM_REG_RISCV_SBI_MULTI_DIS, 0,
				      KVM_REG_SIZE_ULONG);
	const unsigned long base = KVM_RISCV_SBI_EXT_V01, none = 63;

	EXPECT_EQ(0, onereg_set_ulong(self->vcpu, many, 1UL << base | 1UL << none));
	EXPECT_TRUE(told(self->folder, true, RISCV_SBI_EXT_REG(none), "unknown register",
			 -ENOENT));
}

/* Random ids: as many events as there were errors. */
TEST_F(trace, has_every_refusal)
{
	struct kvm_reg_list *list = vcpu_get_reg_list(self->vcpu);
	unsigned long state = 0x2545f4914f6cdd1d, value[64] = { 0 };
	int refused = 0;

	events(self->folder);
	for (int i = 0; i < ROLLS; i++) {
		u64 id;

		state = state * 6364136223846793005 + 1442695040888963407;
		id = list->reg[(state >> 33) % list->n] ^ (i % 2) << (state >> 59);
		refused += !!onereg_get(self->vcpu, id, value);
	}
	EXPECT_LT(10, refused);
	EXPECT_EQ(refused, events(self->folder));
	free(list);
}

TEST_HARNESS_MAIN
