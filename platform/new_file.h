// A file that appears under its name only when it is complete.
#pragma once

#include <string>

#include "platform/unique_fd.h"

namespace bsr {

/// Written as NAME.bsr-partial; commit() gives it its own name. Without commit() it goes with the
/// object, unless keep() was called. Replaces nothing else.
class NewFile {
 public:
  /// Where the file is while it is written.
  [[nodiscard]] static std::string temporary_path(const std::string& path) {
    return path + ".bsr-partial";
  }

  enum class Leftover {
    empty,     ///< what an earlier process left under the temporary name is thrown away
    continued  ///< or written on
  };

  /// Throws Error{usage} when `path` exists, Error{busy} while another process writes it.
  explicit NewFile(std::string path, Leftover leftover = Leftover::empty);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// From here on the file stays under its temporary name when it is not committed.
  void keep() { keep_ = true; }

  /// Takes keep() back.
  void drop() { keep_ = false; }

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
