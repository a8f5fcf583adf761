#!/usr/bin/env python3
"""without_io_uring.py COMMAND...: runs it where the system forbids io_uring, as many containers do."""

import ctypes
import errno
import os
import struct
import sys

IO_URING_SETUP = 425  # on every architecture
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000

libc = ctypes.CDLL(None, use_errno=True)
# The number of the call stands first in what a filter sees.
program = [(LOAD_WORD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP), (RETURN, 0, 0, REFUSE | errno.EPERM),
           (RETURN, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
filter_ = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
for call in (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0):
    if libc.prctl(*call) != 0:
        sys.exit("without_io_uring.py: prctl: " + os.strerror(ctypes.get_errno()))
if libc.syscall(IO_URING_SETUP, 1, None) != -1 or ctypes.get_errno() != errno.EPERM:
    sys.exit("without_io_uring.py: it is not forbidden")
os.execvp(sys.argv[1], sys.argv[1:])
