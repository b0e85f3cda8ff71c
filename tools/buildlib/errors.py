# SPDX-License-Identifier: GPL-2.0
"""The one error that ends a build with a sentence for the person."""

from __future__ import annotations


class BuildError(Exception):
    """The text says what is wrong and, where that is known, what to do."""
