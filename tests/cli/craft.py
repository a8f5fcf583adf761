#!/usr/bin/env python3
"""craft.py FOLDER: streams that break one rule of bsr-stream(5) each, with right checksums, and some that break none.

They are called ID.WHAT, with the id of the exit status that the page demands. Written with the script that makes the
golden streams, which shares no code with the programs.
"""

import hashlib
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))
from make_bsr1 import BEGIN, CHECKPOINT, CONTENT, DATA, END, UNMAP, ZERO, Stream, text, xxh3_64, zstd  # noqa: E402

KIB = 1024
SIZE = 128 * KIB
VOLUME = bytes(i // 7 & 0xFF for i in range(SIZE))
FOLDER = pathlib.Path(sys.argv[1])
NAMES = set()


def write(identity, what, content):
    assert what not in NAMES, what
    NAMES.add(what)
    (FOLDER / ("%s.%s" % (identity, what))).write_bytes(content)


class Crafted(Stream):
    """A stream whose frames can be wrong in any way; checksums, counts and digest are right unless they are meant."""

    def __init__(self, base="", volume=VOLUME, plan=None):
        super().__init__(volume, {"sector": 512, "chunk": 65536, "epoch": 0, "time": 0, "plan": plan or (len(volume), 0, 1),
                                  "snapshot": "crafted", "base": base, "base_size": SIZE if base else 0, "name": "a"})

    def raw(self, kind, payload, flags=0, sequence=None, length=None, reserved=0, magic=b"BSR1", spoil=None):
        number = self.sequence if sequence is None else sequence
        header = struct.pack("<4sHHQIIQ", magic, kind, flags, number, len(payload) if length is None else length,
                             reserved, xxh3_64(payload) ^ (spoil == "payload"))
        self.bytes += header + struct.pack("<Q", xxh3_64(header) ^ (spoil == "header")) + payload
        self.sequence += 1
        return self

    def frame(self, kind, payload, line, flags=0):
        self.raw(kind, payload, flags)

    def put(self, *extents, kind=DATA, pack=None, content=None, flags=0):
        """Any extents: content is made up behind the end of the volume."""
        if content is None:
            content = b"".join(self.volume[o:o + n].ljust(n, b"x") for o, n in extents) if kind == DATA else b""
        self.change(kind, extents, content, pack(content) if pack else content, "", flags | bool(pack))
        return self

    def at(self, position):
        self.checkpoint(position)
        return self

    def done(self, **wrong):
        """END; `wrong` has what to add to its counts, or the digest."""
        names = ("frames", "extents", "data", "zero", "unmap")
        numbers = [self.frames, self.extents, *self.counts.values()]
        numbers = [number + wrong.get(name, 0) for name, number in zip(names, numbers)]
        return self.raw(END, struct.pack("<5Q", *numbers) + wrong.get("digest", self.digest) +
                        bytes(32)).bytes


def headless():
    """A stream without BEGIN."""
    stream = Crafted()
    stream.bytes, stream.sequence = b"", 0
    return stream


def first_frame(change=None, length=None):
    """A whole stream without changes, whose BEGIN was changed from the inside, with the digest that follows from it."""
    stream, payload = headless(), bytearray(Crafted().bytes[40:])
    if change:
        change(payload)
    if length is not None:
        payload = payload.ljust(length, b"\0")[:length]
    stream.digest = hashlib.sha256(payload[:432]).digest()
    return stream.raw(BEGIN, bytes(payload)).done()


def patch(at, content):
    def change(payload):
        payload[at:at + len(content)] = content
    return change


def u(value, size=8):
    return value.to_bytes(size, "little")


def table(extents, length, rest=b""):
    return struct.pack("<II", len(extents), length) + b"".join(struct.pack("<QQ", *e) for e in extents) + rest


FULL = (0, 64 * KIB), (64 * KIB, 64 * KIB)

# Streams that are right, as large and as odd as the page allows.
write("ok", "plain", Crafted().put(*FULL).done())
write("ok", "zstd", Crafted().put(*FULL, pack=zstd).done())
write("ok", "zstd-twice-the-frame", Crafted().put(FULL[0], pack=zstd).put(FULL[1]).done())
write("ok", "skippable-8", Crafted().raw(0x8000, b"12345678").done())
write("ok", "skippable", Crafted().raw(0x8000, b"").put(*FULL).raw(0xFFFF, b"x" * 100, flags=0xFFFF).done())
write("ok", "content-frame-of-any-flag", Crafted().raw(CONTENT, u(0), flags=0xFFFF).put(*FULL).raw(CONTENT, u(SIZE)).done())
write("ok", "largest-payload", Crafted().raw(0x8000, bytes(1114120)).put(*FULL).done())
write("ok", "extents-4096", Crafted(volume=bytes(4 * KIB * KIB)).put(*[(i * 1024, 512) for i in range(4096)], kind=ZERO).done())
write("ok", "content-1-mib", Crafted(volume=bytes(KIB * KIB)).put((0, KIB * KIB), pack=zstd).done())
write("ok", "zero-of-all", Crafted(volume=bytes(SIZE)).put((0, SIZE), kind=ZERO).done())
write("ok", "unmap-in-full", Crafted(volume=bytes(SIZE), plan=(0, SIZE, 1)).put((0, SIZE), kind=UNMAP).done())
write("ok", "checkpoints", Crafted().at(0).at(0).put(FULL[0]).at(64 * KIB).put(FULL[1]).at(SIZE).done())
write("ok", "nothing", Crafted().done())
write("ok", "less-than-the-plan", Crafted().put(FULL[0]).done())

# Frames.
write("corrupt", "sequence-gap", Crafted().put(FULL[0]).raw(0x8000, b"", sequence=3).done())
write("corrupt", "sequence-again", Crafted().put(FULL[0]).raw(0x8000, b"", sequence=1).done())
write("corrupt", "sequence-of-skippable-counts", Crafted().raw(0x8000, b"", sequence=0).done())
write("corrupt", "reserved-in-header", Crafted().raw(0x8000, b"", reserved=1).done())
write("corrupt", "magic", Crafted().raw(0x8000, b"", magic=b"BSR2").done())
write("corrupt", "header-checksum", Crafted().raw(0x8000, b"", spoil="header").done())
write("corrupt", "payload-checksum", Crafted().raw(0x8000, b"?" * 20, spoil="payload").done())
write("corrupt", "payload-checksum-of-nothing", Crafted().raw(0x8000, b"", spoil="payload").done())
write("corrupt", "payload-too-long", Crafted().raw(0x8000, bytes(1114121)).done())
write("corrupt", "payload-of-4-gib", Crafted().raw(0x8000, b"", length=0xFFFFFFFF).done())
write("corrupt", "begin-twice", Crafted().raw(BEGIN, Crafted().bytes[40:]).done())
write("corrupt", "no-begin", headless().done())
write("corrupt", "skippable-first", headless().raw(0x8000, b"").raw(BEGIN, Crafted().bytes[40:]).done())
write("corrupt", "skippable-after-end", Crafted().put(*FULL).done() + Crafted().raw(0x8000, b"").bytes[512:])
write("truncated", "no-end", Crafted().put(*FULL).bytes)
write("truncated", "no-end-but-a-checkpoint", Crafted().put(*FULL).at(SIZE).bytes)
write("unsupported", "flag-of-data", Crafted().put(*FULL, flags=2).done())
write("unsupported", "flag-of-end", Crafted().raw(END, bytes(104), flags=0x8000).bytes)
write("unsupported", "type-9", Crafted().raw(9, b"").done())
write("unsupported", "type-32767", Crafted().raw(0x7FFF, b"").done())
write("unsupported", "type-0", Crafted().raw(0, b"").done())

# BEGIN.
write("unsupported", "version-2", first_frame(patch(0, u(2, 2))))
write("unsupported", "version-0", first_frame(patch(0, u(0, 2))))
write("unsupported", "feature", first_frame(patch(8, u(2))))
write("unsupported", "last-feature", first_frame(patch(8, u(1 << 63))))
write("corrupt", "states-that-are-not-there", first_frame(patch(8, u(1))))
write("corrupt", "holds-in-a-first-stream", Crafted().raw(8, u(1, 4) + u(512, 4) + u(0) + u(512) + bytes(16)).done())
write("corrupt", "content-frame-behind-the-end", Crafted().raw(CONTENT, u(SIZE + 1)).put(*FULL).done())
write("corrupt", "content-frame-descending", Crafted().raw(CONTENT, u(512)).raw(CONTENT, u(0)).put(*FULL).done())
write("corrupt", "content-frame-too-short", Crafted().raw(CONTENT, b"").put(*FULL).done())
write("corrupt", "content-frame-too-long", Crafted().raw(CONTENT, bytes(17)).put(*FULL).done())
write("corrupt", "resume-totals-at-zero", first_frame(patch(440, u(1))))
write("corrupt", "resume-half-sector", first_frame(patch(432, u(100))))
write("corrupt", "resume-behind-end", first_frame(patch(432, u(SIZE + 512))))
write("corrupt", "begin-flag", first_frame(patch(2, u(3, 2))))
write("corrupt", "delta-without-base", first_frame(patch(2, u(0, 2))))
write("corrupt", "full-with-base", first_frame(patch(240, b"x")))
write("corrupt", "full-with-size-of-base", first_frame(patch(24, u(512))))
write("corrupt", "size-not-of-sectors", first_frame(patch(16, u(SIZE + 1))))
write("corrupt", "size-2-63", first_frame(patch(16, u(1 << 63))))
write("corrupt", "begin-reserved", first_frame(patch(36, u(1, 4))))
write("corrupt", "no-snapshot", first_frame(patch(176, bytes(64))))
write("corrupt", "no-volume", first_frame(patch(112, bytes(64))))
write("corrupt", "text-without-end", first_frame(patch(176, b"x" * 64)))
write("corrupt", "text-behind-its-end", first_frame(patch(176 + 63, b"\0x")))
write("corrupt", "text-with-rest", first_frame(patch(176, b"abc\0d".ljust(64, b"\0"))))
write("corrupt", "text-with-escape", first_frame(patch(176, text("a\x1b[2J", 64))))
write("corrupt", "text-with-blank", first_frame(patch(176, text("a b", 64))))
write("corrupt", "text-with-newline", first_frame(patch(304, text("a\ncommitted x", 128))))
write("corrupt", "text-not-ascii", first_frame(patch(304, b"\xc3\xa4")))
write("corrupt", "begin-too-short", first_frame(length=471))
write("corrupt", "begin-too-long", first_frame(length=473))
write("corrupt", "plan-beyond-the-volume", first_frame(patch(56, u(1 << 60))))
write("corrupt", "plan-of-both-beyond-the-volume", first_frame(patch(56, u(SIZE) + u(512))))
write("corrupt", "plan-that-wraps", first_frame(patch(56, u(SIZE) + u((1 << 64) - SIZE))))
write("corrupt", "plan-of-too-many-extents", first_frame(patch(72, u(SIZE // 512 + 1))))

# Changes.
write("corrupt", "descending", Crafted().put(FULL[1]).put(FULL[0]).done())
write("corrupt", "descending-in-a-frame", Crafted().put(FULL[1], FULL[0]).done())
write("corrupt", "overlap", Crafted().put((0, 1024)).put((512, 1024), kind=ZERO).done())
write("corrupt", "again", Crafted().put((0, 512), kind=ZERO).put((0, 512), kind=ZERO).done())
write("corrupt", "behind-the-end", Crafted().put((SIZE - 512, 1024), kind=ZERO).done())
write("corrupt", "beginning-behind-the-end", Crafted().put((SIZE, 512)).done())
write("corrupt", "sum-overflows", Crafted().put((512, (1 << 64) - 512), kind=ZERO).done())
write("corrupt", "offset-not-of-sectors", Crafted().put((1, 512)).done())
write("corrupt", "length-not-of-sectors", Crafted().put((0, 513)).done())
write("corrupt", "length-zero", Crafted().put((0, 0), kind=UNMAP).done())
write("corrupt", "no-extents", Crafted().put(kind=UNMAP).done())
many = [(i * 1024, 512) for i in range(4097)]
write("corrupt", "too-many-extents", Crafted(volume=bytes(5 * KIB * KIB)).put(*many, kind=ZERO).done())
write("corrupt", "number-of-extents", Crafted().raw(ZERO, struct.pack("<II", 0xFFFFFFFF, 0)).done())
write("corrupt", "content-too-long", Crafted(volume=bytes(2 * KIB * KIB)).put((0, KIB * KIB + 512), pack=zstd).done())
write("corrupt", "content-of-4-gib", Crafted().raw(DATA, table([(0, 512)], 0xFFFFFE00, zstd(bytes(512))), flags=1).done())
write("corrupt", "content-shorter", Crafted().put((0, 1024), content=VOLUME[:512]).done())
write("corrupt", "content-longer", Crafted().put((0, 512), content=VOLUME[:1024]).done())
write("corrupt", "content-of-zero", Crafted().raw(ZERO, table([(0, 512)], 512)).done())
write("corrupt", "rest-behind-zero", Crafted().raw(ZERO, table([(0, 512)], 0, b"?" * 8)).done())
write("corrupt", "rest-behind-data", Crafted().raw(DATA, table([(0, 512)], 512, VOLUME[:512] + b"?")).done())
write("corrupt", "table-cut", Crafted().raw(UNMAP, table([(0, 512)], 0)[:-1]).done())
write("corrupt", "empty-data", Crafted().raw(DATA, b"").done())

# zstd.
write("corrupt", "zstd-unpacks-to-less", Crafted().put((0, 1024), pack=lambda c: zstd(c[:512])).done())
write("corrupt", "zstd-unpacks-to-more", Crafted().put((0, 1024), pack=lambda c: zstd(c + b"?")).done())
write("corrupt", "zstd-bomb", Crafted().put((0, 512), pack=lambda c: zstd(bytes(64 << 20))).done())
write("corrupt", "zstd-two-frames", Crafted().put((0, 1024), pack=lambda c: zstd(c[:512]) + zstd(c[512:])).done())
write("corrupt", "zstd-and-rest", Crafted().put((0, 1024), pack=lambda c: zstd(c) + b"?").done())
write("corrupt", "zstd-and-skippable", Crafted().put((0, 1024), pack=lambda c: zstd(c) + b"\x50\x2a\x4d\x18\0\0\0\0").done())
write("corrupt", "zstd-cut", Crafted().put((0, 1024), pack=lambda c: zstd(c)[:-5]).done())
write("corrupt", "zstd-is-something-else", Crafted().put((0, 1024), pack=lambda c: c).done())
write("corrupt", "zstd-is-empty", Crafted().put((0, 1024), pack=lambda c: b"").done())

# More than the plan has: refused at the frame that goes beyond it.
write("corrupt", "more-data-than-planned", Crafted(plan=(SIZE - 512, 0, 1)).put(*FULL).done())
write("corrupt", "more-zeros-than-planned", Crafted(volume=bytes(SIZE), plan=(SIZE - 512, 0, 1)).put((0, SIZE), kind=ZERO).done())
write("corrupt", "data-and-zeros-than-planned", Crafted(plan=(SIZE - 512, 0, 1)).put(FULL[0]).put(FULL[1], kind=ZERO).done())
write("corrupt", "more-unmapped-than-planned", Crafted(volume=bytes(SIZE), plan=(0, SIZE - 512, 1)).put((0, SIZE), kind=UNMAP).done())
write("corrupt", "unmapped-where-data-is-planned", Crafted(volume=bytes(SIZE)).put((0, SIZE), kind=UNMAP).done())

# CHECKPOINT and END.
write("corrupt", "checkpoint-too-early", Crafted().put(FULL[0]).at(512).put(FULL[1]).done())
write("corrupt", "change-before-checkpoint", Crafted().at(64 * KIB).put(FULL[0]).done())
write("corrupt", "checkpoints-descend", Crafted().at(64 * KIB).at(0).done())
write("corrupt", "checkpoint-behind-the-end", Crafted().at(SIZE + 512).done())
write("corrupt", "checkpoint-not-of-sectors", Crafted().at(1).done())
write("corrupt", "checkpoint-digest", Crafted().raw(CHECKPOINT, u(0) + bytes(32)).done())
write("corrupt", "checkpoint-length", Crafted().raw(CHECKPOINT, u(0) + Crafted().digest + b"?").done())
for name in ("frames", "extents", "data", "zero", "unmap"):
    write("corrupt", "count-of-" + name, Crafted().put(FULL[0]).put(FULL[1], kind=UNMAP).done(**{name: 1}))
write("corrupt", "digest", Crafted().put(*FULL).done(digest=bytes(32)))
write("corrupt", "digest-of-something-else", Crafted().put(*FULL).done(digest=Crafted().put(FULL[0]).digest))
write("corrupt", "end-too-short", Crafted().raw(END, bytes(71)).bytes)
write("corrupt", "end-too-long", Crafted().raw(END, struct.pack("<5Q", 0, 0, 0, 0, 0) + Crafted().digest + b"?").bytes)
