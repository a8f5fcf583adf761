// bsr-recv: parses the command line and runs one session.
#include <unistd.h>

#include "bsr-recv/receive.h"
#include "formats/json_lines.h"
#include "platform/program.h"
#include "platform/progress_meter.h"

int main(int argc, char** argv) {
  bool json = false;
  return bsr::run_program(
      "bsr-recv",
      [&] {
        const auto options = bsr::parse_receive_options(argc, argv);
        if (!options) return 0;
        json = options->json;
        return bsr::receive(*options, STDIN_FILENO, STDOUT_FILENO);
      },
      [&](const bsr::Error& error, int status) {
        if (!json) return;
        bsr::write_report(STDOUT_FILENO, bsr::json_error(error));
        bsr::write_report(STDOUT_FILENO, bsr::json_exit(status, bsr::id(error.kind())));
      });
}
