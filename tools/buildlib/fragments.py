# SPDX-License-Identifier: GPL-2.0
"""Kconfig fragments: reading them, joining them, and what became of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from .errors import BuildError

_SET = re.compile(r"CONFIG_(\w+)=(.+)")
_UNSET = re.compile(r"# CONFIG_(\w+) is not set")
_DEFINITION = re.compile(r"^\s*(?:menu)?config\s+(\w+)\s*(?:#.*)?$")
_DEPENDS = re.compile(r"^\s+depends\s+on\s+(.*)$")

# Kconfig's own: absent, or said to be unset.
OFF = "n"


@dataclass(frozen=True)
class Lost:
    """A symbol that did not get the value that a fragment wants."""

    symbol: str
    wanted: str
    found: str
    fragment: str


@dataclass(frozen=True)
class Definition:
    """Where Kconfig knows a symbol from, and what it depends on there."""

    place: str
    depends: Tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """The values that all fragments of a kernel ask for together."""

    values: Mapping[str, str]
    #: The fragment that asks for each.
    origin: Mapping[str, str]

    def text(self) -> str:
        """As one fragment, in the order in which the symbols were asked for."""
        return "".join(_line(symbol, value) for symbol, value in self.values.items())


def _line(symbol: str, value: str) -> str:
    if value == OFF:
        return f"# CONFIG_{symbol} is not set\n"
    return f"CONFIG_{symbol}={value}\n"


def parse(name: str, text: str) -> Dict[str, str]:
    """The values in one fragment; whatever is neither a value nor a comment is an error."""
    values: Dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        match = _UNSET.fullmatch(line)
        if match:
            symbol, value = match.group(1), OFF
        else:
            if not line or line.startswith("#"):
                continue
            match = _SET.fullmatch(line)
            if not match:
                raise BuildError(f"{name}.config:{number}: not a Kconfig value: {line}")
            symbol, value = match.group(1), match.group(2)
        if symbol in values:
            raise BuildError(f"{name}.config:{number}: CONFIG_{symbol} stands there twice")
        values[symbol] = value
    return values


def combine(parts: Iterable[Tuple[str, Mapping[str, str]]]) -> Wanted:
    """Joins fragments; two that want different values of a symbol are an error."""
    values: Dict[str, str] = {}
    origin: Dict[str, str] = {}
    for name, part in parts:
        for symbol, value in part.items():
            if values.setdefault(symbol, value) != value:
                raise BuildError(
                    f"CONFIG_{symbol} is {values[symbol]} in {origin[symbol]}.config "
                    f"and {value} in {name}.config"
                )
            origin.setdefault(symbol, name)
    return Wanted(values, origin)


def read_dotconfig(text: str) -> Dict[str, str]:
    """The values in a .config; symbols that are not set are left out."""
    matches = (_SET.fullmatch(line) for line in text.splitlines())
    return {match.group(1): match.group(2) for match in matches if match}


def lost_symbols(wanted: Wanted, dotconfig: Mapping[str, str]) -> List[Lost]:
    """What did not survive olddefconfig."""
    return [
        Lost(symbol, value, found, wanted.origin[symbol])
        for symbol, value in wanted.values.items()
        if (found := dotconfig.get(symbol, OFF)) != value
    ]


def find_definitions(place: str, text: str, symbols: Iterable[str]) -> Dict[str, Definition]:
    """Which of the symbols one Kconfig file defines."""
    names = frozenset(symbols)
    found: Dict[str, Definition] = {}
    symbol: Optional[str] = None
    for number, line in enumerate(text.splitlines(), 1):
        match = _DEFINITION.match(line)
        if match:
            symbol = match.group(1)
            if symbol in names and symbol not in found:
                found[symbol] = Definition(f"{place}:{number}", ())
            else:
                symbol = None
            continue
        if not symbol:
            continue
        match = _DEPENDS.match(line)
        if match:
            known = found[symbol]
            found[symbol] = Definition(known.place, (*known.depends, match.group(1)))
        elif line.strip() and not line[0].isspace():
            symbol = None
    return found


def explain(losses: Iterable[Lost], definitions: Mapping[str, Definition]) -> str:
    """What to tell about lost symbols, with a hint for each."""
    lines: List[str] = []
    for loss in losses:
        lines.append(f"CONFIG_{loss.symbol} is {loss.found}, and {loss.fragment}.config "
                     f"wants {loss.wanted}")
        definition = definitions.get(loss.symbol)
        if definition is None:
            lines.append("    the tree does not know it; is it misspelt, or is the overlay "
                         "not applied?")
            continue
        depends = " && ".join(f"({term})" if "|" in term else term
                              for term in definition.depends)
        lines.append(f"    {definition.place}" + (f": depends on {depends}" if depends else "")
                     + ("; it is selected, or has no prompt" if loss.wanted == OFF else ""))
    return "\n".join(lines)
