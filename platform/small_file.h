// Small files of our own that must never be found half written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/unique_fd.h"

namespace bsr {

/// The folder that a path names, for the *at() calls: "." when it names none.
[[nodiscard]] std::string folder_of(const std::string& path);

/// All of a regular file, at most 4096 bytes; nullopt when there is none of that name. Follows no
/// symbolic link. Throws as fail_errno() says.
[[nodiscard]] std::optional<std::string> read_small_file(int folder, const std::string& name);

/// Puts a file with this text in place of `name`, or makes it: whatever happens, one of the two is
/// found there. Durable when it returns; gives back the new file, open for writing. Throws as
/// fail_errno() says.
UniqueFd replace_small_file(int folder, const std::string& name, std::string_view text);

/// It is no failure when there is none. Durable when it returns. Throws as fail_errno() says.
void remove_small_file(int folder, const std::string& name);

}  // namespace bsr
