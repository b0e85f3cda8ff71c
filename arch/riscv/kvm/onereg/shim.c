// SPDX-License-Identifier: GPL-2.0
/*
 * Macros and inline functions for the Rust code of the ONE_REG interface.
 */

#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <asm/csr.h>
#include <asm/kvm_onereg_rust.h>
#include <asm/kvm_vcpu_vector.h>
#include <asm/vector.h>

bool kvm_riscv_onereg_strict;
module_param_named(onereg_strict, kvm_riscv_onereg_strict, bool, 0644);
MODULE_PARM_DESC(onereg_strict, "New vCPUs have no extension without those that it needs");

unsigned long kvm_riscv_onereg_hvip_to_vsip(unsigned long hvip)
{
	return hvip_to_vsip(hvip);
}

unsigned long kvm_riscv_onereg_vsip_to_hvip(unsigned long vsip)
{
	return vsip_to_hvip(vsip);
}

unsigned long kvm_riscv_onereg_irq_local_mask(void)
{
	return IRQ_LOCAL_MASK;
}

int kvm_riscv_onereg_get_user(u64 *value, const u64 __user *from)
{
	return get_user(*value, from);
}

int kvm_riscv_onereg_put_user(u64 value, u64 __user *to)
{
	return put_user(value, to);
}

void kvm_riscv_onereg_forget_irq_changes(struct kvm_vcpu *vcpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vcpu->arch.irqs_pending_lock, flags);
	vcpu->arch.irqs_pending_mask[0] = 0;
	raw_spin_unlock_irqrestore(&vcpu->arch.irqs_pending_lock, flags);
}

void kvm_riscv_onereg_vector_reset(struct kvm_vcpu *vcpu)
{
	kvm_riscv_vcpu_vector_reset(vcpu);
}

bool kvm_riscv_onereg_vector_allowed(void)
{
	return riscv_v_vstate_ctrl_user_allowed();
}

/* Whether there has been a vCPU that may have to do without counters. */
static bool kvm_riscv_onereg_hcounteren_used;

void kvm_riscv_onereg_use_hcounteren(void)
{
	WRITE_ONCE(kvm_riscv_onereg_hcounteren_used, true);
}

void kvm_riscv_onereg_load(struct kvm_vcpu *vcpu)
{
	if (unlikely(READ_ONCE(kvm_riscv_onereg_hcounteren_used)))
		csr_write(CSR_HCOUNTEREN, kvm_riscv_onereg_hcounteren(vcpu));
}
