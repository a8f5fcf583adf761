// How far an interrupted session came, where the next one finds it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "formats/frame.h"
#include "platform/unique_fd.h"
#include "platform/written_log.h"

namespace bsr {

/// What is durable in a target, and in which: a record about another one is not believed.
struct Checkpoint {
  std::string target;   ///< names the volume that was written, for ever: one line of text
  BeginFrame begin;     ///< of the stream that continues; at position 0 none can
  uint64_t logged = 0;  ///< bytes of the log beside the record: of what lies before that position
};

/// The record of one target, and the place of the log of what was written there.
class CheckpointFile {
 public:
  static constexpr const char* kFolder = "/var/lib/bsr";  ///< unless a target needs another

  /// Of a file in that folder about a device: /dev does not last, so the name is made of what does.
  [[nodiscard]] static std::string name_of_device(std::string_view what,
                                                  const std::string& identity);

  enum class Folder { ours, any };  ///< `ours`: made when missing, writable by nobody else

  CheckpointFile(std::string folder, std::string name, Folder kind)
      : folder_(std::move(folder)), name_(std::move(name)), kind_(kind) {}

  /// Of this target; nullopt when there is none, none that can be understood, or no such log.
  [[nodiscard]] std::optional<Checkpoint> read(const std::string& target) const;

  /// Durable when it returns. Throws Error when it cannot.
  void write(const Checkpoint& checkpoint) const;

  /// The log, of which only so much stays; it is made when it is missing.
  [[nodiscard]] std::unique_ptr<WrittenLog> open_log(uint64_t logged) const;

  /// Both, durably; it is no failure when there is none.
  void remove() const;
  void remove_log() const;

  [[nodiscard]] std::string path() const { return folder_ + '/' + name_; }

 private:
  [[nodiscard]] std::string log_name() const { return name_ + ".log"; }
  [[nodiscard]] UniqueFd open_folder() const;
  void remove(const std::string& name) const;

  std::string folder_;
  std::string name_;
  Folder kind_;
};

}  // namespace bsr
