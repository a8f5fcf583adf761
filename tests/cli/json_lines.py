#!/usr/bin/env python3
"""Reads JSON Lines of bsr-send or bsr-recv, checks what the pages promise of each, and prints its words."""

import json
import sys

types = []
for text in sys.stdin:
    assert text.endswith("\n"), "no newline at the end of %r" % text
    line = json.loads(text)
    assert line.pop("v") == 1, text
    types.append(line.pop("type"))
    assert types[-1] in ("status", "summary", "error", "exit"), text
    print(types[-1], *("%s=%s" % item for item in line.items()))
assert types, "no lines"
assert types.index("exit") == len(types) - 1, "exit is not the last of %s" % types
