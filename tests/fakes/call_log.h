// The calls that make something durable or give it a name, in the order in which they were made.
#pragma once

#include <string>
#include <vector>

namespace bsr {

/// Records from its construction on, one at a time. In words: "fsync NAME", "rename FROM TO",
/// "link FROM TO", "unlink NAME", with names without their folder, "." for a folder itself. The
/// linker puts it between our code and the C library (--wrap, tests/CMakeLists.txt).
class CallLog {
 public:
  CallLog();
  ~CallLog();
  CallLog(const CallLog&) = delete;
  CallLog& operator=(const CallLog&) = delete;

  [[nodiscard]] std::vector<std::string> calls() const;
};

}  // namespace bsr
