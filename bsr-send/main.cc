// bsr-send: parses the command line and runs one session.
#include <unistd.h>

#include "bsr-send/send.h"
#include "formats/json_lines.h"
#include "platform/program.h"
#include "platform/progress_meter.h"

int main(int argc, char** argv) {
  int json_fd = -1;
  return bsr::run_program(
      "bsr-send",
      [&] {
        const auto options = bsr::parse_send_options(argc, argv);
        if (!options) return 0;
        json_fd = options->json_fd;
        return bsr::send(*options, STDOUT_FILENO);
      },
      [&](const bsr::Error& error, int status) {
        bsr::write_report(json_fd, bsr::json_error(error));
        bsr::write_report(json_fd, bsr::json_exit(status, bsr::id(error.kind())));
      });
}
