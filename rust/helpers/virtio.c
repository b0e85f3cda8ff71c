// SPDX-License-Identifier: GPL-2.0

#include <linux/cache.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

/*
 * Two mappings in one cache line corrupt each other where DMA is not coherent,
 * and DMA debugging reports them everywhere.
 */
__rust_helper size_t rust_helper_virtio_dma_alignment(void)
{
	return max_t(size_t, L1_CACHE_BYTES, dma_get_cache_alignment());
}

#if IS_BUILTIN(CONFIG_VIRTIO)
__rust_helper bool
rust_helper___virtio_test_bit(const struct virtio_device *vdev,
			      unsigned int fbit)
{
	return __virtio_test_bit(vdev, fbit);
}

__rust_helper void rust_helper___virtio_clear_bit(struct virtio_device *vdev,
						  unsigned int fbit)
{
	__virtio_clear_bit(vdev, fbit);
}

__rust_helper bool
rust_helper_virtio_is_little_endian(struct virtio_device *vdev)
{
	return virtio_is_little_endian(vdev);
}

__rust_helper u8 rust_helper_virtio_get_status(struct virtio_device *vdev)
{
	might_sleep();
	return vdev->config->get_status(vdev);
}

__rust_helper void rust_helper_device_lock(struct device *dev)
{
	device_lock(dev);
}

__rust_helper void rust_helper_device_unlock(struct device *dev)
{
	device_unlock(dev);
}

__rust_helper const char *
rust_helper_virtio_bus_name(struct virtio_device *vdev)
{
	return virtio_bus_name(vdev);
}

__rust_helper void rust_helper_virtio_config_get(struct virtio_device *vdev,
						 unsigned int offset, void *buf,
						 unsigned int len)
{
	might_sleep();
	vdev->config->get(vdev, offset, buf, len);
}

__rust_helper u32
rust_helper_virtio_config_generation(struct virtio_device *vdev)
{
	return vdev->config->generation ? vdev->config->generation(vdev) : 0;
}

__rust_helper void rust_helper_virtio_cwrite8(struct virtio_device *vdev,
					      unsigned int offset, u8 val)
{
	virtio_cwrite8(vdev, offset, val);
}

__rust_helper int rust_helper_virtio_find_vqs(struct virtio_device *vdev,
					      unsigned int nvqs,
					      struct virtqueue *vqs[],
					      struct virtqueue_info vqs_info[],
					      struct irq_affinity *desc)
{
	return virtio_find_vqs(vdev, nvqs, vqs, vqs_info, desc);
}

__rust_helper void rust_helper_virtio_del_vqs(struct virtio_device *vdev)
{
	vdev->config->del_vqs(vdev);
}

__rust_helper void rust_helper_virtio_device_ready(struct virtio_device *vdev)
{
	virtio_device_ready(vdev);
}

__rust_helper void
rust_helper_virtio_synchronize_cbs(struct virtio_device *vdev)
{
	virtio_synchronize_cbs(vdev);
}
#endif

#if IS_ENABLED(CONFIG_RUST_VIRTIO_LOOPBACK)
__rust_helper void *rust_helper_phys_to_virt(phys_addr_t address)
{
	return phys_to_virt(address);
}
#endif
