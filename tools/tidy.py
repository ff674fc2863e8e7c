#!/usr/bin/env python3
"""tools/tidy.py - checks the habits of the house that a compiler does not know.

    tools/tidy.py [ROOT]      ROOT is the project's directory; default: where this script's own project is

Checks which folder includes what (ALLOWED and THIRD_PARTY below are that table), sizes of files, the first line of
each source file, names and words that the house does not use, that tests mirror src, and that no test sleeps. Each
finding is one line `file:line: what is wrong`. Exit codes: 0 nothing found, 1 something found, 2 usage.

Needs nothing but Python's own library. Its tests are in tests/tidy.
"""

import os
import re
import sys

LINES_MAX = 600

# Which folders of src a folder may include, beside itself. An upward include is a design error: the lower layer is
# called and answers.
_DOMAIN = {"base", "crypto", "json"}
ALLOWED = {
    "base": set(),
    "crypto": {"base"},
    "json": {"base"},
    "detect": {"base"},
    "http": {"base"},
    "mcp": _DOMAIN,
    "identity": _DOMAIN,
    "catalog": _DOMAIN,
    "approve": _DOMAIN,
    "policy": _DOMAIN | {"detect", "identity", "catalog", "approve"},
    "mask": {"base", "crypto", "json", "detect"},
    "ring": {"base"},
    "net": {"base", "ring", "crypto"},
    "record": {"base", "crypto"},
    "post": {"base", "identity", "catalog", "approve"},
    "control": _DOMAIN | {"identity", "catalog", "approve", "record", "post", "ring"},  # ring: to post to workers' rings
    "console": {"base", "http", "post", "record"},
}
ALLOWED["gateway"] = set(ALLOWED) - {"control", "console"}
ALLOWED["demo"] = set(ALLOWED)
ALLOWED["cli"] = set(ALLOWED)
MAIN = "main.cc"

# A folder's row may be wider for the files whose names match: (folder, file name, included path).
ALLOWED_FILES = [
    ("record", r"writer\w*\.(h|cc)", r"ring/.*"),
    ("console", r".*", r"gateway/local\.h"),
    ("control", r"desk\.(h|cc)", r"http/.*"),
    # The whole that owns the workers owns the threads that may block for them, too; its parts do not know them.
    ("gateway", r"(gateway|generation_load)\.cc|desk_(guard|routes)\.(h|cc)", r"control/.*"),
]

# Libraries: what their headers look like, and the files of src (path below src) that may include them.
THIRD_PARTY = [
    ("fmt", r"fmt/.*", r".*"),  # comes with base
    ("mbedTLS", r"(mbedtls|psa)/.*", r"crypto/.*|net/tls\w*\.(h|cc)"),
    ("simdjson", r"simdjson.*", r"json/.*"),
    ("RE2", r"re2/.*", r"detect/.*"),
    ("Vectorscan", r"hs(/.*|\w*\.h)", r"detect/.*"),
    ("LuaJIT", r"(luajit.*/)?(lua|lualib|lauxlib|luajit|luaconf)\.h(pp)?", r"policy/.*"),
    ("liburing", r"liburing(/.*|\.h)", r"ring/(kernel_ring|probe)\.cc"),
    ("zstd", r"(zstd\w*|zdict)\.h", r"record/.*"),
    ("toml++", r"toml(\+\+/.*|\.hpp)", r"gateway/config\w*\.(h|cc)"),
    ("SQLite", r"sqlite3\w*\.h", r"control/.*"),
    ("libpq", r"(postgresql/)?(libpq-.*|pg_config.*)\.h", r"control/.*"),
    ("libcurl", r"curl/.*", r"control/.*"),
    ("CLI11", r"CLI/.*", r"cli/.*|demo/.*|main\.cc"),
]

# Folders whose code does no I/O and reads no clock: what would let it is not included.
PURE = {"http", "mcp", "identity", "catalog", "mask"}
_KERNEL_HEADER = re.compile(
    r"(sys|linux|net|netinet|arpa)/.*|(unistd|fcntl|poll|netdb|signal|pthread|dirent|time|termios|pwd|grp)\.h"
    r"|fstream|iostream|filesystem|thread|mutex|shared_mutex|condition_variable|future"
)
_SYSTEM_HEADER = re.compile(
    r"[a-z_]+|(sys|linux|net|netinet|arpa|sanitizer|asm)/.*|\w*intrin\.h|cpuid\.h|arm_\w+\.h"
    r"|(assert|ctype|dirent|dlfcn|elf|endian|errno|execinfo|fcntl|float|getopt|glob|grp|inttypes|limits|link|locale"
    r"|malloc|math|netdb|poll|pthread|pty|pwd|sched|semaphore|setjmp|signal|spawn|stdarg|stdbool|stddef|stdint|stdio"
    r"|stdlib|string|strings|syslog|termios|time|ucontext|unistd|utime|wchar)\.h"
)

