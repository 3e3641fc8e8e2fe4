// Handles as the scalars of Eigen's matrices: products, norms, LU, LDLT .. of Matrix<Var<T>> are
// recorded, number by number. (A tensor's ops are faster where there is one for what you want.)
#pragma once

#include <autodiff/autodiff.hpp>

#include <Eigen/Core>

namespace Eigen {

template <class T> struct NumTraits<ramp::Var<T>> : GenericNumTraits<ramp::Var<T>> {
  using Real = ramp::Var<T>;
  using NonInteger = ramp::Var<T>;
  using Nested = ramp::Var<T>;
  using Literal = T;
  enum {
    IsComplex = 0,
    IsInteger = 0,
    IsSigned = 1,
    RequireInitialization = 1,
    ReadCost = 2,
    AddCost = 8,
    MulCost = 8,
  };
  static Real epsilon() { return NumTraits<T>::epsilon(); }
  static Real dummy_precision() { return NumTraits<T>::dummy_precision(); }
  static Real highest() { return NumTraits<T>::highest(); }
  static Real lowest() { return NumTraits<T>::lowest(); }
  static Real infinity() { return NumTraits<T>::infinity(); }
  static Real quiet_NaN() { return NumTraits<T>::quiet_NaN(); }
  static int digits10() { return NumTraits<T>::digits10(); }
};

// Matrices of handles and of numbers in one expression; a product of two matrices of dynamic sizes
// wants `.cast<real>()`.
template <class T, class Op> struct ScalarBinaryOpTraits<ramp::Var<T>, T, Op> {
  using ReturnType = ramp::Var<T>;
};
template <class T, class Op> struct ScalarBinaryOpTraits<T, ramp::Var<T>, Op> {
  using ReturnType = ramp::Var<T>;
};

// A solve by a triangle leaves out what is 0; a variable that is 0 has a slope all the same.
namespace numext {
template <> inline bool not_equal_strict(const ramp::Var<float>& x, const ramp::Var<float>& y) {
  return x.varies() || x != y;
}
template <> inline bool not_equal_strict(const ramp::Var<double>& x, const ramp::Var<double>& y) {
  return x.varies() || x != y;
}
}  // namespace numext

}  // namespace Eigen
