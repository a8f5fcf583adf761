#include "bsr-send/source.h"

#include <fmt/format.h>

namespace bsr {

std::string unsteady_base(const std::string& name) {
  return fmt::format(
      "{}: was written to after it was taken, so the receiver need not have what it holds now",
      name);
}

}  // namespace bsr
