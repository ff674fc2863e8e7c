"""tools/tally.py counts each kind of test program by its own word, and never takes silence or a crash for success."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCRIPT = os.path.join(ROOT, "tools", "tally.py")

CATCH_ALL = "Randomness seeded to: 1\n====\nAll tests passed (123 assertions in 12 test cases)\n\n"
CATCH_SOME = "====\ntest cases:  7 |  4 passed | 2 failed | 1 failed as expected\nassertions: 50 | 40 passed | 10 failed\n"
UNITTEST_OK = "....\n----\nRan 4 tests in 0.010s\n\nOK\n"
UNITTEST_BAD = "..FE\n----\nRan 5 tests in 0.010s\n\nFAILED (failures=1, errors=1, skipped=1)\n"


class Tally(unittest.TestCase):
    def tally(self, *tests):
        """Runs the script on a log of (result, stdout, stderr) rows; returns its exit code and its last line."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
            for result, out, err in tests:
                log.write(json.dumps({"name": "a", "result": result, "stdout": out, "stderr": err}) + "\n")
            log.flush()
            done = subprocess.run([sys.executable, SCRIPT, "unit", log.name], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout.strip()

    def test_each_kind_of_program_is_counted_by_its_own_word(self):
        for name, row, expected in [
            ("Catch2, all well", ("OK", CATCH_ALL, ""), (0, "unit: 12 passed, 0 failed")),
            ("Catch2, some failed", ("FAIL", CATCH_SOME, ""), (1, "unit: 5 passed, 2 failed")),
            ("unittest, all well", ("OK", "", UNITTEST_OK), (0, "unit: 4 passed, 0 failed")),
            ("unittest, some failed", ("FAIL", "", UNITTEST_BAD), (1, "unit: 2 passed, 2 failed")),
            ("a last line of its own", ("OK", "1 passed, 1 failed\nsim: 200 passed, 0 failed\n", ""),
             (0, "unit: 200 passed, 0 failed")),
            ("a program that says nothing", ("OK", "fine\n", ""), (0, "unit: 1 passed, 0 failed")),
            ("one that failed and says nothing", ("FAIL", "", ""), (1, "unit: 0 passed, 1 failed")),
            ("one that was killed after it had passed", ("TIMEOUT", CATCH_ALL, ""), (1, "unit: 12 passed, 1 failed")),
            ("one that says that it ran nothing", ("OK", "No tests ran\n", ""), (1, "unit: 0 passed, 1 failed")),
            ("one that was skipped", ("SKIP", CATCH_ALL, ""), (1, "unit: 0 passed, 0 failed")),
        ]:
            with self.subTest(name):
                self.assertEqual(self.tally(row), expected)

    def test_programs_are_added_up(self):
        self.assertEqual(self.tally(("OK", CATCH_ALL, ""), ("OK", "", UNITTEST_OK), ("OK", "", "")),
                         (0, "unit: 17 passed, 0 failed"))

    def test_no_program_is_no_success(self):
        self.assertEqual(self.tally(), (1, "unit: 0 passed, 0 failed"))

    def test_an_absent_log_is_no_success(self):
        done = subprocess.run([sys.executable, SCRIPT, "unit", "/nonexistent/log"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, "unit: 0 passed, 0 failed\n"))


if __name__ == "__main__":
    unittest.main()
