// What an interrupted transfer leaves in a target: found by a session, and left by it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bsr-recv/checkpoint_file.h"
#include "bsr-recv/waiting.h"

namespace bsr {

/// Knows at any time what would wait here if the session ended now, keeps the record of it, and has
/// the words for it. The record names the thing that was written, so it is found under all its
/// names, and not believed of another thing that has its name.
class Leftover {
 public:
  /// What is written to.
  struct Thing {
    std::string identity;            ///< one line
    CheckpointFile record;           ///< remembers how far a transfer came
    std::optional<int> marked = {};  ///< this open file itself remembers that it is half
    bool is_copy = false;            ///< nobody takes it for a whole target while it is half
  };

  /// `found` by whoever knows more than record and mark say.
  Leftover(Naming naming, Waiting found, uint64_t logged = 0)
      : naming_(std::move(naming)), waiting_(std::move(found)), logged_(logged) {}

  /// What record and mark of a thing say.
  Leftover(Naming naming, Thing thing);

  [[nodiscard]] const Naming& naming() const { return naming_; }
  [[nodiscard]] const Waiting& waiting() const { return waiting_; }

  /// Of what can be continued.
  [[nodiscard]] std::optional<std::string> token() const;

  /// What is going to be written, where it was not there before.
  void is_about(Thing thing) { thing_ = std::move(thing); }

  /// Before the first byte is written of a stream that starts: from now on the target is half.
  /// Durable when it returns.
  void starts(const BeginFrame& begin);

  /// The log of what is written: what waits has one up to its resume point, and a session that
  /// starts an empty one. `kept`: a session that continues shall find it.
  [[nodiscard]] std::unique_ptr<WrittenLog> open_log(bool kept) const;

  /// Everything up to the resume point of `begin` is durable, and so much of the log is about that:
  /// a later session can continue there. Durable when it returns.
  void reached(const BeginFrame& begin, uint64_t logged);

  /// What waits is not to be continued; what was written in place stays half.
  void drop();

  /// Nothing waits any more: the target is whole, or what was half is gone. Durable when it
  /// returns.
  void gone();

  /// After a failure: the log of what is not to be continued goes.
  void tidy() const noexcept;

  /// What waits is not what it was when it was recorded.
  [[noreturn]] void fail_changed() const;

  /// For the end of the message of a failure.
  [[nodiscard]] std::string last_message() const;

 private:
  void look();
  void remember_half();

  Naming naming_;
  Waiting waiting_;
  std::optional<Thing> thing_;
  uint64_t logged_ = 0;  // of what waits
};

}  // namespace bsr
