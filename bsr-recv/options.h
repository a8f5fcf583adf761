// The command line of bsr-recv.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "platform/lvm.h"
#include "platform/pool_guard.h"

namespace bsr {

enum class LegacyMeaning { full, delta };

/// What is read back before a commit.
enum class Verify {
  none,
  written,  ///< what was written and zeroed
  all,      ///< that, and the whole target when the stream says what it shall hold
};

struct ReceiveOptions {
  std::string target;                   ///< as given
  std::optional<VolumeName> managed;    ///< set when the target is VG/LV
  std::optional<VolumeName> pool;       ///< for the first full stream of a managed target
  std::optional<std::string> base;      ///< what a plain target holds
  std::optional<LegacyMeaning> legacy;  ///< what a legacy stream is; it does not say
  bool show_token = false;              ///< instead of receiving
  bool drop_partial = false;            ///< instead of receiving
  bool digests = false;                 ///< instead of receiving
  Verify verify = Verify::written;
  bool resumable = true;  ///< checkpoints are recorded
  bool rollback = false;
  PoolReserve reserve;
  bool ack = false;
  std::chrono::seconds stall_timeout{600};  ///< zero: wait for ever
  bool dry_run = false;
  bool verbose = false;
  bool json = false;
};

/// Nullopt when the command line was answered on standard output (--help, --version). Throws
/// Error{usage}.
std::optional<ReceiveOptions> parse_receive_options(int argc, char** argv);

}  // namespace bsr
