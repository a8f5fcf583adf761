// How far an interrupted session came, where the next one finds it.
#pragma once

#include <optional>
#include <string>

#include "formats/frame.h"

namespace bsr {

/// What is durable in a target, and in which: a record about another one is not believed.
struct Checkpoint {
  std::string target;  ///< names the volume that was written, for ever: one line of text
  BeginFrame begin;    ///< of the stream that continues; at position 0 none can
};

/// The record of one target.
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

  /// The same; it is no failure when there is none.
  void remove() const;

  [[nodiscard]] std::string path() const { return folder_ + '/' + name_; }

 private:
  std::string folder_;
  std::string name_;
  Folder kind_;
};

}  // namespace bsr
