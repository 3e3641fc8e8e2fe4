// Ordinary code is differentiated as it runs: loops and branches on values leave on the tape what
// was computed, and nothing else.
#include <autodiff/autodiff.hpp>

#include <cmath>
#include <cstdio>

using ramp::Var;

// Square root by Newton's steps, as many as it takes.
Var<double> root_of(const Var<double>& a) {
  Var<double> x = a;
  while (std::abs(x.item() * x.item() - a.item()) > 1e-12) x = (x + a / x) / 2;
  return x;
}

// The height of a ball after `time`, bouncing off the floor with 80 % of its speed.
Var<double> bounce(Var<double> height, double time) {
  Var<double> speed = height * 0;
  for (; time > 0; time -= 0.01) {
    speed -= 9.81 * 0.01;
    height += speed * 0.01;
    if (height < 0) {
      height = -0.8 * height;
      speed = -0.8 * speed;
    }
  }
  return height;
}

int main() {
  ramp::Tape tape;
  for (const double a : {2.0, 9.0, 100.0}) {
    tape.clear();
    const auto x = tape.leaf(a);
    const auto y = root_of(x);
    tape.backward(y);
    std::printf("sqrt(%3.0f) = %8.5f, slope %.6f, %u nodes\n", a, y.item(), tape.gradient(x).item(),
                tape.size());
  }
  for (const double time : {0.3, 0.6, 1.2}) {
    tape.clear();
    const auto height = tape.leaf(1);
    const auto end = bounce(height, time);
    tape.backward(end);
    std::printf("after %.1f s at %.5f m, %+.5f m for a metre higher start\n", time, end.item(),
                tape.gradient(height).item());
  }
}
