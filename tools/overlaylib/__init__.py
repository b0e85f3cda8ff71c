# SPDX-License-Identifier: GPL-2.0
"""Lays this repository over a kernel tree and takes it back again."""
