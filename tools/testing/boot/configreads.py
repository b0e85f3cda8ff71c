# SPDX-License-Identifier: GPL-2.0
"""What was read of a PCI function's configuration space, by QEMU's trace."""

from __future__ import annotations

import re
from dataclasses import dataclass

_EVENT = 'pci_cfg_read'
_READ = re.compile(_EVENT + r' (\S+) \S+ @(0x[0-9a-f]+) ->')


@dataclass(frozen=True)
class ConfigReads:
    """How often a register of a function has to be read, part by part."""

    #: What QEMU calls the function.
    function: str
    register: int
    #: The register of which each read parts what was before from what comes.
    mark: int
    #: (part, other part, how many more reads there are in the first).
    more: tuple[tuple[int, int, int], ...]
    #: What that means.
    name: str

    def arguments(self) -> tuple[str, ...]:
        """What QEMU has to be told; it traces to its standard error."""
        return '-trace', _EVENT

    def count(self, log: str) -> list[int]:
        """How many reads of the register there were, by part."""
        parts = [0]
        for function, offset in _READ.findall(log):
            if function != self.function:
                continue
            if int(offset, 16) == self.mark:
                parts.append(0)
            parts[-1] += int(offset, 16) == self.register
        return parts

    def problem(self, log: str) -> str:
        """What is not as it has to be; empty if nothing."""
        parts = self.count(log)
        if len(parts) <= max(max(pair[:2]) for pair in self.more):
            return f'there are only {len(parts)} parts'
        wrong = [f'part {part} has {parts[part]}, part {other} {parts[other]}'
                 for part, other, more in self.more
                 if parts[part] - parts[other] != more]
        return '; '.join(wrong)