_BANNED_NAME_PARTS = {"Manager", "Handler", "Helper", "Helpers", "Util", "Utils", "Context", "Data", "Info"}
_BANNED_FILE_PARTS = {part.lower() for part in _BANNED_NAME_PARTS}
_TYPE_NAME = re.compile(
    r"^\s*(?:template\s*<.*>\s*)?(?:enum\s+class|enum|class|struct|union|using|concept|typedef\s.*?)\s+"
    r"(?:\[\[\w+\]\]\s*|alignas\([^)]*\)\s*)?([A-Z]\w*)"
)
_NAME_PART = re.compile(r"[A-Z][a-z0-9]*")

# Written in pieces, so that this file does not find itself.
_UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
_ELSEWHERE = re.compile(r"\.\./sha" r"red\b|(?<![\w.$}/-])/(wo" r"rk|fa" r"rm)/|bash_" r"jobs")
_SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep|sleep)\s*\(")
_INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
# Comments that are statements of C++ and cannot be prose: a call, a definition or a preprocessor line.
_DEAD_CODE = re.compile(
    r"^\s*//\s*(?:[A-Za-z_][\w:.]*(?:->[\w.]+)*\(.*\);|(?:const |static |auto |int |bool |char |std::)[^.]*=.*;"
    r"|#\s*(?:include|define|ifdef|ifndef|endif)\b.*|[{}]+;?)\s*$"
)

_SKIPPED_FOLDERS = {".git", "node_modules", "__pycache__", ".cache"}
_SKIPPED_PATHS = re.compile(r"(build[^/]*|tests/data|tests/fuzz/corpus|console/dist)(/|$)")
_TEXT_FILE = re.compile(
    r".*\.(h|cc|lua|py|mjs|js|ts|json|md|toml|build|txt|sh|html|css|yml|yaml)$|(tools|\.ci)/[^./]+$|(.*/)?\.clang-\w+$"
    r"|tests/[\w/]+/run$|bench/\w+$"
)
_OWN_TEXT_EXEMPT = re.compile(r"(.*/)?package-lock\.json$|LICENSE$")
_TEST_FOLDERS_OF_THEIR_OWN = {"sim", "live", "e2e", "fuzz", "reject", "data", "tidy"}
# Tried as a whole program, by tests/live and tests/e2e.
_TESTED_AS_A_WHOLE = {"cli", "demo", "console"}


def files_of(root):
    """Yields the paths, relative to root and with forward slashes, of all files of the project, in order."""
    for folder, folders, names in os.walk(root):
        relative = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if relative == "." else relative + "/"
        folders[:] = sorted(f for f in folders if f not in _SKIPPED_FOLDERS and not _SKIPPED_PATHS.match(prefix + f))
        yield from (prefix + name for name in sorted(names))


def without_comments(lines):
    """The lines with comments and the insides of string literals blanked, so that words in them are not code."""
    out, in_block = [], False
    token = re.compile(r'//.*|/\*|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.){1,4}\'')
    for line in lines:
        kept, at = "", 0
        while at < len(line):
            if in_block:
                end = line.find("*/", at)
                if end < 0:
                    at = len(line)
                else:
                    at, in_block = end + 2, False
                continue
            found = token.search(line, at)
            if not found:
                kept, at = kept + line[at:], len(line)
                continue
            kept += line[at : found.start()]
            if found.group().startswith("/*"):
                in_block = True
            elif not found.group().startswith("//"):
                kept += found.group()[0] * 2
            at = found.end()
        out.append(kept)
    return out


def may_include(path, included):
    """Whether the file `path` (below src) may include `included` (below src), by the table of folders."""
    folder, name = path.split("/")[0], path.split("/")[-1]
    other = included.split("/")[0]
    if path == MAIN or folder == other or other in ALLOWED.get(folder, set()):
        return True
    return any(
        folder == f and re.fullmatch(n, name) and re.fullmatch(i, included) for f, n, i in ALLOWED_FILES
    )


def check_include(path, angled, quoted, exists):
    """What is wrong with one include of `path` (below src), or None. `exists` tells whether a path below src does."""
    folder = path.split("/")[0]
    if quoted:
        if not exists(quoted):
            return f'"{quoted}" is no file below src: project headers are included by their path there'
        if not may_include(path, quoted):
            return f"{folder} may not include {quoted.split('/')[0]} (\"{quoted}\")"
        return None
    for library, pattern, files in THIRD_PARTY:
        if re.fullmatch(pattern, angled):
            if re.fullmatch(files, path):
                return None
            return f"only {files} may include {library} (<{angled}>)"
    if not _SYSTEM_HEADER.fullmatch(angled):
        return f"<{angled}> belongs to no library that tools/tidy.py knows"
    if folder in PURE and _KERNEL_HEADER.fullmatch(angled):
        return f"{folder} is pure and includes nothing for I/O, threads or clocks (<{angled}>)"
    return None


def check_source(path, lines, exists):
    """Findings (line number, text) for one file of src; `path` is relative to src."""
    if not re.match(r"// " + re.escape(path) + r" - \S", lines[0] if lines else ""):
        yield 1, f"the first line is to be `// {path} - what it is`"
    if path.endswith(".h") and not any(line.strip() == "#pragma once" for line in lines):
        yield 1, "a header says #pragma once"
    for part in re.split(r"[/_.]", path)[1:]:
        if part in _BANNED_FILE_PARTS:
            yield 1, f"'{part}' in a file's name says nothing: name what it is"
    for number, (line, code) in enumerate(zip(lines, without_comments(lines)), 1):
        include = _INCLUDE.match(line)
        if include:
            wrong = check_include(path, include.group(1), include.group(2), exists)
            if wrong:
                yield number, wrong
            continue
        name = _TYPE_NAME.match(code)
        if name:
            for part in _NAME_PART.findall(name.group(1)):
                if part in _BANNED_NAME_PARTS:
                    yield number, f"'{part}' in the type name {name.group(1)} says nothing: name what it is"
        if _DEAD_CODE.match(line) and not line.lstrip().startswith("///"):
            yield number, "commented-out code"


def check_text(path, lines):
    """Findings (line number, text) that hold for every text file of the project."""
    for number, line in enumerate(lines, 1):
        word = _UNFINISHED.search(line)
        if word:
            yield number, f"{word.group()}: finish it, or write an issue"
        if _ELSEWHERE.search(line):
            yield number, "a path of one machine: the project stands by itself"
    if re.match(r"(src|tests|bench)/.*\.(h|cc)$", path) and len(lines) > LINES_MAX:
        yield LINES_MAX + 1, f"{len(lines)} lines: over {LINES_MAX} a file has two subjects, split it"
    if re.match(r"(tests)/.*\.(h|cc)$", path):
        for number, code in enumerate(without_comments(lines), 1):
            if _SLEEP.search(code):
                yield number, "a test does not sleep: wait for what it waits for"


def check_mirror(paths):
    """Findings (path, line number, text): tests/FOLDER mirrors src/FOLDER."""
    sources, tests = {}, {}
    for path in paths:
        found = re.match(r"(src|tests)/([^/]+)/.*\.(?:h|cc)$", path)
        if found and not (found.group(1) == "tests" and found.group(2) in _TEST_FOLDERS_OF_THEIR_OWN):
            (sources if found.group(1) == "src" else tests).setdefault(found.group(2), path)
    for folder, path in sources.items():
        if folder not in ALLOWED:
            yield path, 1, f"src/{folder} has no row in the table of includes (tools/tidy.py)"
        elif folder not in tests and folder not in _TESTED_AS_A_WHOLE:
            yield path, 1, f"src/{folder} has no tests/{folder}"
    for folder, path in tests.items():
        if folder not in sources:
            yield path, 1, f"tests/{folder} mirrors no src/{folder}"


def check(root):
    """All findings of the project at `root`, as lines `file:line: text`, and the number of files that were read."""
    paths = list(files_of(root))
    known = set(paths)
    findings, count = [], 0
    for path in paths:
        is_source = re.match(r"src/.*\.(h|cc)$", path)
        if not _TEXT_FILE.match(path) or _OWN_TEXT_EXEMPT.match(path):
            continue
        count += 1
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                lines = file.read().split("\n")
        except FileNotFoundError:
            continue  # removed since the listing
        except UnicodeDecodeError:
            findings.append((path, 1, "not UTF-8"))
            continue
        if lines[-1] == "":
            lines.pop()
        found = list(check_text(path, lines))
        if is_source:
            found += check_source(path[len("src/") :], lines, lambda p: "src/" + p in known)
        findings += [(path, number, text) for number, text in found]
    findings += check_mirror(paths)
    return [f"{path}:{number}: {text}" for path, number, text in sorted(findings)], count


def main(arguments):
    if len(arguments) > 2 or any(a.startswith("-") for a in arguments[1:]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root = arguments[1] if len(arguments) == 2 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    findings, count = check(root)
    for finding in findings:
        print(finding)
    if count == 0:
        print(f"tidy: {root} holds no file to check", file=sys.stderr)
        return 1
    print(f"tidy: {count} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
