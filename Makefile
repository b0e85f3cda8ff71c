# SPDX-License-Identifier: GPL-2.0
#
# Linux virtualization in Rust: build it, boot it, test it.
#
# `make help` lists the targets. Everything runs in a tool root of its own,
# which the first target that needs it makes (tools/bootstrap).

ARCHES := x86_64 arm64 riscv powerpc
FLAVOUR ?= test

enter := tools/enter
run := tools/testing/run

# Passed on to the test runner where the person set them.
selection := $(if $(PIECE),--piece $(PIECE)) $(if $(ARCH),--arch $(ARCH)) \
	     $(if $(BOOT),--boot $(BOOT)) $(if $(TEST),--test $(TEST)) \
	     $(if $(DRIVER),--driver $(DRIVER))

.PHONY: help
help:
	@echo 'See it work:'
	@echo '  make run             boot a kernel whose disk and network sit behind the Rust'
	@echo '                       virtio-iommu driver, and show what the guest sees'
	@echo '  make check           run all tests [PIECE=virtio-iommu] [ARCH=x86_64] [TEST=name]'
	@echo '  make bench           the Rust and the C driver side by side [ROUNDS=3]'
	@echo '                       [MODES=lazy,strict] [KINDS=count,instructions,irqs-off,time]'
	@echo '  make shell ARCH=...  a shell in the same guest'
	@echo '  make vng             the x86_64 kernel under virtme-ng [CMD="uname -a"]'
	@echo ''
	@echo 'Parts of make check:'
	@echo '  make check-host      pure logic and tools, without a kernel'
	@echo '  make check-kunit     KUnit in a guest [ARCH=...]'
	@echo '  make check-boot      boot tests [ARCH=...] [TEST=name]'
	@echo '  make fuzz            fuzz what a device can send for long, and keep what'
	@echo '                       that finds [TIME=60, seconds for each target]'
	@echo ''
	@echo 'Your own tree (KDIR=~/src/linux):'
	@echo '  make KDIR=... apply  lay this overlay over the tree [LINK=1 for symlinks]'
	@echo '  make KDIR=... status compare'
	@echo '  make KDIR=... revert take it all back'
	@echo '  make series          the same as a patch series in $$O (default: series/)'
	@echo ''
	@echo 'Building:'
	@echo '  make build ARCH=...  build one kernel [FLAVOUR=test|plain|trace]'
	@echo '  make toolroot        compilers, QEMU and the kernel source, once'
	@echo '  make clean           remove what this made, the cache included'
	@echo ''
	@echo 'ARCH is one of: $(ARCHES). TOOLROOT=host KDIR=... uses your own tools and tree.'

# -- Tools ------------------------------------------------------------------

.PHONY: toolroot
toolroot:
	@tools/bootstrap

.PHONY: clean
clean:
	@tools/bootstrap --clean

# -- Kernels ----------------------------------------------------------------

.PHONY: build
build: toolroot
	@$(enter) tools/build $(or $(ARCH),x86_64) --flavour $(FLAVOUR)

# -- Tests ------------------------------------------------------------------

.PHONY: run
run: toolroot
	@$(enter) $(run) run $(if $(ARCH),--arch $(ARCH))

.PHONY: bench
bench: toolroot
	$(if $(ARCH),$(error The benchmark of each piece has its own architecture: leave ARCH out))
	@$(enter) $(run) bench $(if $(PIECE),--piece $(PIECE)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MODES),--modes $(MODES)) \
		$(if $(KINDS),--kinds $(KINDS)) $(if $(APPEND),--append '$(APPEND)')

.PHONY: check check-host check-kunit check-boot
check: toolroot
	@$(enter) $(run) check $(selection)
check-host: toolroot
	@$(enter) $(run) check --level host $(selection)
check-kunit: toolroot
	@$(enter) $(run) check --level kunit $(selection)
check-boot: toolroot
	@$(enter) $(run) check --level boot $(selection)

.PHONY: fuzz
fuzz: toolroot
	@$(enter) $(run) fuzz $(if $(TIME),--seconds $(TIME))

.PHONY: shell
shell: toolroot
	@$(enter) $(run) shell --arch $(or $(ARCH),x86_64)

.PHONY: vng
vng: toolroot
	@$(enter) $(run) vng -- $(if $(CMD),'$(subst ','\'',$(CMD))')

# -- The overlay on a person's own tree -------------------------------------

need-kdir = $(if $(KDIR),,$(error Say which kernel tree: make KDIR=~/src/linux $@))

.PHONY: apply status revert
apply:
	$(need-kdir)
	@tools/overlay apply $(if $(filter 1,$(LINK)),--link) \
		$(if $(filter 1,$(ANY_BASE)),--any-base) $(KDIR)
status revert:
	$(need-kdir)
	@tools/overlay $@ $(KDIR)

.PHONY: series
series:
	@tools/overlay series --out $(or $(O),series) $(if $(KDIR),--base $(KDIR))
