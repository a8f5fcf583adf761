// bounded MIB COMMAND...: runs it, and fails with 98 when it held more memory than that at a time;
// otherwise its own exit status, or 128 and the number of the signal that ended it.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const pid_t child = fork();
  if (child == 0) {
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  int status = 0;
  rusage used{};
  while (wait4(child, &status, 0, &used) < 0)
    if (errno != EINTR) return 2;
  const long most = strtol(argv[1], nullptr, 10) * 1024;
  if (used.ru_maxrss > most) {
    fprintf(stderr, "bounded: %s held %ld KiB, more than %ld\n", argv[2], used.ru_maxrss, most);
    return 98;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
