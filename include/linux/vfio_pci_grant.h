/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which BARs vfio-pci lets KVM map with more than Device memory: what the policy is asked and what
 * it answers, and what is kept for each device.
 *
 * Both sides of the boundary to drivers/vfio/pci/vfio_pci_grant_rust.rs include this, so it has
 * plain numbers and flags only.
 */
#ifndef VFIO_PCI_GRANT_H
#define VFIO_PCI_GRANT_H

#include <linux/types.h>

/* Of struct pci_dev, PCI_STD_NUM_BARS. */
#define VFIO_PCI_GRANT_BARS	6

enum vfio_pci_grant_mode {
	VFIO_PCI_GRANT_COMPAT,
	VFIO_PCI_GRANT_PCIE,
	VFIO_PCI_GRANT_PREFETCHABLE,
	VFIO_PCI_GRANT_OFF,
};

/* What the administrator says of a device. */
enum vfio_pci_grant_word {
	VFIO_PCI_GRANT_AUTO,
	VFIO_PCI_GRANT_DEVICE,
	VFIO_PCI_GRANT_NORMAL_NC,
};

/* Where a function is. IDs have the vendor in their upper half; 0 is none. */
struct vfio_pci_grant_place {
	u32	function;
	u32	root_port;
	u32	host_bridge;
	bool	pcie;
	u8	port_type;		/* PCI_EXP_TYPE_* */
	bool	has_bridge;		/* to or from conventional PCI, above it */
	u8	msix_bar;		/* 0xff: none */
};

/* What is kept for each device. */
struct vfio_pci_grant {
	struct vfio_pci_grant_place	place;
	u8	word;				/* enum vfio_pci_grant_word */
	bool	lowered[VFIO_PCI_GRANT_BARS];	/* by the user who has it open */
	bool	used;				/* he has mapped a BAR with a grant */
};

struct vfio_pci_grant_facts {
	struct vfio_pci_grant_place	place;
	u32	midr;
	u32	named;			/* by the administrator, for an erratum */
	u8	mode;			/* enum vfio_pci_grant_mode */
	u8	word;
	bool	lowered;
	/* The BAR. */
	bool	prefetchable;
	bool	wide;
	bool	sub_page;
	bool	has_msix_table;
};

struct vfio_pci_grant_answer {
	bool		granted;
	const char	*why;		/* words that last for ever */
	const char	*position;	/* where the function is */
};

/* Decides of one BAR. */
struct vfio_pci_grant_answer vfio_pci_grant_decide(struct vfio_pci_grant_facts facts);
/* Returns whether somebody who has @allowed may ask for @wanted, both whether Normal-NC. */
bool vfio_pci_grant_may_have(bool allowed, bool wanted);

#endif /* VFIO_PCI_GRANT_H */
