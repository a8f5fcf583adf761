// How far an interrupted session came, where the next one finds it.
#pragma once

#include <optional>
#include <string>

#include "formats/frame.h"

namespace bsr {

/// What is durable in a target, and in which: a record about another one is not believed.
struct Checkpoint {
  std::string target;  ///< names the volume that was written, for ever: one line of text
  BeginFrame begin;    ///< of the stream that continues; its resume position is not 0
};

/// The record of one target. It is a hint: without it a transfer only starts again.
class CheckpointFile {
 public:
  static constexpr const char* kFolder = "/var/lib/bsr";  ///< unless a target needs another

  enum class Folder { ours, any };  ///< `ours`: made when missing, writable by nobody else

  CheckpointFile(std::string folder, std::string name, Folder kind)
      : folder_(std::move(folder)), name_(std::move(name)), kind_(kind) {}

  /// Of this target; nullopt when there is none, or none that can be understood.
  [[nodiscard]] std::optional<Checkpoint> read(const std::string& target) const;

  /// Durable when it returns. Throws Error when it cannot.
  void write(const Checkpoint& checkpoint) const;

  void remove() const noexcept;

 private:
  std::string folder_;
  std::string name_;
  Folder kind_;
};

}  // namespace bsr
