#!/usr/bin/env python3
"""damage.py STREAM TARGET[=RESULT] KIND... -- COMMAND...: feeds damaged copies of STREAM to COMMAND, which must refuse each.

  cut:STRIDE     the stream ends early: at every STRIDE-th byte, and at all around the borders of frames
  bits:FROM:TO   each single bit of these bytes is flipped; they may be negative, from the end
  flip:STRIDE    one bit in every STRIDE-th byte is flipped

Refused: exit status 11 for a cut, 12 or 20 for a flip; nothing on standard output, one line on standard error; TARGET as
it was, or still missing; nothing new in its folder. With RESULT, the file that the whole stream would make of TARGET,
each of its sectors may also be that of RESULT, because only checked frames are written. The places are tried in an order that covers the stream evenly, for
CLI_BUDGET seconds, or all if that is 0.
"""

import math
import os
import pathlib
import subprocess
import sys
import time


def borders(stream):
    """Where frames of format 1 begin and their headers end, and the end; whatever chunk sizes say in other formats."""
    found, at = [], 0
    while stream[at:at + 4] == b"BSR1":
        found += [at, at + 40]
        at += 40 + int.from_bytes(stream[at + 16:at + 20], "little")
    return [*found, at, len(stream)]


def cuts(stream, stride):
    places = set(range(0, len(stream), stride))
    for border in borders(stream):
        places |= set(range(border - 3, border + 4))
    return [(place, None) for place in sorted(places) if 0 <= place < len(stream)]


def bits(stream, first, last):
    return [(place % len(stream), bit) for place in range(first, last) for bit in range(8)]


def flips(stream, stride):
    return [(place, place // stride % 8) for place in range(0, len(stream), stride)]


def evenly(places):
    """All of them, in steps of about 0.618 of their number."""
    count = len(places)
    step = next(n for n in range(int(count * 0.618), 2 * count + 2) if math.gcd(n, count) == 1)
    return (places[i * step % count] for i in range(count))


def state(target):
    return target.read_bytes() if target.is_file() else None, sorted(os.listdir(target.parent))


def is_mixture(content, *sources):
    sectors = ({source[at:at + 512] for source in sources} for at in range(0, len(content), 512))
    return all(content[i * 512:(i + 1) * 512] in sector for i, sector in enumerate(sectors))


def main():
    divider = sys.argv.index("--")
    stream_file, target, *kinds = sys.argv[1:divider]
    command = sys.argv[divider + 1:]
    target, _, result = target.partition("=")
    stream, target = pathlib.Path(stream_file).read_bytes(), pathlib.Path(target)
    result = pathlib.Path(result).read_bytes() if result else None
    places = []
    for kind in kinds:
        name, *numbers = kind.split(":")
        places += {"cut": cuts, "bits": bits, "flip": flips}[name](stream, *map(int, numbers))
    before, tried, failures, mixtures, start = state(target), 0, 0, 0, time.monotonic()
    budget = float(os.environ.get("CLI_BUDGET", "15"))
    for place, bit in evenly(places):
        if budget and time.monotonic() - start > budget:
            print("skipped: %d of %d places in %s, for want of time" % (len(places) - tried, len(places), stream_file))
            break
        tried += 1
        if bit is None:
            damaged, expected, what = stream[:place], (11,), "cut at byte %d" % place
        else:
            damaged = stream[:place] + bytes([stream[place] ^ 1 << bit]) + stream[place + 1:]
            expected, what = (12, 20), "bit %d of byte %d flipped" % (bit, place)
        try:
            end = subprocess.run(command, input=damaged, capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            wrong = "hangs"
        else:
            wrong = "" if end.returncode in expected else "status %d" % end.returncode
            if end.stdout:
                wrong += " says %r" % end.stdout[:100]
            # A target that this made does not remember how its base came.
            said = [line for line in end.stderr.splitlines() if not line.endswith(b" is not known here")]
            if len(said) != 1 or not said[0].startswith(b"bsr-"):
                wrong += " says %r on standard error" % end.stderr[:2000]
        after = state(target)
        if after != before and result and after[1] == before[1] and is_mixture(after[0], before[0], result):
            mixtures += 1
            target.write_bytes(before[0])
        elif after != before:
            wrong += " changes %s, or leaves one of %s" % (target, after[1])
            before = after
        if wrong:
            print("FAILED: %s, %s: %s" % (stream_file, what, wrong), file=sys.stderr)
            failures += 1
            if failures == 10:
                sys.exit("that is enough")
    print("%s: %d places tried, target partly written in %d" % (stream_file, tried, mixtures))
    sys.exit(failures > 0)


main()
