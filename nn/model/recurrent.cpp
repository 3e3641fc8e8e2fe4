#include <nn/model/recurrent.hpp>

#include <fmt/format.h>

#include <cmath>

namespace ramp::nn {

namespace {

template <class T> Tensor<T> uniform(const Shape& shape, std::int64_t size, Random& random) {
  const double bound = 1 / std::sqrt(static_cast<double>(size));
  Tensor<T> x(shape);
  for (T& e : x) e = static_cast<T>(random.uniform(-bound, bound));
  return x;
}

std::int64_t checked(std::int64_t in, std::int64_t size) {
  if (in < 1 || size < 1)
    throw ValueError(
        fmt::format("[gru] {} inputs, a state of {}: both sizes must be positive", in, size));
  return in;
}

}  // namespace

template <class T> GRUCell<T>::GRUCell(std::int64_t in, std::int64_t size, Random& random)
    : Module<T>("gru"),
      weight_ih_("weight_ih", uniform<T>({checked(in, size), 3 * size}, size, random)),
      weight_hh_("weight_hh", uniform<T>({size, 3 * size}, size, random)),
      bias_ih_("bias_ih", uniform<T>({3 * size}, size, random)),
      bias_hh_("bias_hh", uniform<T>({3 * size}, size, random)) {}

template <class T> void GRUCell<T>::members(Members<T>& m) {
  m("weight_ih", weight_ih_, Layout::transposed);
  m("weight_hh", weight_hh_, Layout::transposed);
  m("bias_ih", bias_ih_);
  m("bias_hh", bias_hh_);
}

template <class T> Var<T> GRUCell<T>::forward(const Var<T>& x) {
  const Shape shape = x.shape();
  if (shape.rank() == 0) throw ShapeError("[gru] (): it takes a batch, (n, in)");
  return forward(x, x.tape().constant(Tensor<T>(Shape{shape[0], size()})));
}

template <class T> Var<T> GRUCell<T>::forward(const Var<T>& x, const Var<T>& h) {
  const Shape from = x.shape(), state = h.shape();
  if (from.rank() != 2 || state.rank() != 2 || from[0] != state[0] || from[1] != in() ||
      state[1] != size())
    throw ShapeError(fmt::format("[gru] x {}, h {}: the layer takes (n, {}) and (n, {})",
                                 to_string(from), to_string(state), in(), size()));
  Tape<T>& tape = x.tape();
  const Var<T> by_x = affine(x, tape.parameter(weight_ih_), tape.parameter(bias_ih_));
  const Var<T> by_h = affine(h, tape.parameter(weight_hh_), tape.parameter(bias_hh_));
  const auto part = [n = size()](const Var<T>& all, std::int64_t k) {
    return slice(all, 1, k * n, (k + 1) * n);
  };
  const Var<T> reset = sigmoid(part(by_x, 0) + part(by_h, 0));
  const Var<T> update = sigmoid(part(by_x, 1) + part(by_h, 1));
  const Var<T> candidate = tanh(part(by_x, 2) + reset * part(by_h, 2));
  return candidate + update * (h - candidate);
}

template class GRUCell<float>;
template class GRUCell<double>;

}  // namespace ramp::nn
