// How many bytes per second an administrator wants, also changed while a session runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace bsr {

/// A rate that is given, or one that a file holds. The file is looked at again at most once a
/// second.
class RateControl {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Say = std::function<void(const std::string& line)>;

  /// "0" or "none": no limit; a number with K, M, G or T behind it or nothing; or @ and the name
  /// of a file that holds one of these. Throws Error{usage} when it is not that. `say` hears of
  /// what goes wrong with the file later.
  explicit RateControl(const std::string& setting = "none", Say say = {});

  /// Bytes per second; 0: no limit. While the file is missing or holds something else, the last
  /// rate stays, and that is said once.
  uint64_t rate(Time now);

 private:
  [[nodiscard]] uint64_t read_file() const;

  Say say_;
  std::string file_;  // empty: the rate never changes
  uint64_t rate_ = 0;
  Time look_again_{};
  bool said_ = false;  // that the file is no good
};

}  // namespace bsr
