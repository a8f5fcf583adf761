// bsr-send: parses the command line and runs one session.
#include <unistd.h>

#include "bsr-send/send.h"
#include "formats/json_lines.h"
#include "platform/arguments.h"
#include "platform/program.h"
#include "platform/progress_meter.h"

int main(int argc, char** argv) {
  return bsr::run_program(
      "bsr-send",
      [&] {
        const auto options = bsr::parse_send_options(argc, argv);
        return options ? bsr::send(*options, STDOUT_FILENO) : 0;
      },
      [&](const bsr::Error& error, int status) {
        const int json_fd = bsr::number_argument(argc, argv, "--json-fd");
        bsr::write_report(json_fd, bsr::json_error(error));
        bsr::write_report(json_fd, bsr::json_exit(status, bsr::id(error.kind())));
      });
}
