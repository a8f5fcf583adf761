#!/bin/bash
# lab: solo
# Passes, but the kernel has warned (in the words it uses).
echo '<4>WARNING: CPU: 0 PID: 1 at self/test.c:1' > /dev/kmsg
