// A tape with something on it, for tests of handles.
#pragma once

#include <autodiff/autodiff.hpp>

namespace support {

struct Good {
  ramp::Tape<double> tape;
  ramp::Var<double> x = tape.leaf(0.5), v = tape.leaf({0.5, 0.25}),
                    m = tape.leaf(ramp::Shape{2, 2}, {1, 2, 3, 4});
  ramp::Var<double> root = x * sum(v * v);
};

}  // namespace support
