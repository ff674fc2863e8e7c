"""Each rule of tools/tidy.py finds what it is there for, with its file and line, and leaves good code alone.

Every case is a small project in a temporary directory: one clean one, and one bad change to it at a time. The tables
hold the path, the text and what the finding must say; an empty expectation means that nothing may be found.
"""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCRIPT = os.path.join(ROOT, "tools", "tidy.py")

CLEAN = {
    "src/base/bytes.h": "// base/bytes.h - bytes.\n#pragma once\n#include <string_view>\n",
    "src/http/head.h": '// http/head.h - heads.\n#pragma once\n#include "base/bytes.h"\n',
    "src/http/head.cc": '// http/head.cc - heads.\n#include "http/head.h"\n\n#include <immintrin.h>\n',
    "src/main.cc": '// main.cc - a table of contents.\n#include "http/head.h"\n',
    "tests/base/bytes_test.cc": '#include "base/bytes.h"\n',
    "tests/http/head_test.cc": '#include "http/head.h"\n',
    "README.md": "# weir\n",
}


def run_tidy(files):
    """Writes `files` (path to text or bytes) into a fresh directory; returns tidy's exit code and its lines."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        done = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()


def source(path, *lines):
    """A file of src with a good first line, so that a finding at line 2 and later is about `lines`."""
    first = f"// {path[len('src/'):]} - what it is."
    pragma = ["#pragma once"] if path.endswith(".h") else []
    return "\n".join([first, *lines, *pragma]) + "\n"


class Tidy(unittest.TestCase):
    def finds(self, path, text, *expected, beside=None):
        """Tidy of the clean project with `text` at `path` says exactly `expected`: each as `line: part of the text`."""
        code, lines = run_tidy({**CLEAN, **(beside or {}), path: text})
        findings = lines[:-1]
        self.assertEqual(len(findings), len(expected), findings)
        for line, (number, part) in zip(findings, expected):
            self.assertTrue(line.startswith(f"{path}:{number}: "), line)
            self.assertIn(part, line)
        self.assertEqual(code, 1 if expected else 0)

    def include(self, path, line, expected):
        """One include in line 2 of a file; `expected` is part of the finding, or empty."""
        folder = path.split("/")[1]
        beside = {"src/net/link.h": source("src/net/link.h"), "src/net/tls.h": source("src/net/tls.h"),
                  "src/ring/ring.h": source("src/ring/ring.h"), "src/json/scan.h": source("src/json/scan.h"),
                  "src/gateway/local.h": source("src/gateway/local.h"), "src/gateway/worker.h": source("src/gateway/worker.h"),
                  "src/control/store.h": source("src/control/store.h")}
        for name in {"net", "ring", "json", "gateway", "control", folder} - {"main.cc"}:
            beside[f"tests/{name}/any_test.cc"] = "int any;\n"
            beside.setdefault(f"src/{name}/any.h", source(f"src/{name}/any.h"))
        with self.subTest(path=path, line=line):
            self.finds(path, source(path, line), *([(2, expected)] if expected else []), beside=beside)

    def test_a_clean_project_passes(self):
        code, lines = run_tidy(CLEAN)
        self.assertEqual((code, lines), (0, ["tidy: 7 files, 0 findings"]))

    def test_an_empty_directory_is_no_pass(self):
        self.assertEqual(run_tidy({})[0], 1)

    def test_a_folder_includes_only_what_its_row_allows(self):
        for path, line, expected in [
            ("src/http/body.cc", '#include "base/bytes.h"', ""),
            ("src/http/body.cc", '#include "http/head.h"', ""),
            ("src/http/body.cc", '#include "json/scan.h"', "http may not include json"),
            ("src/base/log.cc", '#include "http/head.h"', "base may not include http"),
            ("src/net/upstream.cc", '  #  include "ring/ring.h"', ""),
            ("src/net/upstream.cc", '#include "http/head.h"', "net may not include http"),
            ("src/gateway/steps.cc", '#include "net/link.h"', ""),
            ("src/gateway/steps.cc", '#include "control/store.h"', "gateway may not include control"),
            ("src/gateway/gateway.cc", '#include "control/store.h"', ""),
            ("src/record/writer.cc", '#include "ring/ring.h"', ""),
            ("src/record/reader.cc", '#include "ring/ring.h"', "record may not include ring"),
            ("src/console/api.cc", '#include "gateway/local.h"', ""),
            ("src/console/api.cc", '#include "gateway/worker.h"', "console may not include gateway"),
            ("src/demo/acme.cc", '#include "gateway/worker.h"', ""),
            ("src/main.cc", '#include "control/store.h"', ""),
            ("src/http/body.cc", '#include "base/absent.h"', "is no file below src"),
            ("src/http/body.cc", '#include "head.h"', "is no file below src"),
        ]:
            self.include(path, line, expected)

    def test_a_library_is_included_only_where_it_is_at_home(self):
        for path, line, expected in [
            ("src/ring/kernel_ring.cc", "#include <liburing.h>", ""),
            ("src/ring/slabs.cc", "#include <liburing.h>", "may include liburing"),
            ("src/gateway/worker.cc", "#include <liburing.h>", "may include liburing"),
            ("src/policy/sandbox.cc", "#include <lauxlib.h>", ""),
            ("src/gateway/steps.cc", "#include <lua.h>", "may include LuaJIT"),
            ("src/crypto/sha256.cc", "#include <mbedtls/sha256.h>", ""),
            ("src/net/tls_server.cc", "#include <mbedtls/ssl.h>", ""),
            ("src/net/link.cc", "#include <mbedtls/ssl.h>", "may include mbedTLS"),
            ("src/json/scan.cc", "#include <simdjson.h>", ""),
            ("src/gateway/config.cc", "#include <toml++/toml.h>", ""),
            ("src/gateway/routes.cc", "#include <toml++/toml.h>", "may include toml++"),
            ("src/cli/run.cc", "#include <CLI/CLI.hpp>", ""),
            ("src/control/web.cc", "#include <curl/curl.h>", ""),
            ("src/net/upstream.cc", "#include <curl/curl.h>", "may include libcurl"),
            ("src/base/log.cc", "#include <fmt/format.h>", ""),
            ("src/base/log.cc", "#include <boost/asio.hpp>", "belongs to no library"),
        ]:
            self.include(path, line, expected)

    def test_a_pure_folder_includes_nothing_for_io_threads_or_clocks(self):
        for path, line, expected in [
            ("src/http/body.cc", "#include <sys/socket.h>", "http is pure"),
            ("src/http/body.cc", "#include <unistd.h>", "http is pure"),
            ("src/http/body.cc", "#include <thread>", "http is pure"),
            ("src/http/body.cc", "#include <charconv>", ""),
            ("src/base/log.cc", "#include <unistd.h>", ""),
        ]:
            self.include(path, line, expected)

    def test_a_source_file_opens_with_its_own_path(self):
        path = "src/http/head.cc"
        self.finds(path, "#include <string>\n", (1, "first line"))
        self.finds(path, "// http/body.cc - heads.\n", (1, "`// http/head.cc - what it is`"))
        self.finds(path, "// http/head.cc\n", (1, "first line"))
        self.finds(path, "", (1, "first line"))

    def test_a_header_says_pragma_once(self):
        self.finds("src/http/head.h", "// http/head.h - heads.\nstruct Head;\n", (1, "#pragma once"))

    def test_a_file_of_over_600_lines_is_refused(self):
        path = "src/http/head.cc"
        self.finds(path, source(path, *["int a;"] * 599))
        self.finds(path, source(path, *["int a;"] * 600), (601, "601 lines"))
        self.finds("tests/http/head_test.cc", "int a;\n" * 601, (601, "601 lines"))
        self.finds("docs/long.md", "a\n" * 601)

    def test_empty_words_are_refused_in_names_of_types(self):
        path = "src/http/head.h"
        for line, expected in [
            ("class LinkManager {", "'Manager'"),
            ("struct RequestContext;", "'Context'"),
            ("enum class HandlerKind : int {", "'Handler'"),
            ("template <class T> struct DataOf {};", "'Data'"),
            ("using UserInfo = int;", "'Info'"),
            ("struct alignas(64) SlabHelper {", "'Helper'"),
            ("  union StringUtils {", "'Utils'"),
        ]:
            with self.subTest(line=line):
                self.finds(path, source(path, line), (2, expected))
        for line in [
            "struct Database;",
            "class Informational {};",
            "void f(CallContextOfALibrary* c);",
            "int x = 1; // class DataManager {",
            "struct io_uring_params;",
            'const char* text = "struct Data";',
            "/* struct Data\nstruct LinkContext */",
        ]:
            with self.subTest(line=line):
                self.finds(path, source(path, line))

    def test_empty_words_are_refused_in_names_of_files(self):
        path = "src/http/string_util.h"
        self.finds(path, source(path), (1, "'util'"))

    def test_marks_of_unfinished_work_are_refused_everywhere(self):
        for word in ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"):
            for path in ("docs/a.md", "tools/b", "policies/c/policy.lua", "tests/http/d_test.cc"):
                with self.subTest(word=word, path=path):
                    self.finds(path, f"fine\n-- {word}: later\n", (2, word))
        self.finds("docs/a.md", "mkstemp(weir-" + "X" * 6 + ")\n")

    def test_paths_of_one_machine_are_refused_everywhere(self):
        for text in ("../sha" + "red/design", "see /wo" + "rk/main", "(/fa" + "rm/x)", "/tmp/bash_" + "jobs.0"):
            with self.subTest(text=text):
                self.finds("docs/a.md", f"fine\n{text}\n", (2, "path of one machine"))
        self.finds("docs/a.md", "src/wo" + "rk/x, $DIR/wo" + "rk/, network/fa" + "rm/\n")

    def test_commented_out_code_is_refused(self):
        path = "src/http/head.cc"
        for line in ["// link.close(reason);", "    // auto size = 3;", "// #include <string>", "// }"]:
            with self.subTest(line=line):
                self.finds(path, source(path, line), (2, "commented-out"))
        for line in ["// The slot is freed;", "// call(x) comes before;", "/// link.close(reason);", "// #1 is first."]:
            with self.subTest(line=line):
                self.finds(path, source(path, line))

    def test_tests_mirror_src(self):
        self.finds("src/detect/set.h", source("src/detect/set.h"), (1, "no tests/detect"))
        self.finds("src/cli/run.cc", source("src/cli/run.cc"))
        self.finds("tests/other/a_test.cc", "int a;\n", (1, "mirrors no src/other"))
        self.finds("tests/sim/world.cc", "int a;\n")
        self.finds("src/extra/a.h", source("src/extra/a.h"), (1, "no row in the table"),
                   beside={"tests/extra/a_test.cc": "int a;\n"})

    def test_a_test_does_not_sleep(self):
        path = "tests/http/head_test.cc"
        self.finds(path, "a();\nstd::this_thread::sleep_for(1ms);\n", (2, "does not sleep"))
        self.finds(path, "usleep (5);\n", (1, "does not sleep"))
        self.finds(path, "asleep(5); // sleep(5) would not do\n")

    def test_builds_and_fetched_or_binary_files_are_left_alone(self):
        word = "TO" + "DO\n"
        for path in ("build/a.md", "build-asan/a.md", "tests/e2e/node_modules/a/b.js", "tests/data/x.json",
                     "tests/e2e/package-lock.json", "tests/fuzz/corpus/head/1.txt"):
            with self.subTest(path=path):
                self.finds(path, word)

    def test_a_text_file_is_utf8(self):
        self.finds("docs/a.md", b"caf\xe9\n", (1, "not UTF-8"))

    def test_a_wrong_argument_is_told(self):
        done = subprocess.run([sys.executable, SCRIPT, "--what"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("tools/tidy.py", done.stderr)


if __name__ == "__main__":
    unittest.main()
