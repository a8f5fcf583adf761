// The moments at which a crash would hurt most, by name, for tests that crash there.
#pragma once

namespace bsr {

/// Does nothing in the programs as they are shipped. Their killable-* doubles in build/tests stop
/// for ever here when the environment's BSR_KILL_POINT is `name`, or name:N for the Nth time, and
/// say so; then the test kills the process or the machine (tests/tools/kill_point.cc).
void kill_point(const char* name);

}  // namespace bsr
