# SPDX-License-Identifier: GPL-2.0
"""Boots kernels in QEMU, runs tests in the guests and adds up all results.

Run as ``python3 -m boot`` with ``PYTHONPATH=tools/testing``, or by the script
``tools/testing/run``.  ``python3 -m boot --help`` lists the commands.
"""
