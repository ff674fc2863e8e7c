#!/usr/bin/env python3
"""src/policy/embed.py - writes a Lua file as the C++ source of a constant that policy/texts.h declares.

    embed.py INPUT OUTPUT NAME      OUTPUT defines `const std::string_view NAME` with the text of INPUT

Used by the build alone. Exit codes: 0, or 1 with Python's own message.
"""

import sys

source, target, name = sys.argv[1:4]
with open(source, encoding="utf-8") as file:
    lines = file.read().splitlines()
text = "\n".join('    "' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"' for line in lines)
with open(target, "w", encoding="utf-8") as file:
    file.write('#include "policy/texts.h"\n\nnamespace weir::policy {\n\n')
    file.write(f"const std::string_view {name} =\n{text};\n\n}}\n")
