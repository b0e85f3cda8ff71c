# SPDX-License-Identifier: GPL-2.0
"""RISC-V KVM's ONE_REG: the registers of a vCPU as a VMM and a guest see them."""

from __future__ import annotations

from boot.parity import Difference
from boot.plan import Boot, GuestTest
from boot.results import Status

PIECE = 'riscv-onereg'
ARCH = 'riscv'


def _test(name: str, seconds: int) -> GuestTest:
    return GuestTest(name, (PIECE,), (ARCH,), seconds)


REG_LIST = _test('kvm-reg-list', 240)
UPSTREAM = _test('kvm-upstream', 120)
PMU = _test('kvm-pmu', 300)
MOVES = _test('onereg-moves', 60)
OWN = _test('onereg', 450)
ABI = _test('onereg-abi', 300)
LOOKING = _test('onereg-introspection', 120)
STRICT = _test('onereg-strict', 200)
BENCH = _test('onereg-bench', 300)

# Processors that differ in what KVM can hand on to a guest: each another set of
# extensions, and another answer to what may be switched off.
CPUS = {
    'max': 'max',
    'rv64': 'rv64',
    'svade': 'max,svadu=off,svade=on',
    'svade-svadu': 'max,svade=on',
    'no-ssnpm': 'max,ssnpm=off',
    'no-smnpm': 'max,smnpm=off',
    'no-smstateen': 'max,smstateen=off',
    'no-v': 'max,v=off',
    'rv64-pm': 'rv64,smnpm=true,ssnpm=true',
}


def _differs(case: str, reason: str) -> Difference:
    return Difference(f'onereg.{case}', Status.PASSED, Status.FAILED, reason,
                      (ARCH,))


_MASKING = 'pointer_masking_test.pointer_masking'
_DISABLE = 'isa_ext_disable_test'
_MIGRATION = 'onereg_migration_test'
_NO_VECTORS = 'onereg_vector_test.vmm_without_vectors'
_STAYS_ON = ('C leaves pointer masking on when the VMM takes only the firmware '
             'feature away')
_FLOATS = 'C leaves floats on where F or D alone was switched off'
_VECTORS = ('C leaves vectors on where V was switched off, with what another '
            'task has in them')

# What the C code fails, and why.
DIFFERENCES: tuple[Difference, ...] = (
    _differs(f'{_MASKING}.ends_when_the_vmm_takes_it_from_a_running_guest',
             _STAYS_ON),
    _differs(f'{_MASKING}.is_off_again_after_off_and_on', _STAYS_ON),
    _differs(f'{_MASKING}.cannot_be_restored_where_it_was_taken', _STAYS_ON),
    _differs(f'{_MASKING}.is_off_again_after_isa_off_and_on',
             'C leaves pointer masking on when Smnpm goes and comes back'),
    _differs(f'{_MASKING}_taken.feature.ends', _STAYS_ON),
    _differs(f'{_DISABLE}.global.f_switched_off_alone', _FLOATS),
    _differs(f'{_DISABLE}.global.d_switched_off_alone', _FLOATS),
    _differs(f'{_DISABLE}.isa_ext.F.is_gone_when_switched_off', _FLOATS),
    _differs(f'{_DISABLE}.isa_ext.D.is_gone_when_switched_off', _FLOATS),
    _differs(f'{_DISABLE}.isa_ext.V.is_gone_when_switched_off', _VECTORS),
    _differs(f'{_DISABLE}.global.v_switched_off_by_letter', _VECTORS),
    _differs(f'{_DISABLE}.global.vector_registers_of_other_tasks_stay_theirs',
             _VECTORS),
    _differs(f'{_DISABLE}.global.config_isa_has_no_bits_beyond_the_letters',
             'C looks at the lower half of the register only'),
    _differs(f'{_MIGRATION}.global.timer_that_is_off_can_be_switched_off',
             'C refuses to switch off a timer that is off'),
    _differs(f'{_MIGRATION}.migration.*.every_register_can_be_written',
             'C refuses to switch off a timer that is off'),
    _differs(f'{_MIGRATION}.migration.*.'
             'every_register_of_a_lesser_guest_can_be_written',
             'C refuses to switch off a timer that is off'),
    _differs(f'{_MIGRATION}.global.'
             'same_sbi_extensions_can_be_written_after_a_run',
             'C refuses any write to an SBI extension after a run'),
    _differs(f'{_MIGRATION}.global.same_sbi_words_can_be_written_after_a_run',
             'C refuses any write to an SBI extension after a run'),
    Difference(f'onereg-moves.{_MIGRATION}.guest.by_list.'
               'is_still_told_of_stolen_time', Status.PASSED, Status.FAILED,
               'C forgets the address when its upper half is written', (ARCH,)),
    _differs(f'{_NO_VECTORS}.can_give_them_once_allowed',
             'C leaves vectors off for a guest that gets them later'),
    _differs(f'{_NO_VECTORS}.finds_none_of_what_it_wrote_after_off_and_on',
             'C keeps what vector registers had'),
)


def _boot(driver: str, oracle: str = '') -> Boot:
    # To look for leaks takes as long as half of the tests do.
    append = 'rv.kmemleak=1' if driver == 'rust' else ''
    return Boot(f'onereg-{driver}', ARCH, driver=driver, module='kvm',
                tests=(REG_LIST, UPSTREAM, OWN), append=append, oracle=oracle,
                thorough=driver == 'c')


def _abi(name: str, cpu: str) -> Boot:
    """C and Rust one after the other in the same boot, on the quick kernel."""
    return Boot(f'onereg-abi-{name}', ARCH, flavour='plain', driver='none',
                module='kvm', cpu=cpu, tests=(ABI,), thorough=True)


def _new() -> list[Boot]:
    """What the Rust code has and C does not; and what both have, in brief.

    Zicntr can be taken from a guest only where Sstc does not need it.
    """
    return [
        Boot('onereg-new', ARCH, driver='none', module='kvm',
             tests=(ABI, LOOKING, STRICT), append='rv.brief=1'),
        Boot('onereg-no-sstc', ARCH, driver='none', module='kvm',
             cpu='max,sstc=off', tests=(STRICT,)),
    ]


def pmu(driver: str) -> Boot:
    """A boot of the quick kernel: one test takes long.

    And about once in a thousand times, with C as with Rust, a guest that was
    moved does not come back, or has lost its vector CSRs; far more often where
    the kernel checks everything. Why is not known.
    """
    return Boot(f'onereg-pmu-{driver}', ARCH, flavour='plain', driver=driver,
                module='kvm', tests=(PMU, MOVES), thorough=True,
                oracle='onereg-pmu-c' if driver == 'rust' else '')


def bench(driver: str) -> Boot:
    """A boot of the benchmark, which ``make check`` has nothing of."""
    return Boot(f'onereg-{driver}', ARCH, flavour='plain', driver=driver,
                module='kvm', tests=(BENCH,), icount=True)


def boots() -> list[Boot]:
    """The same tests on both; C and Rust on each processor; the slow one."""
    return [_boot('rust', 'onereg-c'), _boot('c'), *_new(),
            pmu('rust'), pmu('c'),
            *(_abi(name, cpu) for name, cpu in CPUS.items())]
