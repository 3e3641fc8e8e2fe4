// What a file includes that registers ops of its own: autodiff/README.md says how one is written.
#pragma once

#include <autodiff/autodiff.hpp>
#include <autodiff/tape/reading.hpp>
