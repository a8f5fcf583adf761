#include "bsr-send/effort.h"

#include <algorithm>
#include <utility>

namespace bsr {
namespace {

using namespace std::chrono_literals;

struct Rung {
  Compression compression;
  double cost;  // time per byte, of level 3
};
// From less to more. Measured on files of programs and libraries in frames of 256 KiB (MB/s of one
// encoder, ratio): -5 360, 1.76; 1 174, 2.42; 3 109, 2.60; 9 28, 2.78; between these little is
// gained. Up to level 3 zstd finds at some 3000 MB/s that data cannot be compressed.
constexpr std::array kLadder = {
    Rung{{.enabled = false, .level = 0}, 0.03}, Rung{{.enabled = true, .level = -5}, 0.3},
    Rung{{.enabled = true, .level = 1}, 0.63},  Rung{{.enabled = true, .level = 3}, 1},
    Rung{{.enabled = true, .level = 9}, 4},
};
constexpr size_t kFirstRung = 3;

// Shares of the time from which on the output, or the encoders, hold the session up.
constexpr double kOutputLimits = 0.5;
constexpr double kOutputIsFree = 0.2;
constexpr double kEncodersLimit = 0.7;
// Of what passed the line before: so much, or it is not the line that holds the session up.
constexpr double kFullLine = 0.9;
// What the encoders may be busy after a step to a higher level.
constexpr double kEncodersMayHave = 0.5;
// A step was worth it when the session is so much faster.
constexpr double kWorthIt = 1.03;

constexpr uint64_t kWindowBytes = 8 << 20;
constexpr uint64_t kShort = 64 << 20;        // a session in which no trial without the base pays
constexpr double kUseless = 0.95;            // what sends so much of the bytes is of no use
constexpr uint64_t kLeastEncoded = 1 << 16;  // of a window: fewer tell nothing
constexpr auto kWindowTime = 100ms;          // and at least this
constexpr auto kLongestWindow = 2s;          // but not longer, however few bytes pass
// Windows after which what was not worth it is tried again, at first and at most.
constexpr unsigned kFirstPause = 4;
constexpr unsigned kLongestPause = 64;

double share(Effort::Duration part, Effort::Duration all) {
  return static_cast<double>(part.count()) / static_cast<double>(all.count());
}

/// What is read of the base does not make the stream shorter. Where the output is slow that costs
/// nothing, and further on it may be of use.
bool is_useless(const Effort::Work& work) {
  return static_cast<double>(work.sent) >= kUseless * static_cast<double>(work.planned) &&
         share(work.writing, work.all) < kOutputLimits;
}

/// More than the first level does not help where that finds nothing. Lower ones may miss what it
/// would find: they do not look at how often bytes occur.
bool gets_no_shorter(const Effort::Work& work, size_t level) {
  return level >= kFirstRung &&
         static_cast<double>(work.sent) >= kUseless * static_cast<double>(work.encoded);
}

}  // namespace

Effort::Effort(const EffortSettings& settings, unsigned encoders)
    : settings_(settings),
      encoders_(std::max(encoders, 1U)),
      level_(kFirstRung),
      reads_base_(settings.base),
      refers_(settings.always_base) {
  pause_.fill(kFirstPause);
}

Compression Effort::compression() const {
  return settings_.compression ? *settings_.compression : kLadder.at(level_).compression;
}

void Effort::passed(const Work& work) {
  window_.planned += work.planned;
  window_.zeros += work.zeros;
  window_.encoded += work.encoded;
  window_.sent += work.sent;
  window_.all += work.all;
  window_.writing += work.writing;
  window_.encoding += work.encoding;
  planned_ += work.planned;
  if (window_.planned >= kWindowBytes && is_useless(window_) && is_possible(Step::no_base))
    return give_base_up();
  const bool enough = window_.planned >= kWindowBytes && window_.all >= kWindowTime;
  if (!enough && window_.all < kLongestWindow && !is_slower_already()) return;
  const Work window = std::exchange(window_, {});
  if (settings_.base && !settings_.always_base) decide_references(window);
  if (window.planned == 0 || std::exchange(settling_, false)) return;

  const double rate =
      static_cast<double>(window.planned) / std::chrono::duration<double>(window.all).count();
  const std::optional<Trial> trial = std::exchange(trial_, std::nullopt);
  if (trial && !was_worth_it(*trial, rate)) {
    level_ = trial->level;
    reads_base_ = trial->reads_base;
    settling_ = true;
    return;
  }
  for (unsigned& rest : rest_) rest -= std::min(rest, 1U);
  const std::optional<Step> step = wanted(window);
  if (!step || !is_possible(*step)) return;
  trial_ = {*step, rate, level_, reads_base_};
  take(*step, window);
}

/// One slow window alone says nothing: a receiver may take its time to begin.
void Effort::decide_references(const Work& window) {
  const double seconds = std::chrono::duration<double>(window.all).count();
  const Rates now = {static_cast<double>(window.planned) / seconds,
                     static_cast<double>(window.sent) / seconds};
  const double writing = share(window.writing, window.all);
  const bool was_slow = std::exchange(was_slow_, writing >= kOutputLimits);
  if (!refers_) {
    if (!was_slow || !was_slow_ || !is_possible(Step::refer)) return;
    without_references_ = now;
    refers_ = references_settle_ = true;
  } else if (writing < kOutputIsFree) {
    refers_ = false;
  } else if (!std::exchange(references_settle_, false)) {
    if (now.sent >= kFullLine * without_references_.sent ||
        now.planned >= kWorthIt * without_references_.planned)
      return;
    refers_ = false;
    postpone(Step::refer);
  }
}

/// What is tried takes longer for a part of a window than what was before it for all of that.
bool Effort::is_slower_already() const {
  return trial_ && std::chrono::duration<double>(window_.all).count() * trial_->rate >=
                       static_cast<double>(std::max(kWindowBytes, window_.planned));
}

/// That takes no trial.
void Effort::give_base_up() {
  postpone(Step::base);
  reads_base_ = false;
  trial_.reset();
  window_ = {};
  settling_ = true;
}

/// Longer each time.
void Effort::postpone(Step step) {
  unsigned& pause = pause_.at(static_cast<size_t>(step));
  rest_.at(static_cast<size_t>(step)) = pause;
  pause = std::min(pause * 4, kLongestPause);
}

/// Whether the last step stays.
bool Effort::was_worth_it(const Trial& trial, double rate) {
  if (rate >= trial.rate * kWorthIt) {
    pause_.at(static_cast<size_t>(trial.step)) = kFirstPause;
    return true;
  }
  postpone(trial.step);
  return false;
}

std::optional<Effort::Step> Effort::wanted(const Work& work) const {
  const double writing = share(work.writing, work.all);
  const double encoding = share(work.encoding, work.all * encoders_);
  if (writing >= kOutputLimits) {
    if (is_possible(Step::base)) return Step::base;
    if (!is_possible(Step::more) || gets_no_shorter(work, level_)) return std::nullopt;
    const double dearer = kLadder.at(level_ + 1).cost / kLadder.at(level_).cost;
    if (encoding * dearer <= kEncodersMayHave) return Step::more;
    return std::nullopt;
  }
  if (encoding >= kEncodersLimit) return Step::less;
  if (writing < kOutputIsFree && planned_ >= kShort) return Step::no_base;
  return std::nullopt;
}

bool Effort::is_possible(Step step) const {
  if (rest_.at(static_cast<size_t>(step)) > 0) return false;
  switch (step) {
    case Step::less:
      return !settings_.compression && level_ > 0;
    case Step::more:
      return !settings_.compression && level_ + 1 < kLadder.size();
    case Step::no_base:
      return reads_base_ && !settings_.always_base;
    case Step::base:
      return !reads_base_ && settings_.base;
    case Step::refer:
      return reads_base_ && !refers_;
  }
  return false;
}

void Effort::take(Step step, const Work& work) {
  switch (step) {
    case Step::less:
      --level_;
      break;
    case Step::more:
      ++level_;
      break;
    case Step::no_base:
      if (!settings_.compression) level_ = level_without_base(work);
      reads_base_ = false;
      break;
    case Step::base:
      reads_base_ = true;
      break;
    case Step::refer:  // is no trial: decide_references()
      return;
  }
  settling_ = true;
}

/// At which the encoders will manage what the base lets them leave out now.
size_t Effort::level_without_base(const Work& work) const {
  const double all_of_it = static_cast<double>(work.planned - std::min(work.planned, work.zeros)) /
                           static_cast<double>(std::max<uint64_t>(work.encoded, kLeastEncoded));
  const double encoding = share(work.encoding, work.all * encoders_) * all_of_it;
  size_t level = level_;
  while (level > 0 && encoding * kLadder.at(level).cost / kLadder.at(level_).cost > kEncodersLimit)
    --level;
  return level;
}

}  // namespace bsr
