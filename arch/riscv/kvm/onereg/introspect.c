// SPDX-License-Identifier: GPL-2.0
/*
 * The file in debugfs and the trace event of the Rust code of the ONE_REG
 * interface.
 */

#include <linux/debugfs.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <asm/kvm_onereg_rust.h>

static bool kvm_riscv_onereg_table;
module_param_named(onereg_table, kvm_riscv_onereg_table, bool, 0644);
MODULE_PARM_DESC(onereg_table, "New VMs have a table of their ISA extensions in debugfs");

#define CREATE_TRACE_POINTS
#include "trace_onereg.h"

void kvm_riscv_onereg_trace_refused(struct kvm_vcpu *vcpu, u64 id, bool write,
				    int reason, int other, int error)
{
	trace_kvm_onereg_refused(vcpu->vcpu_id, id, write, reason, other, error);
}

bool kvm_riscv_onereg_is_traced(void)
{
	return trace_kvm_onereg_refused_enabled();
}

struct kvm_vcpu *kvm_riscv_onereg_get_vcpu(struct kvm *kvm, int index)
{
	return kvm_get_vcpu(kvm, index);
}

static int kvm_riscv_onereg_show_file(struct seq_file *file, void *token)
{
	return kvm_riscv_onereg_show(file, file->private);
}

static int kvm_riscv_onereg_open(struct inode *inode, struct file *file)
{
	struct kvm *kvm = inode->i_private;
	int ret;

	if (!kvm_get_kvm_safe(kvm))
		return -ENOENT;

	ret = single_open(file, kvm_riscv_onereg_show_file, kvm);
	if (ret)
		kvm_put_kvm(kvm);

	return ret;
}

static int kvm_riscv_onereg_release(struct inode *inode, struct file *file)
{
	struct kvm *kvm = inode->i_private;
	int ret = single_release(inode, file);

	kvm_put_kvm(kvm);

	return ret;
}

static const struct file_operations kvm_riscv_onereg_fops = {
	.owner		= THIS_MODULE,
	.open		= kvm_riscv_onereg_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= kvm_riscv_onereg_release,
};

void kvm_arch_create_vm_debugfs(struct kvm *kvm)
{
	/* To make and to delete a file is a twentieth of what a VM costs. */
	if (READ_ONCE(kvm_riscv_onereg_table))
		debugfs_create_file("isa_extensions", 0444, kvm->debugfs_dentry, kvm,
				    &kvm_riscv_onereg_fops);
}
