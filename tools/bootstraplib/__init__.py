# SPDX-License-Identifier: GPL-2.0
"""The tool root: making it, checking it, and running commands inside it."""
