// A file that appears under its name only when it is complete.
#pragma once

#include <string>

#include "platform/unique_fd.h"

namespace bsr {

/// Written as NAME.bsr-partial; commit() gives it its own name. Without commit() it goes with the
/// object; what a killed process left under the temporary name is taken over. Replaces nothing
/// else.
class NewFile {
 public:
  /// Throws Error{usage} when `path` exists, Error{busy} while another process writes it.
  explicit NewFile(std::string path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& temporary_path() const { return temporary_; }

  /// Flushes the file, gives it its name, flushes the folder. Throws Error{usage} when the name was
  /// taken meanwhile.
  void commit();

 private:
  std::string path_;
  std::string temporary_;  // empty once it has its own name
  UniqueFd fd_;
};

}  // namespace bsr
