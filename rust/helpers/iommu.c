// SPDX-License-Identifier: GPL-2.0

#include <linux/iommu.h>

#ifdef CONFIG_IOMMU_API
#include <trace/events/iommu.h>
#include "../../drivers/iommu/dma-iommu.h"
#include "../../drivers/iommu/iommu-priv.h"

__rust_helper struct iommu_fwspec *rust_helper_dev_iommu_fwspec_get(struct device *dev)
{
	return dev_iommu_fwspec_get(dev);
}

__rust_helper void *rust_helper_dev_iommu_priv_get(struct device *dev)
{
	return dev_iommu_priv_get(dev);
}

__rust_helper void rust_helper_dev_iommu_free(struct device *dev)
{
	dev_iommu_free(dev);
}

__rust_helper void
rust_helper_iommu_dma_get_resv_regions(struct device *dev, struct list_head *list)
{
	iommu_dma_get_resv_regions(dev, list);
}

__rust_helper void
rust_helper_iommu_iotlb_gather_init(struct iommu_iotlb_gather *gather)
{
	iommu_iotlb_gather_init(gather);
}

__rust_helper void
rust_helper_iommu_iotlb_gather_add_range(struct iommu_iotlb_gather *gather,
					 unsigned long iova, size_t size)
{
	iommu_iotlb_gather_add_range(gather, iova, size);
}

__rust_helper void
rust_helper_trace_io_page_fault(struct device *dev, unsigned long iova, int flags)
{
	trace_io_page_fault(dev, iova, flags);
}

__rust_helper bool
rust_helper_iommu_iotlb_gather_queued(struct iommu_iotlb_gather *gather)
{
	return iommu_iotlb_gather_queued(gather);
}
#endif
