# SPDX-License-Identifier: GPL-2.0
"""The one error that a person is meant to read."""

from __future__ import annotations

from typing import Sequence


class Refusal(Exception):
    """Nothing was touched; `problems` says in plain sentences why."""

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


def first_words(paths: Sequence[str], limit: int = 5) -> str:
    """A list short enough for one line of a message."""
    shown = ", ".join(paths[:limit])
    return shown if len(paths) <= limit else f"{shown} and {len(paths) - limit} more"
