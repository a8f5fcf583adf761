// What a plain target holds, as the last transfer into it left it.
#pragma once

#include <optional>
#include <string>

#include "bsr-recv/checkpoint_file.h"
#include "formats/frame.h"

namespace bsr {

/// A snapshot in the state in which it came.
struct Holding {
  std::string snapshot_id;
  SourceState state{};
};

/// Stays with a file as an attribute of it, or for a device in our own folder. Of a file that was
/// written to since it says nothing; whether a device was it does not know.
class HoldingNote {
 public:
  /// Of an open file or device with this identity (volume_identity).
  HoldingNote(int fd, std::string identity);

  /// nullopt when there is none, none that can be understood, or it is about older content.
  [[nodiscard]] std::optional<Holding> read() const;

  /// Durable when it returns. A state that is not known is not noted. False: here nothing can be
  /// kept.
  [[nodiscard]] bool write(const Holding& holding) const;

  /// The same; it is no failure when there is none.
  void remove() const;

 private:
  int fd_;
  bool is_device_;
  std::string identity_;
  std::string name_;  // in our folder, of a device
};

}  // namespace bsr
