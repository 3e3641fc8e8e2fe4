// A program that somebody else writes: a scalar, a product that is large enough for the BLAS, and
// an error's text.
#include <autodiff/autodiff.hpp>

#include <string_view>
#include <vector>

int main() {
  ramp::Tape tape;
  auto x = tape.leaf(3.0);
  auto y = x * x;
  tape.backward(y);
  if (tape.gradient(x).item() != 6.0) return 1;

  const ramp::Shape shape{100, 100};
  auto a = tape.leaf(shape, std::vector<double>(10000, 0.5));
  tape.backward(sum(matmul(a, a)));
  if (tape.gradient(a)[0] != 100.0) return 2;

  try {
    matmul(a, tape.leaf({2, 2}, {1, 2, 3, 4}));
    return 3;
  } catch (const ramp::ShapeError& error) {  // thrown in there, caught here
    const std::string_view text = error.what();
    return text == "[matmul] (100, 100) × (2, 2): inner sizes 100 and 2 differ" ? 0 : 4;
  }
}
