// Newton's method on Rosenbrock's function: the gradient is recorded on the tape, and
// differentiated again along each axis for the Hessian, H v = d (g . v) / dx.
#include <autodiff/autodiff.hpp>

#include <cstdio>

int main() {
  ramp::Tape tape;
  double at[2] = {-1.2, 1};
  std::printf("%4s %10s %10s %12s\n", "step", "x", "y", "f");
  for (int step = 0; step < 7; ++step) {
    tape.clear();
    const auto x = tape.leaf(at[0], "x"), y = tape.leaf(at[1], "y");
    const auto f = square(1 - x) + 100 * square(y - square(x));
    std::printf("%4d %10.5f %10.5f %12.2f\n", step, at[0], at[1], f.item());

    const auto g = tape.grad_on_tape(f, {x, y});
    const auto row0 = tape.grad(g[0], {x, y}), row1 = tape.grad(g[1], {x, y});
    const double a = row0[0].item(), b = row0[1].item(), c = row1[0].item(), d = row1[1].item();
    const double p = g[0].item(), q = g[1].item(), determinant = a * d - b * c;
    at[0] -= (d * p - b * q) / determinant;
    at[1] -= (a * q - c * p) / determinant;
  }
}
