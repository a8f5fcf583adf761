// lab-io: writes test content to a device or file, fast under emulation.
//   lab-io random FILE OFFSET LENGTH SEED [STEP TIMES]   bytes that follow from SEED and their
//   position,
//                                                        at TIMES places that begin STEP apart
//   lab-io zero FILE OFFSET LENGTH
// Offsets and lengths are bytes, multiples of 512. Direct I/O where the file has it; flushed
// before it ends.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 1 << 20 };

static uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static void fill(uint64_t* words, size_t bytes, uint64_t position, uint64_t seed) {
  uint64_t word = position / sizeof(*words);

  for (size_t i = 0; i < bytes / sizeof(*words); i++) words[i] = mixed(mixed(seed) ^ (word + i));
}

int main(int argc, char** argv) {
  int random = (argc == 6 || argc == 8) && !strcmp(argv[1], "random");

  if (!random && !(argc == 5 && !strcmp(argv[1], "zero"))) {
    fprintf(
        stderr,
        "usage: lab-io random FILE OFFSET LENGTH SEED [STEP TIMES] | zero FILE OFFSET LENGTH\n");
    return 2;
  }
  uint64_t place = strtoull(argv[3], NULL, 0), length = strtoull(argv[4], NULL, 0);
  uint64_t seed = random ? strtoull(argv[5], NULL, 0) : 0;
  uint64_t step = argc == 8 ? strtoull(argv[6], NULL, 0) : 0;
  uint64_t times = argc == 8 ? strtoull(argv[7], NULL, 0) : 1;
  uint64_t* buffer = aligned_alloc(4096, BUFFER);
  int file = open(argv[2], O_WRONLY | O_DIRECT);

  if (file < 0 && errno == EINVAL) file = open(argv[2], O_WRONLY);
  if (file < 0 || !buffer) {
    fprintf(stderr, "lab-io: %s: %m\n", argv[2]);
    return 1;
  }
  memset(buffer, 0, BUFFER);
  for (; times; times--, place += step) {
    uint64_t offset = place, left = length;

    while (left) {
      size_t count = left < BUFFER ? left : BUFFER;

      if (random) fill(buffer, count, offset, seed);
      ssize_t written = pwrite(file, buffer, count, (off_t)offset);
      if (written <= 0) {
        fprintf(stderr, "lab-io: %s at %llu: %m\n", argv[2], (unsigned long long)offset);
        return 1;
      }
      offset += (uint64_t)written;
      left -= (uint64_t)written;
    }
  }
  if (fdatasync(file)) {
    fprintf(stderr, "lab-io: flush of %s: %m\n", argv[2]);
    return 1;
  }
  return 0;
}
