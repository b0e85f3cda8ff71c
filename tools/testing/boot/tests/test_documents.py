# SPDX-License-Identifier: GPL-2.0
"""Every claim in a document has a test that shows it, and the test exists."""

import unittest
from pathlib import Path

from boot import catalog, documents

REPO = Path(__file__).parents[4]
STAGE2 = REPO / 'Documentation/virt/kvm/arm/s2-memory-type.rst'
VIOMMU = REPO / 'Documentation/driver-api/virtio/virtio-iommu-rust.rst'
ONEREG = REPO / 'Documentation/virt/kvm/riscv/onereg-rust.rst'

TABLE = '''\
.. list-table::
   :header-rows: 1

   * - No.
     - Feature
     - Test
   * - 1
     - one
     - ``suite.case``, ``.other``, with
       ``guest: a case``; fuzz target ``parser``
   * - 2
     - two
     - ``lie/*``; ``make bench``
   * - 3
     - three
     - ``program.alone``, ``.of_many``

Text.
'''

SOURCE = '''
#[macros::kunit_tests(suite)]
mod tests {
    #[test]
    fn case() {}

    #[test]
    #[cfg(CONFIG_OTHER)]
    fn other() -> Result {
        helper()
    }

    fn helper() -> Result {}
}
'''


SELFTEST = '''
TEST(alone)
{
}

TEST_F(fixture, of_many)
{
}

static void helper(void)
{
}
'''


def known() -> documents.Known:
    """A project with one test of each kind."""
    found = documents.Known(
        guest={'guest': 'check "a case" true', 'runs': 'ktap program'},
        boots={'lazy'}, fuzz={'parser'}, lies={'lie/one'},
        commands={'make bench'})
    found.add_source(SOURCE)
    found.add_selftest('program', SELFTEST)
    found.add_selftest('idle', SELFTEST)
    return found


class DocumentsTest(unittest.TestCase):
    """documents, on a document of its own."""

    def test_all_is_known(self) -> None:
        self.assertEqual(documents.unknown(TABLE, known()), [])

    def test_a_wrong_name_is_found(self) -> None:
        for right, wrong in (('suite.case', 'suite.lost'), ('.other', '.helper'),
                             ('suite.case', 'lost.case'),
                             ('guest: a case', 'guest: no case'),
                             ('guest: a case', 'lost'), ('lie/*', 'tale/*'),
                             ('``parser``', '``lost``'),
                             ('make bench', 'make lost'),
                             ('program.alone', 'program.helper'),
                             ('.of_many', '.many'),
                             ('program.alone', 'idle.alone')):
            with self.subTest(wrong):
                self.assertIn(right, TABLE)
                text = TABLE.replace(right, wrong)
                self.assertNotEqual(documents.unknown(text, known()), [])

    def test_a_command_of_its_own_is_no_test(self) -> None:
        for rest in ('``make bench``', 'some day'):
            text = TABLE.replace('``lie/*``; ``make bench``', rest)
            self.assertEqual(documents.unknown(text, known()),
                             ['no test: 2 two'])

    def test_a_fuzz_target_is_called_so(self) -> None:
        text = TABLE.replace('fuzz target ', '')
        self.assertEqual(documents.unknown(text, known()), ['parser'])


class VirtioIommuTest(unittest.TestCase):
    """The document of the virtio-iommu driver."""

    def setUp(self) -> None:
        self.text = VIOMMU.read_text(encoding='utf-8')

    def test_every_test_exists(self) -> None:
        known_here = documents.Known.of(REPO, catalog.all_boots())
        self.assertEqual(documents.unknown(self.text, known_here), [])

    def test_no_feature_is_left_out(self) -> None:
        numbers = [row[0] for rows in documents.tables(self.text)
                   if rows[0][0] == 'No.' for row in rows[1:]]
        self.assertEqual(numbers, [str(number) for number in range(1, 28)])


class OneregTest(unittest.TestCase):
    """The document of RISC-V KVM's ONE_REG."""

    def setUp(self) -> None:
        self.text = ONEREG.read_text(encoding='utf-8')

    def test_every_test_exists(self) -> None:
        known_here = documents.Known.of(REPO, catalog.all_boots())
        self.assertEqual(documents.unknown(self.text, known_here), [])

    def test_every_table_of_claims_is_looked_at(self) -> None:
        heads = [rows[0][-1] for rows in documents.tables(self.text)]
        self.assertEqual(heads, ['Test', 'Test', 'Test'])


class Stage2Test(unittest.TestCase):
    """The document of the memory types at stage 2 of arm64."""

    def test_every_test_exists(self) -> None:
        text = STAGE2.read_text(encoding='utf-8')
        known_here = documents.Known.of(REPO, catalog.all_boots())
        self.assertTrue(any(documents.column(rows, documents.TEST_COLUMNS)
                            for rows in documents.tables(text)))
        self.assertEqual(documents.unknown(text, known_here), [])


if __name__ == '__main__':
    unittest.main()
