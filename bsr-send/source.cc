#include "bsr-send/source.h"

#include <fmt/format.h>

namespace bsr {

std::string unsteady_base(const std::string& name, DeltaEngine engine) {
  if (engine == DeltaEngine::thin_tools)
    return fmt::format("{}: thin_delta does not say whether it was written to after it was taken",
                       name);
  return fmt::format(
      "{}: was written to after it was taken, so the receiver need not have what it holds now",
      name);
}

}  // namespace bsr
