# SPDX-License-Identifier: GPL-2.0
"""The host's half: disks, server, claims."""

import hashlib
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from boot import hostside
from boot.protocol import Claim
from boot.results import Status


class HostSideTest(unittest.TestCase):
    """hostside.HostServices without a guest."""

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = Path(scratch.name)
        self.services = hostside.HostServices(self.directory)
        self.addCleanup(self.services.close)
        self.env = self.services.environment()
        self.url = self.env['RV_HTTP'].replace('10.0.2.2', '127.0.0.1')

    def test_disks_are_as_told(self) -> None:
        found = self.services.disk_sha256('blk0', '0', self.env['RV_DISK_KNOWN'])
        self.assertEqual(found, self.env['RV_BLK_SHA256'])
        self.assertEqual(
            self.services.disk_sha256('hot1', '0', self.env['RV_HOT_BYTES']),
            self.env['RV_HOT1_SHA256'])
        zeroes = self.services.disk_sha256('blk0', str(hostside.DISK_KNOWN),
                                           '512')
        self.assertEqual(zeroes, hashlib.sha256(bytes(512)).hexdigest())

    def test_disk_errors(self) -> None:
        with self.assertRaises(ValueError):
            self.services.disk_sha256('sda', '0', '1')
        with self.assertRaises(ValueError):
            self.services.disk_sha256('blk0', str(hostside.DISK_SIZE), '1')

    def test_download(self) -> None:
        with urllib.request.urlopen(f'{self.url}/payload') as answer:
            data = answer.read()
        self.assertEqual(len(data), int(self.env['RV_NET_BYTES']))
        self.assertEqual(hashlib.sha256(data).hexdigest(),
                         self.env['RV_NET_SHA256'])

    def test_kernel_and_initrd(self) -> None:
        url = f'{self.url}/boot/initrd'
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(url)
        initrd = self.directory / 'initrd'
        initrd.write_bytes(b'archive')
        self.services.offer(self.directory / 'kernel', initrd)
        with urllib.request.urlopen(url) as answer:
            self.assertEqual(answer.read(), b'archive')

    def test_streams_are_as_long_as_asked_for(self) -> None:
        with urllib.request.urlopen(f'{self.url}/stream/2') as answer:
            self.assertEqual(len(answer.read()), 2 << 20)
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(f'{self.url}/stream/x')

    def test_upload_and_claim(self) -> None:
        data = b'from the guest'
        digest = hashlib.sha256(data).hexdigest()
        with urllib.request.urlopen(f'{self.url}/upload/x', data=data):
            pass
        claim = Claim('sent', ('x', str(len(data)), digest), 'net')
        self.assertIs(self.check(claim), Status.PASSED)
        for words in (('x', '3', digest), ('x', str(len(data)), 'no'),
                      ('y', '1', digest), ('x',)):
            with self.subTest(words):
                self.assertIs(self.check(Claim('sent', words, 'net')),
                              Status.FAILED)

    def test_bad_uploads(self) -> None:
        for path in ('/upload/../x', '/elsewhere'):
            with self.subTest(path), self.assertRaises(urllib.error.HTTPError):
                urllib.request.urlopen(self.url + path, data=b'x')

    def test_wrong_claims_about_disks(self) -> None:
        for words in (('blk0', '0', '512', 'bad'), ('blk0', 'x', '1', 'y'),
                      ('none', '0', '1', 'y')):
            with self.subTest(words):
                self.assertIs(self.check(Claim('wrote', words, 'disk')),
                              Status.FAILED)

    def check(self, claim: Claim) -> Status:
        return hostside.check_claim(self.services, claim).status
