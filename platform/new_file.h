// A file that appears under its name only when it is complete.
#pragma once

#include <cstdint>
#include <string>

#include "platform/unique_fd.h"

namespace bsr {

/// Written under a temporary name; commit() gives it its own. Without commit() it goes with the
/// object, unless keep() was called. Replaces nothing else.
class NewFile {
 public:
  enum class Kind {
    whole,     ///< NAME.bsr-new; what an earlier process left there is thrown away
    partial,   ///< NAME.bsr-partial, which another process may continue; the same
    continued  ///< that is written on; kept from the start, since somebody may continue it again
  };

  /// Throws Error{usage} when `path` exists, Error{busy} while another process writes it.
  explicit NewFile(std::string path, Kind kind = Kind::whole);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// Where a partial file is while it is written.
  [[nodiscard]] static std::string partial_path(const std::string& path) {
    return path + ".bsr-partial";
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// From here on the file stays under its temporary name when it is not committed.
  void keep() { keep_ = true; }

  /// Takes keep() back.
  void drop() { keep_ = false; }

  /// What lies behind this place takes no room any more, and reads as zeros.
  void cut_behind(uint64_t position);

  /// Without what was in it, and not kept any more. Throws as fail_errno() says.
  void restart();

  /// Flushes the file, gives it its name, flushes the folder. Throws Error{usage} when the name was
  /// taken meanwhile.
  void commit();

 private:
  std::string path_;
  std::string temporary_;  // empty once it has its own name
  UniqueFd fd_;
  bool keep_ = false;
};

}  // namespace bsr
