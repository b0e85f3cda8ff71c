# SPDX-License-Identifier: GPL-2.0
"""arm64 KVM's memory types at stage 2: real devices in guests of the guest."""

from __future__ import annotations

from dataclasses import replace

from boot.configreads import ConfigReads
from boot.parity import Difference
from boot.plan import Boot, GuestTest
from boot.results import Status

PIECE = 'arm64-stage2'
ARCH = 'arm64'

# On the kernel's command line: the same kernel has both.
C_RULES = 'kvm-arm.s2_policy=c'
PROTECTED_MODE = 'kvm-arm.mode=protected'
NESTED_MODE = 'kvm-arm.mode=nested'


def _test(name: str, seconds: int) -> GuestTest:
    return GuestTest(name, (PIECE,), (ARCH,), seconds)


MEMORY_TYPE = _test('s2-memory-type', 180)
LIMITED = _test('s2-limited', 120)
PROTECTED = _test('s2-protected', 240)
GRANT = _test('s2-grant', 240)
GICV2 = _test('s2-gicv2', 120)
HOSTILE = _test('s2-hostile', 180)
KSELFTEST = _test('s2-kselftest', 240)
BENCH = _test('s2-bench', 300)
NESTED = _test('s2-nested', 600)
DEVICES = _test('s2-devices', 300)
MISALIGNED = _test('s2-misaligned', 120)
RECLAIM = _test('s2-reclaim', 120)

# s2-reclaim has parts with a grant and without; one more read when the device
# is closed, and one when its memory is switched off before that.
DRAINED = ConfigReads('nvme', register=0, mark=1, more=((2, 1, 1), (4, 3, 2)),
                      name='posted-writes-arrive')


_SELFTEST = 's2-kselftest.s2_memory_type_test'
_KILLED = 'C ends KVM_RUN when an access to a Device mapping is not aligned'

# What the C rules fail, and why.
DIFFERENCES: tuple[Difference, ...] = tuple(
    Difference(f'{_SELFTEST}{case}', Status.PASSED, Status.FAILED, _KILLED,
               (ARCH,))
    for case in ('.file: is Device, and the guest is told',
                 '.file: the guest goes on'))


def _boot(name: str, tests: tuple[GuestTest, ...], append: str = '', *,
          flavour: str = 'test', variant: str = 'stage2',
          thorough: bool = True, oracle: str = '') -> Boot:
    return Boot(name, ARCH, flavour=flavour, variant=variant, driver='none',
                tests=tests, append=append, thorough=thorough, oracle=oracle)


def bench(driver: str) -> Boot:
    """A boot of the benchmark, which ``make check`` has nothing of."""
    return Boot(f'stage2-{driver}', ARCH, flavour='plain', variant='stage2',
                driver='none', tests=(BENCH,), icount=True,
                append=C_RULES if driver == 'c' else '')


def boots() -> list[Boot]:
    """One boot for each way in which KVM is started.

    The paranoid kernel takes minutes where the hypervisor is emulated twice,
    so that those boots are of the plain one.
    """
    return [
        _boot('stage2', (MEMORY_TYPE, GRANT), thorough=False),
        _boot('stage2-c', (MEMORY_TYPE,), C_RULES, thorough=False),
        _boot('stage2-limited', (LIMITED,), 'kvm-arm.s2_normal_nc=0'),
        *_pair('stage2-devices', (MISALIGNED, DEVICES), ''),
        replace(_boot('stage2-reclaim', (RECLAIM,), flavour='plain'),
                config_reads=(DRAINED,)),
        *_pair('stage2-gicv2', (GICV2, DEVICES), '', flavour='test',
               variant='stage2-gicv2'),
        *_pair('stage2-protected', (PROTECTED, DEVICES), PROTECTED_MODE),
        *_pair('stage2-nested', (NESTED, DEVICES), NESTED_MODE),
        _boot('stage2-kselftest', (KSELFTEST,), flavour='plain',
              oracle='stage2-kselftest-c'),
        _boot('stage2-kselftest-c', (KSELFTEST,), C_RULES, flavour='plain'),
        *_pair('stage2-hostile', (HOSTILE,), '', flavour='test'),
    ]


def _pair(name: str, tests: tuple[GuestTest, ...], append: str,
          flavour: str = 'plain', variant: str = 'stage2') -> list[Boot]:
    """A boot with the policy, and one with the rules of C."""
    return [_boot(name, tests, append, flavour=flavour, variant=variant),
            _boot(f'{name}-c', tests, f'{append} {C_RULES}'.strip(),
                  flavour=flavour, variant=variant)]
