# SPDX-License-Identifier: GPL-2.0
"""What tools/build is made of."""
