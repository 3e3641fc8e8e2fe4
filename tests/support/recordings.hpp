// Tapes with something on them, for tests of handles and of the census.
#pragma once

#include <autodiff/autodiff.hpp>

namespace support {

struct Good {
  ramp::Tape<double> tape;
  ramp::Var<double> x = tape.leaf(0.5), v = tape.leaf({0.5, 0.25}),
                    m = tape.leaf(ramp::Shape{2, 2}, {1, 2, 3, 4});
  ramp::Var<double> root = x * sum(v * v);
};

/// Two layers in scopes of their own, in one order or the other; with kinks, at which a shift of 1
/// puts all units.
template <class T> void record_layers(ramp::Tape<T>& tape, T shift, bool swapped) {
  tape.clear();
  const auto net = tape.scope("net");
  const auto layer = [&](const char* name, const ramp::Var<T>& x) {
    const auto scope = tape.scope(name);
    return relu(x - shift) + abs(x);
  };
  const auto x = tape.leaf(ramp::Tensor<T>({3, 700}, T(1)));
  maximum(mean(swapped ? layer("a", layer("b", x)) : layer("b", layer("a", x))), T(0));
}

}  // namespace support
