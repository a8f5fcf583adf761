#include "bsr-stream/stream_tool.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "base/units.h"
#include "bsr-stream/merge.h"
#include "formats/digest.h"
#include "formats/frame_text.h"
#include "formats/plan_limits.h"
#include "formats/resume_token.h"
#include "platform/frame_source.h"

namespace bsr {
namespace {

class LineOutput {
 public:
  explicit LineOutput(int fd) : output_(fd) {}
  void line(std::string text) {
    text += '\n';
    output_.write_all({std::as_bytes(std::span(text))});
  }

 private:
  FdOutput output_;
};

std::string summary(const FrameSource& source, const std::string& name, bool is_legacy) {
  const Totals totals = source.progress().totals;
  std::string text =
      fmt::format("ok {} {} frames, {} data, {} zero, {} unmapped, {} bytes", name, totals.frames,
                  human_bytes(totals.data_bytes), human_bytes(totals.zero_bytes),
                  human_bytes(totals.unmap_bytes), source.wire_bytes());
  return is_legacy ? text + ", no checksums in this format"
                   : text + ", digest " + to_hex(totals.digest);
}

void look_through(const StreamToolOptions& options, int input_fd, LineOutput& lines) {
  UniqueFd file;
  if (!options.file.empty()) {
    file = open_input(options.file);
    input_fd = file.get();
  } else if (isatty(input_fd) == 1) {
    fail(ErrorKind::usage,
         "a stream is read from standard input, and that is a terminal; give a FILE or a pipe");
  }

  FdInput input(input_fd);
  const StreamStart start(input);
  const std::unique_ptr<FrameSource> source =
      start.is_legacy() ? open_legacy(input, start, INT64_MAX, {}) : open_format1(input, start, {});
  std::string name = "thin-send-recv";
  PlanLimits limits;
  const bool keeps_to_plan =
      options.command == StreamToolOptions::Command::verify && !start.is_legacy();
  while (const std::optional<Frame> frame = source->next()) {
    if (keeps_to_plan) limits.check(*frame);
    if (const auto* begin = std::get_if<BeginFrame>(&frame->body)) name = begin->snapshot_id;
    if (options.command == StreamToolOptions::Command::dump)
      lines.line(options.json ? frame_json(*frame) : frame_text(*frame));
  }
  if (options.command == StreamToolOptions::Command::verify)
    lines.line(summary(*source, name, start.is_legacy()));
}

}  // namespace

int run_stream_tool(const StreamToolOptions& options, int input_fd, int output_fd) {
  LineOutput lines(output_fd);
  switch (options.command) {
    case StreamToolOptions::Command::dump:
    case StreamToolOptions::Command::verify:
      look_through(options, input_fd, lines);
      break;
    case StreamToolOptions::Command::merge:
      merge_streams(options.files, options.base, options.output, output_fd);
      break;
    case StreamToolOptions::Command::token: {
      const BeginFrame begin = decode_token(options.token).begin;
      lines.line(options.json ? token_json(begin) : token_text(begin));
      break;
    }
  }
  return 0;
}

}  // namespace bsr
