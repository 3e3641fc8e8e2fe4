// A function, its gradient, its graph.
#include <autodiff/autodiff.hpp>

#include <cstdio>

int main() {
  ramp::Tape tape;
  const auto x = tape.leaf(2, "x"), y = tape.leaf(0.5, "y");
  const auto product = x * y;  // first: C++ leaves open which side of a + runs before the other
  const auto z = product + sin(x);
  tape.backward(z);
  std::printf("z = %.4f, dz/dx = %.4f, dz/dy = %.4f\n\n", z.item(), tape.gradient(x).item(),
              tape.gradient(y).item());
  std::printf("%s", ramp::to_dot(z).c_str());
}
