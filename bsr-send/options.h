// The command line of bsr-send.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/frame_encoder.h"
#include "platform/delta_engine.h"
#include "platform/rate_control.h"

namespace bsr {

enum class StreamFormat { bsr_1, thin_1_0, thin_1_1 };

enum class PatchMode {
  never,
  automatic,  ///< where the base stood still and reading it does not hold the session up
  always,     ///< or not at all
};

struct SendOptions {
  std::string snapshot;  ///< empty: what `resume` names
  std::optional<std::string> base;
  std::optional<BeginFrame> resume;         ///< of a token: the stream that shall be continued
  std::chrono::seconds stall_timeout{600};  ///< zero: wait for ever
  RateControl limit_rate;                   ///< of the stream's bytes
  std::optional<std::string> against;       ///< content map of what the receiver has
  bool content_digest = false;              ///< END says what the whole snapshot holds
  bool dry_run = false;
  bool verbose = false;
  bool parsable = false;
  std::vector<std::string> outputs;        ///< none: standard output
  std::optional<Compression> compression;  ///< none: as the output asks for
  unsigned threads = 0;
  PatchMode patch =
      PatchMode::automatic;  ///< ship what differs inside of chunks, see formats/patch.h
  StreamFormat format = StreamFormat::bsr_1;
  DeltaEngine engine = DeltaEngine::native;
  std::string metadata_file;  ///< with data_file: a pool image, snapshots are thin ids
  std::string data_file;
  std::optional<uint64_t> size;       ///< bytes; pool images do not record it
  std::optional<uint64_t> base_size;  ///< bytes, when the base had another size
  int json_fd = -1;
};

/// Nullopt when the command line was answered on standard output (--help, --version). Throws
/// Error{usage}.
std::optional<SendOptions> parse_send_options(int argc, char** argv);

}  // namespace bsr
