# SPDX-License-Identifier: GPL-2.0
"""Entry point of ``python3 -m boot``."""

import sys

from boot import cli

if __name__ == '__main__':
    sys.exit(cli.main(sys.argv[1:]))
