#!/usr/bin/env python3
"""content_root.py FILE [MAP]: the content root of FILE, and whether MAP is its content map.

Written from bsr-stream(5), CONTENT TREE and CONTENT MAP, alone.
"""
import hashlib
import struct
import sys

MIB, FANOUT, ZERO = 1 << 20, 1024, bytes(32)


def digest(data):
    return hashlib.sha256(data).digest() if data.count(0) < len(data) else ZERO


def content(path):
    with open(path, "rb") as file:
        leaves = [digest(leaf) for leaf in iter(lambda: file.read(MIB), b"")]
        size = file.tell()
    level = leaves
    while len(level) > 1:
        level = [digest(b"".join(level[i : i + FANOUT])) for i in range(0, len(level), FANOUT)]
    top = level[0] if level else ZERO
    return size, leaves, hashlib.sha256(struct.pack("<Q", size) + top).digest()


size, leaves, root = content(sys.argv[1])
print(root.hex())
if len(sys.argv) > 2:
    with open(sys.argv[2], "rb") as file:
        header, body = file.read(64), file.read()
    assert header[:56] == struct.pack("<4sHHQ32sQ", b"BSRC", 1, 0, size, root, 0), header.hex()
    assert body == b"".join(leaves), "leaves"
