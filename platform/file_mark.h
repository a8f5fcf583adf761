// A note on a file that goes where the file goes.
#pragma once

#include <optional>
#include <string>

namespace bsr {

enum class Mark {
  half,   ///< a transfer into it was interrupted
  holds,  ///< what the last transfer into it left there
};

/// Kept in an extended attribute of the file itself: so it is found under each of its names, after
/// a move, and in copies that keep attributes. Not every file system has them, and no device.
[[nodiscard]] std::optional<std::string> read_mark(int fd, Mark mark);

[[nodiscard]] bool can_be_marked(int fd);

/// Durable when it returns. False: this file cannot have one.
bool set_mark(int fd, Mark mark, const std::string& text);

/// The same; it is no failure when there is none.
void remove_mark(int fd, Mark mark);

/// Whether the file may be known under a name that its folder does not tell of: by a second link,
/// or by a mount on another file.
[[nodiscard]] bool may_have_other_names(int fd);

}  // namespace bsr
