# SPDX-License-Identifier: GPL-2.0
"""arm64 KVM's memory types at stage 2: real devices in guests of the guest."""

from __future__ import annotations

from boot.plan import Boot, GuestTest

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
NESTED = _test('s2-nested', 600)


def _boot(name: str, test: GuestTest, append: str = '') -> Boot:
    return Boot(name, ARCH, variant='stage2', driver='none', tests=(test,),
                append=append, on_request=True)


def boots() -> list[Boot]:
    """One boot for each way in which KVM is started."""
    return [
        _boot('stage2', MEMORY_TYPE),
        _boot('stage2-c', MEMORY_TYPE, C_RULES),
        _boot('stage2-limited', LIMITED, 'kvm-arm.s2_normal_nc=0'),
        _boot('stage2-protected', PROTECTED, PROTECTED_MODE),
        _boot('stage2-protected-c', PROTECTED, f'{PROTECTED_MODE} {C_RULES}'),
        _boot('stage2-nested', NESTED, NESTED_MODE),
        _boot('stage2-nested-c', NESTED, f'{NESTED_MODE} {C_RULES}'),
    ]
