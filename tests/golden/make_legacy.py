#!/usr/bin/env python3
"""Writes the streams in legacy/ from the published layout of thin-send-recv, without our encoder.

Every payload is little-endian 64-bit words that name the volume offset of their own first byte, so a
reader can check any piece without knowing the file. Run it after a change here; the result is kept in
git, and tests/unit/formats/legacy_stream_test.cc says what each file must read as.
"""

import pathlib
import struct

MAGIC = {"1.1": 0x24C4F02AAE2E4FA9, "1.0": 0xCA7F00D5DE7EC7ED}
DATA, UNMAP, BEGIN, END, OPTIONAL = 0, 1, 2, 3, 0x80000333


def words(offset, length):
    return b"".join(struct.pack("<Q", at) for at in range(offset, offset + length, 8))


def stream(version, chunks):
    def chunk(offset, length, command):
        return struct.pack(">QQQI", MAGIC[version], offset, length, command)

    body = b""
    for command, offset, length in chunks:
        body += chunk(offset, length, command)
        if command == DATA:
            body += words(offset, length)
        if command == OPTIONAL:
            body += b"?" * length
    if version == "1.0":
        return body
    kinds = [command for command, _, _ in chunks]
    counts = struct.pack(">QQQ", len(kinds) + 2, kinds.count(DATA), kinds.count(UNMAP))
    return chunk(0, 0, BEGIN) + body + chunk(0, len(counts), END) + counts


FULL = [(DATA, 0, 1024), (DATA, 1024, 512), (DATA, 65536, 2048)]
DELTA = [(DATA, 0, 1024), (UNMAP, 4096, 4096), (DATA, 16384, 512), (UNMAP, 65536, 8192)]
WITH_OPTIONAL = [(OPTIONAL, 0, 527), (DATA, 512, 512), (OPTIONAL, 7, 0)]

# Version 0.x had a 32-bit length.
OLD = struct.pack(">QQII", 0xE85BC5636CC72A05, 0, 512, DATA) + words(0, 512)

FILES = {
    "full-1.1": stream("1.1", FULL),
    "full-1.0": stream("1.0", FULL),
    "delta-1.1": stream("1.1", DELTA),
    "delta-1.0": stream("1.0", DELTA),
    "empty-1.1": stream("1.1", []),
    "optional-1.1": stream("1.1", WITH_OPTIONAL),
    "old-0.x": OLD,
}

if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent / "legacy"
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
