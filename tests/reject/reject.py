#!/usr/bin/env python3
"""Compiles a source once as it is, and once for each `CASE == N // words` in it: those must fail with one of the words.

Usage: reject.py SOURCE INCLUDE COMPILER...
"""
import re
import subprocess
import sys


def main():
    source, include, *compiler = sys.argv[1:]
    flags = ["-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Wconversion", "-Wno-unused-variable", "-Werror", "-I", include]

    def compile_case(number):
        done = subprocess.run([*compiler, *flags, f"-DCASE={number}", source], capture_output=True, text=True)
        return done.returncode, done.stderr

    with open(source, encoding="utf-8") as file:
        cases = re.findall(r"CASE == (\d+) // (.+)", file.read())
    code, said = compile_case(0)
    if code != 0 or not cases:
        print(f"{source} without a case does not compile, or has no cases:\n{said}")
        return 1
    wrong = 0
    for number, words in cases:
        code, said = compile_case(number)
        if code == 0:
            print(f"{source}: case {number} compiles")
            wrong += 1
        elif not re.search(words, said):
            print(f"{source}: case {number} is refused, but not for {words!r}:\n{said}")
            wrong += 1
    print(f"{len(cases) - wrong} of {len(cases)} cases are refused as they must be")
    return 1 if wrong else 0


sys.exit(main())
