# SPDX-License-Identifier: GPL-2.0
"""The host's half of the tests: disks of known content, a web server, and the
answers to what a guest asks for."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from boot import hostile
from boot.protocol import Claim, Request
from boot.qemu import Qemu
from boot.qmp import QmpError, parse_properties
from boot.results import Outcome, failed, passed

DISK_KNOWN = 16 << 20
DISK_SIZE = 32 << 20
PAYLOAD_SIZE = 4 << 20
# A guest is not trusted to stop by itself.
UPLOAD_LIMIT = 64 << 20
DISKS = ('blk0', 'nvme0')
# Disks that no device has at first: hotplug brings them in.
HOT_SIZE = 16 << 20
HOT_DISKS = ('hot0', 'hot1')
# PCIe hotplug waits five seconds for somebody to press the button again.
UNPLUG_SECONDS = 30.0


def sha256_of(path: Path, offset: int, length: int) -> str:
    """The checksum of a part of a file."""
    digest = hashlib.sha256()
    with path.open('rb') as source:
        source.seek(offset)
        while length > 0:
            block = source.read(min(length, 1 << 20))
            if not block:
                raise ValueError(f'{path.name} ends before {offset + length}')
            digest.update(block)
            length -= len(block)
    return digest.hexdigest()


def make_disk(path: Path, known: int, size: int) -> str:
    """A disk image with random content, and zeroes from ``known`` on.

    Returns the checksum of what is known.
    """
    content = os.urandom(known)
    with path.open('wb') as disk:
        disk.write(content)
        disk.truncate(size)
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Upload:
    """What a guest has sent."""

    size: int
    sha256: str


class _Handler(BaseHTTPRequestHandler):
    """GET /payload, /stream/MIB and /boot/NAME, POST /upload/NAME."""

    server: WebServer

    def do_GET(self) -> None: # pylint: disable=invalid-name
        """Serves the random payload, or as much as is asked for."""
        stream = re.fullmatch(r'/stream/(\d{1,4})', self.path)
        if stream:
            self._send_stream(int(stream[1]))
            return
        offered = self.server.offers.get(self.path)
        if offered is not None:
            self._send(offered.read_bytes())
            return
        if self.path != '/payload':
            self.send_error(404)
            return
        self._send(self.server.payload)

    def _send(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'application/octet-stream')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_stream(self, mib: int) -> None:
        self.send_response(200)
        self.send_header('Content-Length', str(mib << 20))
        self.end_headers()
        block = bytes(1 << 20)
        for _ in range(mib):
            self.wfile.write(block)

    def do_POST(self) -> None: # pylint: disable=invalid-name
        """Takes an upload and keeps its checksum."""
        match = re.fullmatch(r'/upload/([A-Za-z0-9._-]+)', self.path)
        length = self.headers.get('Content-Length', '')
        if not match or not length.isdigit() or int(length) > UPLOAD_LIMIT:
            self.send_error(400)
            return
        data = self.rfile.read(int(length))
        self.server.store(match.group(1), data)
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: # pylint: disable=redefined-builtin
        """Keeps the terminal quiet."""


class WebServer(ThreadingHTTPServer):
    """Answers on a free port of the loopback, in its own thread."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.payload = os.urandom(PAYLOAD_SIZE)
        #: Files by the paths under which guests can have them.
        self.offers: dict[str, Path] = {}
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def store(self, name: str, data: bytes) -> None:
        """Keeps what was received."""
        upload = Upload(len(data), hashlib.sha256(data).hexdigest())
        with self._lock:
            self._uploads[name] = upload

    def upload(self, name: str) -> Upload | None:
        """What was received under a name."""
        with self._lock:
            return self._uploads.get(name)

    def stop(self) -> None:
        """Ends the thread and frees the port."""
        self.shutdown()
        self.server_close()


