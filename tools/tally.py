#!/usr/bin/env python3
"""tools/tally.py - counts what a run of `meson test` really tried.

    tools/tally.py NAME LOG.json      LOG.json is the log that `meson test --logbase` leaves in meson-logs/

Meson counts programs. A program that says how many tests it ran (Catch2, Python's unittest, or a last line
`N passed, N failed` of its own) is counted by its word, any other as one. A program that failed counts at least one
failure whatever it says, and one that says that it ran nothing has failed. Prints `NAME: N passed, N failed`;
exit code 0 if tests ran and none failed, else 1.
"""

import json
import re
import sys

_CATCH_ALL = re.compile(r"^All tests passed \(\d+ assertions? in (\d+) test cases?\)", re.MULTILINE)
_CATCH_SOME = re.compile(r"^test cases:\s*\d+(.*)$", re.MULTILINE)
_CATCH_NONE = re.compile(r"^No tests ran", re.MULTILINE)
_UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n?(OK|FAILED)?(?: \((.*)\))?", re.MULTILINE)
_OWN = re.compile(r"^(?:[\w ./-]+: )?(\d+) passed, (\d+) failed\s*$", re.MULTILINE)


def count_output(text):
    """(passed, failed) as the output of one test program tells it, or None if it tells nothing."""
    own = _OWN.findall(text)
    if own:
        return int(own[-1][0]), int(own[-1][1])
    passed = failed = 0
    told = False
    for number in _CATCH_ALL.findall(text):
        passed, told = passed + int(number), True
    for columns in _CATCH_SOME.findall(text):
        told = True
        for number, word in re.findall(r"(\d+) ([a-z ]+)", columns):
            if word.strip() in ("passed", "failed as expected"):
                passed += int(number)
            elif word.strip() == "failed":
                failed += int(number)
    for number, _, details in _UNITTEST.findall(text):
        told = True
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", details))
        skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", details))
        passed, failed = passed + int(number) - bad - skipped, failed + bad
    if _CATCH_NONE.search(text):
        told = True
    return (passed, failed) if told else None


def count_test(result, text):
    """(passed, failed) of one test program with meson's `result` for it."""
    if result == "SKIP":
        return 0, 0
    good = result in ("OK", "EXPECTEDFAIL")
    passed, failed = count_output(text) or ((1, 0) if good else (0, 1))
    if failed == 0 and (not good or passed == 0):
        failed = 1
    return passed, failed


def main(arguments):
    if len(arguments) != 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    passed = failed = 0
    try:
        with open(arguments[2], encoding="utf-8", errors="replace") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except (OSError, ValueError) as error:
        print(f"tally: {arguments[2]}: {error}", file=sys.stderr)
        tests = []
    for test in tests:
        good, bad = count_test(test["result"], (test.get("stdout") or "") + "\n" + (test.get("stderr") or ""))
        passed, failed = passed + good, failed + bad
    print(f"{arguments[1]}: {passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
