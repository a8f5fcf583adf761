// Runs programs, by argument vector and never through a shell.
//
// A child sees LC_ALL=C, LVM_SUPPRESS_FD_WARNINGS=1, LVM's messages of every kind sent to standard
// error, and otherwise our environment, reads /dev/null, starts with default signals, and is in a
// process group of its own: a Ctrl-C reaches only us, and we decide what it means for the child.
// Programs are looked up in the absolute folders of PATH, then in /usr/sbin and /sbin, where cron's
// PATH does not look but LVM's programs are.
//
// What fails is Error{failed} that names the program, its status and the last lines of its error
// output. A program that is not installed is named together with the Debian package that has it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bsr {

/// What waiting for a child does when a signal asks us to end.
enum class OnStop {
  give_up,   ///< end the child and throw Error{interrupted}: for whatever only reads
  carry_on,  ///< wait: for changes that must not be left half done, and for cleaning up
};

/// What a program left that ran to its end.
struct Outcome {
  std::string output;   ///< what it wrote to standard output
  std::string failure;  ///< what went wrong, as the file's head says; empty: exit status 0
};

/// Runs the program to its end. Its output may have 64 MiB; more is an error. Throws when it cannot
/// be run, and Error{interrupted} as `on_stop` says.
[[nodiscard]] Outcome run_to_end(const std::vector<std::string>& argv, OnStop on_stop);

/// The same for a program that must not fail: what it wrote to standard output.
std::string run(const std::vector<std::string>& argv, OnStop on_stop = OnStop::give_up);

/// A running program whose standard output is read as it comes. Standard error is collected
/// meanwhile (the end of it is kept), so the child never waits for us to read it. For one thread.
class ChildOutput {
 public:
  explicit ChildOutput(std::vector<std::string> argv, OnStop on_stop = OnStop::give_up);
  ChildOutput(ChildOutput&&) noexcept;
  ChildOutput& operator=(ChildOutput&&) noexcept;

  /// Ends the child if it still runs (SIGTERM, two seconds later SIGKILL) and reaps it.
  ~ChildOutput();

  /// Waits for output and takes at most into.size() bytes of it; 0 at its end, and for an empty
  /// `into`.
  size_t read(std::span<std::byte> into);

  /// Drops the output that was not read, waits for the end, and throws Error{failed} unless it was
  /// exit status 0. Without finish() nobody knows whether the output was all of it.
  void finish();

  /// The same, but returns what went wrong; empty: exit status 0.
  [[nodiscard]] std::string end();

 private:
  class Child;
  std::unique_ptr<Child> child_;
};

}  // namespace bsr
