// Which Ramp this is: the one place that says so. CMake, the program and the packages read it here.
// Semantic versions; before 1.0 another minor number may mean another interface.
#pragma once

#define RAMP_VERSION_MAJOR 0
#define RAMP_VERSION_MINOR 1
#define RAMP_VERSION_PATCH 0

/// Versions in one number that can be compared: 100 is 0.1.0.
#define RAMP_VERSION_NUMBER \
  (RAMP_VERSION_MAJOR * 10000 + RAMP_VERSION_MINOR * 100 + RAMP_VERSION_PATCH)

#define RAMP_VERSION_TEXT_OF(major, minor, patch) #major "." #minor "." #patch
#define RAMP_VERSION_JOINED(major, minor, patch) RAMP_VERSION_TEXT_OF(major, minor, patch)
/// "0.1.0"
#define RAMP_VERSION RAMP_VERSION_JOINED(RAMP_VERSION_MAJOR, RAMP_VERSION_MINOR, RAMP_VERSION_PATCH)
