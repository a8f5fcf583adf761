// How much work goes into making a stream shorter, by what holds the session up.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "formats/frame_encoder.h"

namespace bsr {

/// What is left to decide while a session runs.
struct EffortSettings {
  std::optional<Compression> compression{};  ///< given, or by what holds the session up
  bool base = false;                         ///< a base can be read
  bool always_base = false;                  ///< and is, whatever that costs
};

/// Compresses harder while the output is what the others wait for and something gets shorter, and
/// less while the encoders are; reads the base unless the reader is, or the stream is no shorter
/// for it. Every other step is tried for some megabytes and taken back if the session was not
/// faster with it, for longer each time. References are for outputs that the others wait for: they
/// take small reads on both sides, and stay only while the line remains as full as it was, or the
/// session gets faster. A receiver that is slow looks like a slow line, but these reads make it
/// slower.
class Effort {
 public:
  using Duration = std::chrono::steady_clock::duration;

  /// What passed between two calls of passed().
  struct Work {
    uint64_t planned = 0;  ///< bytes of the plan
    uint64_t zeros = 0;    ///< bytes of it that hold nothing else
    uint64_t encoded = 0;  ///< of the others, bytes that were not left out
    uint64_t sent = 0;     ///< bytes of the stream that these became
    Duration all{};
    Duration writing{};   ///< until the output had taken what it was given
    Duration encoding{};  ///< of all encoders together
  };

  /// `encoders`: how many work side by side, at least one.
  Effort(const EffortSettings& settings, unsigned encoders);

  /// From any thread.
  [[nodiscard]] Compression compression() const;
  [[nodiscard]] bool chooses_compression() const { return !settings_.compression; }
  [[nodiscard]] bool reads_base() const { return reads_base_; }
  [[nodiscard]] bool refers() const { return refers_; }

  /// From one thread.
  void passed(const Work& work);

 private:
  enum class Step { less, more, no_base, base, refer };
  static constexpr size_t kSteps = 5;

  struct Rates {
    double planned = 0;  // bytes of the plan per second
    double sent = 0;     // bytes of the stream per second
  };

  /// What was before it.
  struct Trial {
    Step step;
    double rate;  // bytes of the plan per second
    size_t level;
    bool reads_base;
  };

  void decide_references(const Work& window);
  [[nodiscard]] bool is_slower_already() const;
  void give_base_up();
  void postpone(Step step);
  [[nodiscard]] bool was_worth_it(const Trial& trial, double rate);
  [[nodiscard]] std::optional<Step> wanted(const Work& work) const;
  [[nodiscard]] bool is_possible(Step step) const;
  void take(Step step, const Work& work);
  [[nodiscard]] size_t level_without_base(const Work& work) const;

  EffortSettings settings_;
  unsigned encoders_;
  std::atomic<size_t> level_;  // place in the ladder
  std::atomic<bool> reads_base_;
  std::atomic<bool> refers_;
  uint64_t planned_ = 0;
  Work window_;
  bool settling_ = false;  // what passes now was made before the last step
  bool was_slow_ = false;  // the output, in the window before
  bool references_settle_ = false;
  Rates without_references_;
  std::optional<Trial> trial_;
  std::array<unsigned, kSteps> rest_{};   // windows until a step is tried again
  std::array<unsigned, kSteps> pause_{};  // how long the next rest is
};

}  // namespace bsr
