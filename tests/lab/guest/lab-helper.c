// lab-helper: what init cannot do in shell.
//   lab-helper reap           as PID 1: wait for every orphan
//   lab-helper qemu-exit N    end QEMU at once, through its isa-debug-exit device
//   lab-helper settime S.NS   set the clock: a resumed machine has the saved one's
//   lab-helper reseed FILE    mix FILE into the kernel's random numbers, and use it now: two
//                             machines resumed from one state would draw the same UUIDs
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failed(const char* what) {
  perror(what);
  return 1;
}

static int qemu_exit(const char* code) {
  const unsigned short port = 0xf4;

  if (ioperm(port, 4, 1)) return failed("ioperm");
  outb((unsigned char)atoi(code), port);
  return 1;
}

static int set_time(const char* text) {
  char* end;
  struct timespec time = {.tv_sec = strtoll(text, &end, 10)};

  if (*end == '.') time.tv_nsec = strtol(end + 1, NULL, 10);
  return clock_settime(CLOCK_REALTIME, &time) ? failed("clock_settime") : 0;
}

static int reseed(const char* path) {
  struct {
    struct rand_pool_info info;
    unsigned char bytes[256];
  } pool = {0};
  int seed = open(path, O_RDONLY), random = open("/dev/urandom", O_RDWR);

  if (seed < 0 || random < 0) return failed("open");
  ssize_t count = read(seed, pool.bytes, sizeof(pool.bytes));
  if (count <= 0) return failed("read");
  pool.info.entropy_count = (int)count * 8;
  pool.info.buf_size = (int)count;
  if (ioctl(random, RNDADDENTROPY, &pool) || ioctl(random, RNDRESEEDCRNG)) return failed("ioctl");
  return 0;
}

static _Noreturn void reap(void) {
  for (;;)
    if (wait(NULL) < 0) sleep(1);
}

int main(int argc, char** argv) {
  if (argc == 2 && !strcmp(argv[1], "reap")) reap();
  if (argc == 3 && !strcmp(argv[1], "qemu-exit")) return qemu_exit(argv[2]);
  if (argc == 3 && !strcmp(argv[1], "settime")) return set_time(argv[2]);
  if (argc == 3 && !strcmp(argv[1], "reseed")) return reseed(argv[2]);
  fprintf(stderr,
          "usage: lab-helper reap | qemu-exit N | settime SECONDS.NANOSECONDS | reseed FILE\n");
  return 2;
}
