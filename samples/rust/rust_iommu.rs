// SPDX-License-Identifier: GPL-2.0

//! Rust IOMMU driver sample: an IOMMU without hardware, and one device behind it.
//!
//! When it is loaded, it maps some pages for the device, looks them up, unmaps them, and takes
//! everything down again. No hardware is needed: `modprobe rust_iommu` on any machine.
//!
//! C version of the interface: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use kernel::{
    alloc,
    device::Device,
    dma::DmaAddress,
    faux,
    io::PhysAddr,
    iommu::{
        self,
        software,
        Prot, //
    },
    page::{
        PAGE_MASK,
        PAGE_SIZE, //
    },
    prelude::*,
    rbtree::*,
    sync::*, //
};

module! {
    type: SampleModule,
    name: "rust_iommu",
    authors: ["Rust for Linux Contributors"],
    description: "Rust IOMMU driver sample",
    license: "GPL",
}

/// The IOMMU. It has no state of its own, nor has a device behind it.
struct SampleIommu;

kernel::iommu_ops! { static SAMPLE_OPS: SampleIommu; }

#[vtable]
impl iommu::Driver for SampleIommu {
    type Endpoint = ();
    type Paging = Pages;
    type Identity = Pages;

    fn probe_device(
        _instance: &Arc<Self>,
        _dev: &Device,
        _fwspec: &iommu::FwSpec<'_>,
    ) -> Result<impl PinInit<(), Error>> {
        Ok(Ok::<_, Error>(()))
    }

    fn alloc_paging(_endpoint: &iommu::Endpoint<Self>) -> Result<iommu::NewDomain<Pages>> {
        let config = iommu::DomainConfig {
            pgsize_bitmap: PAGE_SIZE,
            aperture: 0..=DmaAddress::from(u32::MAX),
            force_aperture: true,
        };

        iommu::NewDomain::paging(config, Pages::new())
    }

    fn alloc_identity(_endpoint: &iommu::Endpoint<Self>) -> Result<iommu::IdentityDomain<Self>> {
        iommu::NewBypassDomain::new(Pages::new()).map(iommu::IdentityDomain::Bypass)
    }
}

/// A domain: the physical address of each mapped page.
#[pin_data]
struct Pages {
    #[pin]
    tree: SpinLockIrq<RBTree<usize, PhysAddr>>,
}

impl Pages {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self { tree <- new_spinlock_irq!(RBTree::new()) })
    }
}

impl iommu::Domain for Pages {
    type Driver = SampleIommu;

    fn attach(&self, _endpoint: &iommu::Endpoint<SampleIommu>) -> Result {
        Ok(())
    }
}

#[vtable]
impl iommu::PagingDomain for Pages {
    // One page at a time: the core calls again for the rest.
    fn map_pages(
        &self,
        iova: usize,
        paddr: PhysAddr,
        pgsize: usize,
        _pgcount: usize,
        _prot: iommu::Prots,
        flags: alloc::Flags,
    ) -> (usize, Result) {
        match RBTreeNode::new(iova, paddr, flags) {
            Ok(node) => {
                let _replaced = self.tree.lock().insert(node);
                (pgsize, Ok(()))
            }
            Err(err) => (0, Err(err)),
        }
    }

    fn unmap_pages(&self, iova: usize, size: usize, _: usize, _: &mut iommu::Gather<'_>) -> usize {
        let node = self.tree.lock().remove_node(&iova);
        node.map_or(0, |_| size)
    }

    fn flush_iotlb_all(&self) {
        // What is unmapped is gone at once.
    }

    fn iova_to_phys(&self, iova: DmaAddress) -> Option<PhysAddr> {
        let iova = usize::try_from(iova).ok()?;
        let page = *self.tree.lock().get(&(iova & PAGE_MASK))?;
        page.checked_add(PhysAddr::try_from(iova & !PAGE_MASK).ok()?)
    }
}

struct SampleModule;

impl kernel::Module for SampleModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        const SIZE: usize = 4 * PAGE_SIZE;
        let (iova, paddr) = (16 * PAGE_SIZE, PhysAddr::try_from(SIZE)?);

        let faux = faux::Registration::new(c"rust-iommu-sample", None)?;
        let dev = faux.as_ref().as_ref();
        let fwnode = software::SoftwareNode::new()?.fwnode();
        let iommu = Arc::new(SampleIommu, GFP_KERNEL)?;
        let iommu = iommu::Registration::with_fwnode(dev, Some(fwnode), c"rust-iommu", iommu)?;
        let endpoint = software::SoftwareEndpoint::new(&iommu, c"rust-iommu-endpoint", &[1])?;
        let mut mappings = endpoint.attach()?;

        mappings.map(iova, paddr, SIZE, Prot::Read | Prot::Write, GFP_KERNEL)?;
        let found = mappings.iova_to_phys(DmaAddress::try_from(iova + PAGE_SIZE)?);
        let unmapped = mappings.unmap(iova, SIZE);
        let left = mappings.iova_to_phys(DmaAddress::try_from(iova)?);

        pr_info!("page 1 is at {found:x?}, unmapped {unmapped:#x} bytes, left {left:x?}\n");
        Ok(Self)
    }
}
