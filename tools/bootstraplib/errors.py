# SPDX-License-Identifier: GPL-2.0
"""The one exception that reaches the person as a sentence."""

from __future__ import annotations

from typing import Sequence


class ToolRootError(Exception):
    """A failure that the person can understand, and mostly put right.

    `details` are lines shown below the sentence, such as the end of a log.
    """

    def __init__(self, sentence: str, details: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.details = tuple(details)
