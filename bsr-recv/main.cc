// bsr-recv: parses the command line and runs one session.
#include <unistd.h>

#include "bsr-recv/receive.h"
#include "formats/json_lines.h"
#include "platform/arguments.h"
#include "platform/program.h"
#include "platform/progress_meter.h"

int main(int argc, char** argv) {
  return bsr::run_program(
      "bsr-recv",
      [&] {
        const auto options = bsr::parse_receive_options(argc, argv);
        return options ? bsr::receive(*options, STDIN_FILENO, STDOUT_FILENO) : 0;
      },
      [&](const bsr::Error& error, int status) {
        if (!bsr::has_argument(argc, argv, "--json")) return;
        bsr::write_report(STDOUT_FILENO, bsr::json_error(error));
        bsr::write_report(STDOUT_FILENO, bsr::json_exit(status, bsr::id(error.kind())));
      });
}
