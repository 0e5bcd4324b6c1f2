import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tally import tally


class TallyTest(unittest.TestCase):
    def test_words_are_counted(self):
        self.assertEqual(tally("one two two"), {"one": 1, "two": 2})

    def test_case_does_not_matter(self):
        self.assertEqual(tally("Two two"), {"two": 2})


if __name__ == "__main__":
    unittest.main()
