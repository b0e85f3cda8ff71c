# SPDX-License-Identifier: GPL-2.0
"""A small client for QEMU's machine protocol."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, or the connection is gone."""


class Qmp:
    """One connection; commands and events come over the same socket."""

    def __init__(self, path: Path, timeout: float = 20.0) -> None:
        self._socket = self._connect(path, timeout)
        self._buffer = b''
        self._events: list[dict[str, Any]] = []
        self._receive(time.monotonic() + timeout)
        self.execute('qmp_capabilities')

    @staticmethod
    def _connect(path: Path, timeout: float) -> socket.socket:
        deadline = time.monotonic() + timeout
        while True:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                client.connect(str(path))
                return client
            except OSError as error:
                client.close()
                if time.monotonic() >= deadline:
                    raise QmpError(f'no QMP at {path}: {error}') from error
                time.sleep(0.05)

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def _receive(self, deadline: float) -> dict[str, Any]:
        """The next message, whatever it is."""
        while b'\n' not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise QmpError('QEMU did not answer in time')
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except OSError as error:
                raise QmpError(f'QMP: {error}') from error
            if not data:
                raise QmpError('QEMU closed the connection')
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b'\n')
        message = json.loads(line)
        if not isinstance(message, dict):
            raise QmpError(f'unexpected message {message!r}')
        return message

    def execute(self, command: str, arguments: dict[str, Any] | None = None,
                timeout: float = 20.0) -> Any:
        """Runs one command and returns its result."""
        return self.raw({'execute': command, 'arguments': arguments or {}},
                        timeout)

    def raw(self, message: dict[str, Any], timeout: float = 20.0) -> Any:
        """Sends a message as it is and returns the result."""
        deadline = time.monotonic() + timeout
        try:
            self._socket.sendall(json.dumps(message).encode() + b'\n')
        except OSError as error:
            raise QmpError(f'QMP: {error}') from error
        while True:
            reply = self._receive(deadline)
            if 'error' in reply:
                raise QmpError(str(reply['error'].get('desc', reply)))
            if 'return' in reply:
                return reply['return']
            if 'event' in reply:
                self._events.append(reply)

    def wait_event(self, name: str, device: str, timeout: float) -> None:
        """Waits for an event about a device."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self._events:
                data = event.get('data', {})
                if event['event'] == name and data.get('device') == device:
                    self._events.remove(event)
                    return
            message = self._receive(deadline)
            if 'event' in message:
                self._events.append(message)


# "on", "off" or "auto", and so a string where others are booleans.
_WITH_AUTO = ('disable-legacy',)


def parse_properties(words: list[str]) -> dict[str, Any]:
    """``key=value`` words as device_add wants them.

    QEMU reads strings for every kind of property here but booleans and
    numbers have to be of their own type.
    """
    properties: dict[str, Any] = {}
    for word in words:
        key, sign, value = word.partition('=')
        if not sign or not key:
            raise QmpError(f'not a property: {word}')
        if value in ('on', 'off') and key not in _WITH_AUTO:
            properties[key] = value == 'on'
        elif value.isdigit() and key != 'addr':
            properties[key] = int(value)
        elif value.startswith('0x'):
            properties[key] = int(value, 16)
        else:
            properties[key] = value
    return properties
