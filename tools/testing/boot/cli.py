# SPDX-License-Identifier: GPL-2.0
"""The commands of the harness."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Callable, Iterable, Sequence

from boot import (bench, bench_onereg, bench_stage2, bench_viommu, builder,
                  catalog, check, fuzz, interactive, procs, tests_onereg,
                  tests_stage2, tests_viommu, vng)
from boot.paths import ARCHES, FLAVOURS, Layout, MissingInput
from boot.plan import Selection

LEVELS = ('host', 'kunit', 'boot')
BENCHES = {tests_viommu.PIECE: bench_viommu.PIECE,
           tests_onereg.PIECE: bench_onereg.PIECE,
           tests_stage2.PIECE: bench_stage2.PIECE}


def _names(text: str) -> tuple[str, ...]:
    """A list separated by commas; an empty variable of make is empty."""
    return tuple(name for name in text.split(',') if name)


def _levels(text: str) -> tuple[str, ...]:
    levels = _names(text)
    for level in levels:
        if level not in LEVELS:
            raise argparse.ArgumentTypeError(
                f'{level} is none of ' + ', '.join(LEVELS))
    return levels


def _some_of(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = _names(text)
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f'{name} is none of ' + ', '.join(known))
        return names or tuple(known)
    return parse


def _factor(text: str) -> float:
    factor = float(text)
    if not factor > 0:
        raise argparse.ArgumentTypeError('must be positive')
    return factor


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError('must be 1 or more')
    return count


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--build-dir', type=Path, metavar='DIR',
                        help='kernel build to use instead of the cached one '
                             '(with one --arch)')
    parser.add_argument('--no-build', action='store_true',
                        help='take kernels and programs as they are')
    parser.add_argument('--no-kvm', action='store_true',
                        help='use TCG even where KVM works')


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser],
               ) -> None:
    parser = commands.add_parser(
        'check', help='run tests; the last line has the sums')
    _add_common(parser)
    parser.add_argument('--level', type=_levels, default=(), metavar='L,...',
                        help='of ' + ', '.join(LEVELS) + ' (default: all)')
    for option, what in (('arch', 'architectures'), ('piece', 'pieces'),
                         ('boot', 'boots'), ('test', 'guest tests'),
                         ('driver', 'iommu drivers (rust, c, none)')):
        parser.add_argument(f'--{option}', type=_names, default=(),
                            metavar='A,...', help=f'only these {what}')
    parser.add_argument('--jobs', type=int, default=check.default_jobs(),
                        metavar='N', help='boots at a time (%(default)s)')
    parser.add_argument(
        '--deadline-factor', type=_factor, metavar='F',
        default=os.environ.get('RV_DEADLINE_FACTOR', '1'),
        help='multiplies all deadlines, for slow hosts')
    parser.add_argument('--flavour', choices=FLAVOURS, default='test',
                        help='what --build-dir is (%(default)s)')


def _add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser],
               ) -> None:
    parser = commands.add_parser('bench', help='Rust and C, in one run')
    parser.add_argument('--no-build', action='store_true',
                        help='take kernels and programs as they are')
    parser.add_argument('--no-kvm', action='store_true',
                        help='use TCG even where KVM works')
    parser.add_argument('--rounds', type=_count, default=3, metavar='N',
                        help='boots of each driver in each mode that take '
                             'times (%(default)s)')
    parser.add_argument('--piece', choices=tuple(BENCHES),
                        default=tests_viommu.PIECE,
                        help='what to measure (%(default)s)')
    for option, known in (('modes', bench_viommu.MODES),
                          ('kinds', bench_viommu.KINDS)):
        parser.add_argument(f'--{option}', type=_some_of(known),
                            default=tuple(known), metavar='A,...',
                            help='of ' + ', '.join(known) + ' (default: all), '
                            'of virtio-iommu')
    parser.add_argument('--append', default='', metavar='WORDS',
                        help='for the kernel')


def _bench(options: argparse.Namespace) -> int:
    layout = Layout()
    wanted = bench.Wanted(options.rounds, options.modes, options.kinds,
                          options.append, not options.no_kvm)
    piece = BENCHES[options.piece]
    if not options.no_build:
        builder.build_for_person(layout, piece.kernels(wanted))
    return bench.run(layout, piece, wanted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='boot', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    _add_check(commands)
    commands.add_parser('list', help='list all boots and their tests')
    fuzz_ = commands.add_parser(
        'fuzz', help='fuzz the pure logic, and keep inputs that reach more')
    fuzz_.add_argument('--seconds', type=_count, default=60, metavar='N',
                       help='for each target (%(default)s)')
    shell = commands.add_parser('shell', help='a shell in the guest')
    _add_common(shell)
    shell.add_argument('--arch', choices=ARCHES, default='x86_64')
    shell.add_argument('--flavour', choices=FLAVOURS, default='test')
    shell.add_argument('--variant', default='', metavar='V',
                       help='machine: generic or viommu')
    shell.add_argument('--driver', default='rust',
                       choices=('rust', 'c', 'none'))
    run = commands.add_parser('run', help='the demonstration')
    _add_common(run)
    run.add_argument('--arch', choices=('x86_64', 'arm64'), default='x86_64')
    _add_bench(commands)
    virtme = commands.add_parser('vng', help='boot with virtme-ng')
    _add_common(virtme)
    virtme.add_argument('words', nargs='*', metavar='COMMAND',
                        help='what to run in the guest')
    return parser


def _layout(options: argparse.Namespace, flavour: str) -> Layout:
    """The layout, with a build directory given by hand put into it."""
    if getattr(options, 'build_dir', None) is None:
        return Layout()
    arches = getattr(options, 'arch', 'x86_64')
    arch = arches if isinstance(arches, str) else ','.join(arches)
    if arch not in ARCHES:
        raise MissingInput('--build-dir needs one --arch')
    return Layout(builds={(arch, flavour): options.build_dir.resolve()})


def _list() -> int:
    for boot in catalog.all_boots():
        tests = ' '.join(test.name for test in boot.tests)
        print(f'{boot.key:36} {boot.variant:8} {boot.driver:5} {tests}')
    return 0


def _check(options: argparse.Namespace, argv: Sequence[str]) -> int:
    selection = Selection(options.level, options.arch, options.piece,
                          options.boot, options.test, options.driver)
    how = check.Options(max(1, options.jobs), options.deadline_factor,
                        not options.no_kvm, not options.no_build)
    return check.run(_layout(options, options.flavour), selection, how, argv)


def _dispatch(options: argparse.Namespace, argv: Sequence[str]) -> int:
    if options.command == 'list':
        return _list()
    if options.command == 'check':
        return _check(options, argv)
    if options.command == 'fuzz':
        return fuzz.run(Layout(), options.seconds)
    if options.command == 'bench':
        return _bench(options)
    flavour = getattr(options, 'flavour', 'plain')
    layout = _layout(options, flavour)
    if not options.no_build:
        arch = getattr(options, 'arch', vng.ARCH)
        builder.build_for_person(layout, [builder.Kernel(arch, flavour)])
    if options.command == 'shell':
        return interactive.shell(layout, options.arch, options.flavour,
                                 options.variant, options.driver,
                                 not options.no_kvm)
    if options.command == 'run':
        return interactive.demo(layout, options.arch, not options.no_kvm)
    return vng.run(layout, options.words, not options.no_kvm)


def main(argv: Sequence[str]) -> int:
    """Runs one command; returns its exit status."""
    options = _parser().parse_args(argv)
    procs.install_handlers()
    try:
        return _dispatch(options, argv)
    except MissingInput as error:
        print(f'boot: {error}', file=sys.stderr)
        return 1
    except procs.Interrupted as stop:
        return stop.exit_status
