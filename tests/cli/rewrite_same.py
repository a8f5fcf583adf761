#!/usr/bin/env python3
"""rewrite_same.py XML DATA DEVICE CHUNK...: gives chunks of a pool image new data blocks with equal content.

From thin device DEVICE on, and in all later ones that share the block, the chunk is in a block at the end of
DATA. A chunk that is not mapped in DEVICE gets a block of zeros. XML is for thin_restore, as make-pool-image
writes it: one line for each mapping.
"""

import re
import sys


def attribute(line, name):
    return int(re.search(r'\b%s="(\d+)"' % name, line).group(1))


xml, data, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
lines = open(xml).read().splitlines()
block_size = attribute(lines[0], "data_block_size") * 512
with open(data, "r+b") as file:
    for chunk in map(int, sys.argv[4:]):
        file.seek(0, 2)
        new, old, device, result = file.tell() // block_size, "none yet", 0, []
        here = None  # the mapping of the chunk in this device
        for line in lines:
            if "<device" in line:
                device, here = attribute(line, "dev_id"), None
                mapped, time = attribute(line, "mapped_blocks"), attribute(line, "snap_time") - 1
                start, insert_at = len(result), None
            if "<single_mapping" in line and device >= first:
                origin = attribute(line, "origin_block")
                if origin == chunk:
                    here = attribute(line, "data_block")
                    if old == "none yet":
                        old = here
                    if here == old:
                        line = '    <single_mapping origin_block="%d" data_block="%d" time="%d"/>' % (chunk, new, time)
                elif origin > chunk and insert_at is None:
                    insert_at = len(result)
            if "</device" in line and device >= first and here is None:
                if old == "none yet":
                    old = None
                if old is None:
                    result.insert(len(result) if insert_at is None else insert_at,
                                  '    <single_mapping origin_block="%d" data_block="%d" time="%d"/>' % (chunk, new, time))
                    result[start] = result[start].replace('mapped_blocks="%d"' % mapped, 'mapped_blocks="%d"' % (mapped + 1))
            result.append(line)
        lines = result
        content = bytes(block_size)
        if old is not None:
            file.seek(old * block_size)
            content = file.read(block_size)
        file.seek(new * block_size)
        file.write(content)
        blocks = attribute(lines[0], "nr_data_blocks")
        lines[0] = lines[0].replace('nr_data_blocks="%d"' % blocks, 'nr_data_blocks="%d"' % max(blocks, new + 1))
open(xml, "w").write("\n".join(lines) + "\n")
