#!/usr/bin/env python3
"""Writes the golden streams of format 1 from the text of man/bsr-stream.5 alone.

Shares no code with the programs, so that a test which reads these streams proves that the page is
right. XXH3 is written from xxHash's published specification (doc/xxhash_spec.md). Each stream has a
.txt beside it: what a reader must see, frame by frame, and the SHA-256 of the resulting volume.

Usage: make_bsr1.py FOLDER            write the streams
       make_bsr1.py --compare-xxhash  compare XXH3 here with libxxhash
"""

import ctypes
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile

# --- XXH3, for the lengths that occur: not 1 to 16 bytes, and 128 bits not up to 240 but empty

MASK = (1 << 64) - 1
PRIME32_1, PRIME32_2, PRIME32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
PRIME64_1, PRIME64_2, PRIME64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
PRIME64_4, PRIME64_5, PRIME_MX1 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5, 0x165667919E3779F9
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def words(data, offset, count):
    return struct.unpack_from("<%dQ" % count, data, offset)


def fold(a, b):
    product = a * b
    return (product & MASK) ^ (product >> 64)


def avalanche(x):
    x ^= x >> 37
    x = x * PRIME_MX1 & MASK
    return x ^ (x >> 32)


def avalanche_xxh64(x):
    x ^= x >> 33
    x = x * PRIME64_2 & MASK
    x ^= x >> 29
    x = x * PRIME64_3 & MASK
    return x ^ (x >> 32)


def mix(data, at, secret_at):
    d, s = words(data, at, 2), words(SECRET, secret_at, 2)
    return fold(d[0] ^ s[0], d[1] ^ s[1])


def medium(data):
    size = len(data)
    total = size * PRIME64_1
    if size <= 128:
        for i in range((size - 1) >> 5, -1, -1):
            total += mix(data, i * 16, i * 32)
            total += mix(data, size - i * 16 - 16, i * 32 + 16)
    else:
        total += sum(mix(data, i * 16, i * 16) for i in range(8))
        total = avalanche(total & MASK)
        total += sum(mix(data, i * 16, (i - 8) * 16 + 3) for i in range(8, size >> 4))
        total += mix(data, size - 16, 119)
    return avalanche(total & MASK)


def accumulate(lanes, stripe, key):
    for i in range(8):
        value = stripe[i] ^ key[i]
        lanes[i ^ 1] = (lanes[i ^ 1] + stripe[i]) & MASK
        lanes[i] = (lanes[i] + (value & 0xFFFFFFFF) * (value >> 32)) & MASK


