// Numbers as people read and write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bsr {

/// "17 B", "1.5 KiB", "3.2 GiB".
[[nodiscard]] std::string human_bytes(uint64_t bytes);

/// Bytes from "17", "500K", "20M", "1G", "2T": powers of 1024. Nullopt for anything else, and for
/// more than 2^63 - 1.
[[nodiscard]] std::optional<uint64_t> parse_bytes(std::string_view text);

/// "0:07", "12:34", "3:05:09" from seconds.
[[nodiscard]] std::string human_duration(uint64_t seconds);

}  // namespace bsr
