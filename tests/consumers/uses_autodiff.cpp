#include <autodiff/autodiff.hpp>

int main() {
  ramp::Tape tape;
  auto x = tape.leaf(3.0);
  auto y = x * x;
  tape.backward(y);
  return tape.gradient(x).item() == 6.0 ? 0 : 1;
}
