// How much memory this process has had at most.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace bsr {

/// Since it was made.
class PeakMemory {
 public:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr uint64_t kOverhead = uint64_t{1} << 30;  // sanitizers keep freed memory
#else
  static constexpr uint64_t kOverhead = 0;
#endif

  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak is what is in use now
    start_ = peak();
  }
  [[nodiscard]] uint64_t growth() const { return peak() - start_; }  ///< bytes

 private:
  static uint64_t peak() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
      if (word == "VmHWM:") {
        uint64_t kib = 0;
        status >> kib;
        return kib * 1024;
      }
    return 0;
  }
  uint64_t start_ = 0;
};

}  // namespace bsr