def large(data, secret):
    lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1]
    blocks = (len(data) - 1) // 1024
    for block in range(blocks):
        for n in range(16):
            accumulate(lanes, words(data, block * 1024 + n * 64, 8), words(secret, n * 8, 8))
        key = words(secret, 128, 8)
        lanes = [((x ^ (x >> 47)) ^ k) * PRIME32_1 & MASK for x, k in zip(lanes, key)]
    for n in range((len(data) - blocks * 1024 - 1) // 64):
        accumulate(lanes, words(data, blocks * 1024 + n * 64, 8), words(secret, n * 8, 8))
    accumulate(lanes, words(data, len(data) - 64, 8), words(secret, 192 - 71, 8))
    return lanes


def merge(lanes, start, secret, at):
    key = words(secret, at, 8)
    mixed = (fold(lanes[i] ^ key[i], lanes[i + 1] ^ key[i + 1]) for i in range(0, 8, 2))
    return avalanche((start + sum(mixed)) & MASK)


def short(data):
    """Of 8 bytes."""
    key = words(SECRET, 8, 2)
    first, second = struct.unpack("<II", data)
    x = (second + (first << 32)) ^ key[0] ^ key[1]
    x ^= (x << 49 | x >> 15) & MASK ^ (x << 24 | x >> 40) & MASK
    x = x * 0x9FB21C651E98DF25 & MASK
    x = (x ^ (x >> 35) + 8) * 0x9FB21C651E98DF25 & MASK
    return x ^ x >> 28


def xxh3_64(data):
    if not data:
        key = words(SECRET, 56, 2)
        return avalanche_xxh64(key[0] ^ key[1])
    if len(data) == 8:
        return short(data)
    if len(data) <= 240:
        assert len(data) > 16
        return medium(data)
    return merge(large(data, SECRET), len(data) * PRIME64_1 & MASK, SECRET, 11)


def xxh3_128(data, seed):
    """Low and high 64 bits."""
    if not data:
        key = words(SECRET, 64, 4)
        return (avalanche_xxh64(seed ^ key[0] ^ key[1]), avalanche_xxh64(seed ^ key[2] ^ key[3]))
    assert len(data) > 240
    pairs = struct.iter_unpack("<QQ", SECRET)
    secret = b"".join(struct.pack("<QQ", (a + seed) & MASK, (b - seed) & MASK) for a, b in pairs)
    lanes = large(data, secret)
    low = merge(lanes, len(data) * PRIME64_1 & MASK, secret, 11)
    high = merge(lanes, ~(len(data) * PRIME64_2) & MASK, secret, 192 - 75)
    return low, high


# --- frames, as bsr-stream(5) lays them out

BEGIN, DATA, ZERO, UNMAP, CHECKPOINT, END, PATCH, HOLDS = range(1, 9)
CONTENT = 0x8010
NAMES = {ZERO: "ZERO", UNMAP: "UNMAP"}


def text(value, size):
    assert len(value) < size
    return value.encode("ascii").ljust(size, b"\0")


def zstd(content, *options):
    command = ["zstd", "--quiet", "--stdout", *options]
    return subprocess.run(command, input=content, stdout=subprocess.PIPE, check=True).stdout


def leb128(number):
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes(groups + [number])


def compact(places):
    numbers, cursor = b"", 0
    for offset, length in places:
        numbers += leb128((offset - cursor) // 512 * 2) + leb128(length // 512)
        cursor = offset + length
    return numbers


def named(places):
    return "".join(" %d+%d" % place for place in places)


class Stream:
    """One stream in the making, from the volume it is about."""

    def __init__(self, volume, begin):
        self.volume = volume
        self.bytes = b""
        self.lines = []
        self.sequence = 0
        self.counts = {DATA: 0, ZERO: 0, UNMAP: 0}
        self.frames = self.extents = 0
        self.begin(begin)

    def frame(self, kind, payload, line, flags=0):
        header = struct.pack("<4sHHQIIQ", b"BSR1", kind, flags, self.sequence, len(payload), 0,
                             xxh3_64(payload))
        frame = header + struct.pack("<Q", xxh3_64(header)) + payload
        self.lines.append("%d %d %s" % (len(self.bytes), len(frame), line))
        self.bytes += frame
        self.sequence += 1

    def begin(self, b):
        base = b.get("base", "")
        plan_hash = hashlib.sha256(b["name"].encode()).digest()
        payload = struct.pack(
            "<HHIQQQIIQqQQQ32s", 1, 0 if base else 1, b["sector"], 1 if "states" in b else 0, len(self.volume),
            b.get("base_size", 0), b["chunk"], 0, b["epoch"], b["time"], *b["plan"], plan_hash)
        payload += text("volume-1", 64) + text(b["snapshot"], 64) + text(base, 64)
        payload += text(b["name"], 128)
        assert len(payload) == 432
        states = b"".join(b.get("states", ()))
        self.digest = hashlib.sha256(payload + states).digest()
        resume = b.get("resume", (0, 0, 0, 0, 0, 0, bytes(32)))  # position, counts, digest
        payload += struct.pack("<6Q32s", *resume) + states
        assert len(payload) in (512, 544)
        if resume[0]:
            self.frames, self.extents = resume[1:3]
            self.counts = dict(zip((DATA, ZERO, UNMAP), resume[3:6]))
            self.digest = resume[6]
        self.frame(
            BEGIN, payload,
            "BEGIN sector=%d features=%d size=%d base_size=%d chunk=%d epoch=%d time=%d data=%d "
            "unmap=%d extents=%d plan=%s volume=<volume-1> snapshot=<%s> base=<%s> name=<%s> "
            "resume=%d frames=%d extents=%d data=%d zero=%d unmap=%d digest=%s" %
            (b["sector"], 1 if states else 0, len(self.volume), b.get("base_size", 0), b["chunk"], b["epoch"],
             b["time"], *b["plan"], plan_hash.hex(), b["snapshot"], base, b["name"], *resume[:6], resume[6].hex()) +
            (" state=%s base_state=%s" % (states[:16].hex(), states[16:].hex()) if states else ""))

    def change(self, kind, extents, content, wire, line, flags=0):
        table = b"".join(struct.pack("<QQ", *extent) for extent in extents)
        seed = xxh3_64(struct.pack("<Q", kind) + table)
        link = struct.pack("<QQ", *xxh3_128(content, seed))
        self.digest = hashlib.sha256(self.digest + link).digest()
        self.frames += 1
        self.extents += len(extents)
        self.counts[kind] += sum(length for _, length in extents)
        line += "".join(" %d+%d" % extent for extent in extents)
        if kind == DATA:
            line += " content=" + hashlib.sha256(content).hexdigest()
        payload = struct.pack("<II", len(extents), len(content)) + table + wire
        self.frame(kind, payload, line, flags)

    def data(self, *extents, pack=None):
        content = b"".join(self.volume[offset:offset + length] for offset, length in extents)
        if pack:
            self.change(DATA, extents, content, pack(content), "zstd DATA", flags=1)
        else:
            self.change(DATA, extents, content, content, "DATA")

    def patch(self, base, *extents, references=()):
        def now(at):  # what the stream has made of the base until this frame comes
            return self.volume[at] if at < extents[0][0] else base[at]
        content, old = (b"".join(v[o:o + n] for o, n in extents) for v in (self.volume, base))
        old = b"".join(bytes(map(now, range(o, o + n))) for o, n in references) + old
        with tempfile.NamedTemporaryFile() as prefix, tempfile.NamedTemporaryFile() as new:
            for file, data in (prefix, old), (new, content):
                file.write(data)
                file.flush()
            command = ["zstd", "-q", "-c", "-3", "--no-check", "--patch-from=" + prefix.name, new.name]
            packed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        hashes = []
        for places, data in ((*references, *extents), old), (extents, content):
            raw = b"".join(struct.pack("<QQ", *place) for place in places)
            hashes.append(xxh3_128(data, xxh3_64(struct.pack("<Q", PATCH) + raw)))
        lists = [compact(references), compact(extents)]
        self.digest = hashlib.sha256(self.digest + struct.pack("<QQ", *hashes[1])).digest()
        self.frames += 1
        self.extents += len(extents)
        self.counts[DATA] += len(content)
        payload = struct.pack("<II4QIII", len(extents), len(content), *hashes[0], *hashes[1],
                              len(lists[1]), len(references), len(lists[0]))
        self.frame(PATCH, payload + lists[1] + lists[0] + packed,
                   "PATCH%s references%s base=%x,%x content=%x,%x packed=%s" % (
                       named(extents), named(references), *hashes[0], *hashes[1], packed.hex()))

    def holds(self, *extents):
        content = b"".join(self.volume[offset:offset + length] for offset, length in extents)
        table = b"".join(struct.pack("<QQ", *extent) for extent in extents)
        link = xxh3_128(content, xxh3_64(struct.pack("<Q", HOLDS) + table))
        payload = struct.pack("<II", len(extents), len(content)) + table + struct.pack("<QQ", *link)
        self.frame(HOLDS, payload, "HOLDS%s content=%x,%x" % (named(extents), *link))

    def content(self, position):
        self.frame(CONTENT, struct.pack("<Q", position), "CONTENT %d" % position)

    def empty(self, kind, *extents):
        for offset, length in extents:
            assert self.volume[offset:offset + length] == bytes(length)
        self.change(kind, extents, b"", b"", NAMES[kind])

    def checkpoint(self, position):
        self.frame(CHECKPOINT, struct.pack("<Q", position) + self.digest,
                   "CHECKPOINT %d digest=%s" % (position, self.digest.hex()))

    def skippable(self, kind, payload, flags):
        self.frame(kind, payload, "skippable %#x" % kind, flags)

    def end(self, content_root=bytes(32)):
        numbers = (self.frames, self.extents, *self.counts.values())
        self.frame(END, struct.pack("<5Q", *numbers) + self.digest + content_root,
                   "END frames=%d extents=%d data=%d zero=%d unmap=%d digest=%s root=%s" %
                   (*numbers, self.digest.hex(), content_root.hex()))
        self.lines.append("volume " + hashlib.sha256(self.volume).hexdigest())


# --- the streams

KIB = 1024


def old_byte(position):
    """What the base of a delta holds; the reading test knows this too."""
    return (position * 7 + position // 512) & 0xFF


def base_volume(size):
    return bytearray(old_byte(i) for i in range(size))


def put(volume, offset, length, seed):
    volume[offset:offset + length] = bytes((i // 11 * 5 + seed) & 0xFF for i in range(length))


def full(pack):
    volume = bytearray(256 * KIB)
    put(volume, 0, 1024, 3)
    put(volume, 2048, 512, 50)
    put(volume, 192 * KIB, 4096, 90)
    stream = Stream(volume, {"sector": 512, "chunk": 64 * KIB, "epoch": 0, "time": 1736121602,
                             "plan": (192 * KIB, 0, 2), "snapshot": "snapshot-1", "name": "vg/data"})
    stream.data((0, 1024), (2048, 512), pack=pack)
    stream.empty(ZERO, (64 * KIB, 64 * KIB))
    stream.checkpoint(128 * KIB)
    stream.data((192 * KIB, 4096), pack=pack)
    stream.end()
    return stream


def delta(pack):
    """The volume grew: what lies behind the end of the base and is not named reads as zeros."""
    volume = base_volume(192 * KIB) + bytearray(128 * KIB)
    put(volume, 512, 512, 7)
    volume[4 * KIB:8 * KIB] = bytes(4 * KIB)
    volume[64 * KIB:128 * KIB] = bytes(64 * KIB)
    put(volume, 128 * KIB, 512, 8)
    put(volume, 320 * KIB - 1024, 1024, 9)
    stream = Stream(volume, {"sector": 4096, "chunk": 64 * KIB, "epoch": 5, "time": -1,
                             "plan": (256 * KIB, 64 * KIB, 4), "snapshot": "snapshot-2",
                             "base": "snapshot-1", "base_size": 192 * KIB, "name": "a name, ~"})
    stream.skippable(0x8001, b"for a later version", 0xFFFF)
    stream.data((512, 512), pack=pack)
    stream.empty(ZERO, (4 * KIB, 4 * KIB))
    stream.empty(UNMAP, (64 * KIB, 32 * KIB), (96 * KIB, 32 * KIB))
    stream.checkpoint(128 * KIB)
    stream.checkpoint(128 * KIB)
    stream.data((128 * KIB, 512), (320 * KIB - 1024, 1024), pack=pack)
    stream.skippable(0xFFFF, b"", 0)
    stream.checkpoint(320 * KIB)
    stream.end()
    return stream


def patches():
    """Changes within pages, packed against the base, between changes of other kinds. References lie
    behind the patch and change later, before it and have changed, and on both sides of its begin."""
    volume = base_volume(192 * KIB) + bytearray(64 * KIB)
    put(volume, 4 * KIB + 100, 30, 7)
    put(volume, 24 * KIB + 4000, 96, 8)
    volume[64 * KIB:128 * KIB] = bytes(64 * KIB)
    volume[160 * KIB:164 * KIB] = volume[160 * KIB + 9:164 * KIB + 9]
    volume[24 * KIB:24 * KIB + 2000] = volume[164 * KIB + 77:164 * KIB + 2077]
    put(volume, 164 * KIB, 4 * KIB, 10)
    volume[177 * KIB:179 * KIB] = volume[5 * KIB + 3:7 * KIB + 3]
    put(volume, 200 * KIB, 512, 9)
    stream = Stream(volume, {"sector": 512, "chunk": 64 * KIB, "epoch": 0, "time": 1736121602,
                             "plan": (192 * KIB, 64 * KIB, 3), "snapshot": "snapshot-2",
                             "base": "snapshot-1", "base_size": 192 * KIB, "name": "vg/data"})
    base = base_volume(192 * KIB)
    stream.patch(base, (4 * KIB, 4 * KIB), (24 * KIB, 4 * KIB), references=[(164 * KIB, 4 * KIB)])
    stream.empty(UNMAP, (64 * KIB, 64 * KIB))
    stream.checkpoint(128 * KIB)
    stream.patch(base, (160 * KIB, 4 * KIB))
    stream.data((164 * KIB, 4 * KIB))
    stream.patch(base, (177 * KIB, 3 * KIB), references=[
        (4 * KIB, 4 * KIB), (160 * KIB, 8 * KIB), (176 * KIB, 4 * KIB), (188 * KIB, 4 * KIB)])
    stream.data((200 * KIB, 4 * KIB))
    stream.end()
    return stream


def resumed():
    """The rest of `full`, from its checkpoint on."""
    whole = full(None)
    volume = whole.volume
    first = Stream(volume, {"sector": 512, "chunk": 64 * KIB, "epoch": 0, "time": 1736121602,
                            "plan": (192 * KIB, 0, 2), "snapshot": "snapshot-1", "name": "vg/data"})
    first.data((0, 1024), (2048, 512))
    first.empty(ZERO, (64 * KIB, 64 * KIB))
    point = (128 * KIB, first.frames, first.extents, *first.counts.values(), first.digest)
    stream = Stream(volume, {"sector": 512, "chunk": 64 * KIB, "epoch": 0, "time": 1736121602,
                             "plan": (192 * KIB, 0, 2), "snapshot": "snapshot-1", "name": "vg/data",
                             "resume": point})
    stream.data((192 * KIB, 4096))
    stream.end()
    assert stream.bytes[-104:] == whole.bytes[-104:]
    return stream


def states():
    """The rest of a change between a snapshot and a base of known states, which says first what its
    snapshot holds in front, where that may have been written to. What was sent there is what the
    base holds too, so that a test needs nothing else for what came before."""
    volume = base_volume(192 * KIB)
    put(volume, 192 * KIB - 512, 512, 5)
    begin = {"sector": 512, "chunk": 64 * KIB, "epoch": 0, "time": 1736121602,
             "plan": (192 * KIB, 0, 1), "snapshot": "snapshot-2", "base": "snapshot-1",
             "base_size": 192 * KIB, "name": "vg/data", "states": (bytes(range(16)), bytes(range(240, 256)))}
    first = Stream(volume, begin)
    first.data((0, 1024), (64 * KIB, 512))
    begin["resume"] = (128 * KIB, first.frames, first.extents, *first.counts.values(), first.digest)
    stream = Stream(volume, begin)
    stream.holds((0, 4 * KIB), (64 * KIB, 4 * KIB))
    stream.skippable(0x8001, b"for a later version", 0)
    stream.holds((127 * KIB, 1 * KIB))
    stream.data((192 * KIB - 512, 512))
    stream.end()
    return stream


def shrink():
    """A delta of a volume that became smaller, without any change in what is left."""
    volume = base_volume(64 * KIB)
    stream = Stream(volume, {"sector": 512, "chunk": 128 * KIB, "epoch": 0, "time": 0,
                             "plan": (0, 0, 0), "snapshot": "s" * 63, "base": "snapshot-1",
                             "base_size": 192 * KIB, "name": ""})
    stream.end()
    return stream


def nothing():
    stream = Stream(bytearray(64 * KIB), {"sector": 512, "chunk": 0, "epoch": 0, "time": 0,
                                          "plan": (0, 0, 0), "snapshot": "x", "name": "empty"})
    stream.end()
    return stream


def content():
    """A full stream that says early that it will have a content root. Its volume is less than one leaf."""
    volume = bytearray(192 * KIB)
    put(volume, 64 * KIB, 8 * KIB, 7)
    leaf = hashlib.sha256(volume).digest()
    stream = Stream(volume, {"sector": 512, "chunk": 64 * KIB, "epoch": 0, "time": 1736121602,
                             "plan": (64 * KIB, 0, 1), "snapshot": "snapshot-1", "name": "vg/data"})
    stream.content(0)
    stream.data((64 * KIB, 8 * KIB))
    stream.content(192 * KIB - 1)
    stream.checkpoint(128 * KIB)
    stream.content(192 * KIB)
    stream.end(hashlib.sha256(struct.pack("<Q", 192 * KIB) + leaf).digest())
    return stream


def zstd_with_size(content):
    return zstd(content, "-3", "--no-check", "--stream-size=%d" % len(content))


def zstd_of_unknown_size(content):
    return zstd(content, "-19", "--check")


STREAMS = {
    "full": lambda: full(None),
    "full-zstd": lambda: full(zstd_with_size),
    "delta": lambda: delta(None),
    "delta-zstd": lambda: delta(zstd_of_unknown_size),
    "patches": patches,
    "resumed": resumed,
    "shrink": shrink,
    "states": states,
    "content": content,
    "nothing": nothing,
}


def compare_with_libxxhash():
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_64bits.restype = ctypes.c_uint64
    library.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]

    class Hash128(ctypes.Structure):
        _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]

    library.XXH3_128bits_withSeed.restype = Hash128
    library.XXH3_128bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
    data = bytes(i * i * 31 >> 3 & 0xFF for i in range(5000))
    sizes = [0, 8, *range(17, 1100), 2047, 2048, 2049, 4096, 5000]
    for size in sizes:
        assert xxh3_64(data[:size]) == library.XXH3_64bits(data, size), size
    for size in [size for size in sizes if size == 0 or size > 240]:
        for seed in (0, 1, 0x0123456789ABCDEF, MASK):
            theirs = library.XXH3_128bits_withSeed(data, size, seed)
            assert xxh3_128(data[:size], seed) == (theirs.low, theirs.high), size
    print("same as libxxhash")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--compare-xxhash":
        return compare_with_libxxhash()
    folder = pathlib.Path(sys.argv[1])
    for name, make in STREAMS.items():
        stream = make()
        (folder / (name + ".bsr")).write_bytes(stream.bytes)
        (folder / (name + ".txt")).write_text("\n".join(stream.lines) + "\n")


if __name__ == "__main__":
    main()