class HostServices:
    """Disks and server of one boot, and what they have to do with its guest."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sums = {name: make_disk(self._image(name), DISK_KNOWN, DISK_SIZE)
                      for name in DISKS}
        self._sums |= {name: make_disk(self._image(name), HOT_SIZE, HOT_SIZE)
                       for name in HOT_DISKS}
        self._web = WebServer()

    def close(self) -> None:
        """Stops the server."""
        self._web.stop()

    def offer(self, kernel: Path, initrd: Path) -> None:
        """Lets the guest have what it was started with, to start it again."""
        self._web.offers = {'/boot/kernel': kernel, '/boot/initrd': initrd}

    @property
    def drives(self) -> dict[str, str]:
        """The disk images by drive name."""
        return {name: str(self._image(name)) for name in self._sums}

    def _image(self, name: str) -> Path:
        return self._directory / f'{name}.img'

    def environment(self) -> dict[str, str]:
        """What the guest has to know."""
        return {
            'RV_BLK_SHA256': self._sums['blk0'],
            'RV_NVME_SHA256': self._sums['nvme0'],
            'RV_DISK_KNOWN': str(DISK_KNOWN),
            'RV_HOT_BYTES': str(HOT_SIZE),
            'RV_HOT0_SHA256': self._sums['hot0'],
            'RV_HOT1_SHA256': self._sums['hot1'],
            'RV_IP': '10.0.2.15',
            'RV_MASK': '255.255.255.0',
            'RV_GW': '10.0.2.2',
            'RV_HTTP': f'http://10.0.2.2:{self._web.server_port}',
            'RV_NET_BYTES': str(PAYLOAD_SIZE),
            'RV_NET_SHA256': hashlib.sha256(self._web.payload).hexdigest(),
        }

    def disk_sha256(self, disk: str, offset: str, length: str) -> str:
        """The checksum of a part of a disk image."""
        if disk not in self._sums:
            raise ValueError(f'no disk {disk}')
        return sha256_of(self._image(disk), int(offset), int(length))

    def upload(self, name: str) -> Upload | None:
        """What the guest has posted under a name."""
        return self._web.upload(name)


def check_claim(services: HostServices | None, claim: Claim) -> Outcome:
    """Compares what a guest says it wrote or sent with what arrived."""
    name = f'{claim.test}.host-{claim.kind}-{"-".join(claim.words[:-1])}'
    if services is None:
        return failed(name, 'this boot has neither disks nor network')
    try:
        match claim.kind, claim.words:
            case 'wrote', (disk, offset, length, digest):
                found = services.disk_sha256(disk, offset, length)
            case 'sent', (upload_name, size, digest):
                upload = services.upload(upload_name)
                if upload is None:
                    return failed(name, 'nothing was received')
                found = upload.sha256
                if upload.size != int(size):
                    return failed(name, f'the host got {upload.size} bytes')
            case _:
                return failed(name, 'not a claim: ' + ' '.join(claim.words))
    except (OSError, ValueError) as error:
        return failed(name, str(error))
    if found != digest:
        return failed(name, f'guest says {digest}, the host has {found}')
    return passed(name)


def answer(request: Request, qemu: Qemu, services: HostServices | None,
           device: hostile.Device | None = None) -> str:
    """Does what a guest asks for; returns the reply line."""
    try:
        if request.verb == 'hostile' and device is not None:
            data = device.ask(' '.join(request.words))
        else:
            data = _perform(request, qemu, services)
    except (QmpError, OSError, ValueError, KeyError) as error:
        return 'rv-reply error ' + ' '.join(str(error).split())
    return f'rv-reply ok {data}'.rstrip()


def _perform(request: Request, qemu: Qemu,
             services: HostServices | None) -> str:
    match request.verb, request.words:
        case 'ping', ():
            return 'pong'
        case 'device_add', (driver, *properties):
            qemu.qmp.execute('device_add', {'driver': driver,
                                            **parse_properties(properties)})
        case 'device_del', (device,):
            qemu.qmp.execute('device_del', {'id': device})
            qemu.qmp.wait_event('DEVICE_DELETED', device, UNPLUG_SECONDS)
        case 'system_reset', ():
            qemu.qmp.execute('system_reset')
        case 'qmp', (*words,):
            message = json.loads(' '.join(words))
            if not isinstance(message, dict):
                raise ValueError('a QMP message is an object')
            return json.dumps(qemu.qmp.raw(message))
        case 'disk_sha256', (disk, offset, length) if services:
            return services.disk_sha256(disk, offset, length)
        case 'uploaded', (name,) if services:
            upload = services.upload(name)
            if upload is None:
                raise ValueError(f'nothing received as {name}')
            return f'{upload.size} {upload.sha256}'
        case _:
            raise ValueError('unknown request ' + request.verb)
    return ''
