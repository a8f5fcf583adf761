// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace bsr {

/// "17 B", "1.5 KiB", "3.2 GiB".
[[nodiscard]] std::string human_bytes(uint64_t bytes);

/// "0:07", "12:34", "3:05:09" from seconds.
[[nodiscard]] std::string human_duration(uint64_t seconds);

}  // namespace bsr
