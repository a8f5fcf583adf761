// One session, read and encoded once, goes to all outputs.
#pragma once

#include <atomic>
#include <deque>
#include <future>

#include "bsr-send/cut_tee.h"
#include "bsr-send/shared_progress.h"
#include "bsr-send/stream_writer.h"
#include "platform/stream_output.h"

namespace bsr {

/// What an output got.
struct Shipped {
  Totals totals;
  Digest content_root{};
  SessionFigures figures;
};

/// A single output is written to by the calling thread. Of several every one has a thread that
/// writes to it, numbers its frames and keeps its digest. One that is too slow for the others (see
/// CutTee) or fails does not hurt them: a slow one reads and encodes the rest for itself.
class FanOut {
 public:
  struct Session {
    BeginFrame begin;
    /// Puts what stands behind BEGIN; none: nothing does. From any thread, for each output.
    std::function<void(const std::function<void(const EncodedBody&)>& put)> ship_first;
    /// Ships what is planned behind a byte of the volume. From any thread.
    std::function<void(uint64_t from, CutWriter& out)> ship_from;
    enum class Root {
      none,
      known,
      computed,  ///< takes long: outputs must not fall silent meanwhile
    };
    Root root = Root::none;
    /// For END; called once, from any thread, after what is read for all was read. Calls `tick` now
    /// and then: everything below that byte was looked at.
    std::function<Digest(const std::function<void(uint64_t position)>& tick)> content_root;
    StallClock stall;
    RateLimit limit;  ///< of each output
    CutTee::Limits slow{};
  };
  /// From the thread of an output.
  struct Reports {
    std::function<void(size_t output, const Shipped& shipped)> complete{};
    std::function<void(size_t output, uint64_t position)> slow{};  ///< goes on alone from there
    std::function<void(size_t output, const Error& error)> failed{};
  };

  /// `outputs` and `meter` outlive the object, and so does what the functions use.
  FanOut(Session session, std::deque<StreamOutput>& outputs, ProgressMeter& meter, Reports reports);

  /// Returns when no output has anything left to do: what went wrong for each, in their order.
  std::vector<std::optional<Error>> run();

 private:
  void serve(size_t index);
  void write_stream(size_t index);
  void ship_to(size_t index, StreamWriter& writer);
  Digest wait_for_root(size_t index, StreamWriter& writer);
  void feed();
  void find_root();
  [[nodiscard]] bool is_alone() const { return outputs_.size() == 1; }

  Session session_;
  std::deque<StreamOutput>& outputs_;
  Reports reports_;
  SharedProgress progress_;
  CutTee tee_;
  std::promise<Digest> root_;
  std::atomic<uint64_t> looked_at_ = 0;  // for it
  std::shared_future<Digest> root_ready_;
  std::vector<std::optional<Error>> failures_;  // each written by the thread of its output
};

}  // namespace bsr
