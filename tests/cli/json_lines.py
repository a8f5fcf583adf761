#!/usr/bin/env python3
"""Reads JSON Lines of bsr-send or bsr-recv, checks what the pages promise of each, and prints its words."""

import json
import sys

STATUS = {"bytes_done", "bytes_total", "bytes_wire", "seconds"}
FIELDS = {
    "status": STATUS,
    "summary": STATUS | {"name", "uuid", "base", "volume_size", "data_bytes", "zero_bytes",
                         "unmap_bytes", "extents", "digest"},
    "error": {"id", "text"},
    "exit": {"code", "id"},
}

types = []
for text in sys.stdin:
    assert text.endswith("\n"), "no newline at the end of %r" % text
    line = json.loads(text)
    assert line.pop("v") == 1, text
    types.append(line.pop("type"))
    missing = FIELDS.get(types[-1], set()) - line.keys()
    assert not missing, "%s misses %s" % (text, missing)
    print(types[-1], *("%s=%s" % item for item in line.items()))
assert types, "no lines"
assert types.index("exit") == len(types) - 1, "exit is not the last of %s" % types
