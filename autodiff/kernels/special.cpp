#include <autodiff/kernels/special.hpp>

#include <array>
#include <limits>
#include <numbers>

namespace ramp {
namespace {

// B_2k / (2k)!, k = 1 .. 8: the Bernoulli numbers of the sum of Euler and Maclaurin.
constexpr std::array bernoulli{1. / 12,          -1. / 720,
                               1. / 30240,       -1. / 1209600,
                               1. / 47900160,    -691. / 1307674368000,
                               1. / 74724249600, -3617. / 10670622842880000};

// ψ(x) for x > 0, as ψ(x) - ψ(root), term by term: near the root as far from it, nothing cancels.
//   ψ(x) = Σ_k<n (x - root) / ((x + k)(root + k)) + ψ(x + n) - ψ(root + n),
// and the last two by ψ(a) = log(a) - 1 / 2a - Σ B_2k / (2k a^2k).
double digamma_of_positive(double x) {
  constexpr double root = 1.4616321449683622, of_root = 9.549995429965697e-17;  // their sum is it
  constexpr int n = 10;
  if (x >= n) {
    const double square = 1 / x / x;
    double power = square, rest = 0.5 / x, factorial = 1;
    for (std::size_t k = 0; k < bernoulli.size(); ++k, power *= square) {
      rest += bernoulli[k] * factorial * power;
      const auto two_k = static_cast<double>(2 * k + 2);
      factorial *= two_k * (two_k + 1);  // (2k - 1)! of the next
    }
    return log(x) - rest;
  }
  const double d = x - root - of_root;
  const double u = 1 / (x + n), v = 1 / (root + n), first = u * v * (u + v);  // (v² - u²) / d
  double sum = u * v / 2, difference = first, power = v * v, factorial = 1;
  for (std::size_t k = 0; k < bernoulli.size(); ++k, power *= v * v) {
    sum += bernoulli[k] * factorial * difference;
    difference = u * u * difference + power * first;  // (v^2k - u^2k) / d of the next
    const auto two_k = static_cast<double>(2 * k + 2);
    factorial *= two_k * (two_k + 1);
  }
  for (int k = n; k-- > 0;) sum += 1 / ((x + k) * (root + k));
  return d * sum + log1p(d * v);
}

// n! / x^(n + 1), of which neither part need be a number of the type.
double factorial_over_power(double n, double factorial, double x) {
  const double power = pow(x, -n - 1);
  if (std::isinf(factorial) && x > 0) return exp(log_gamma(n + 1) - (n + 1) * log(x));
  if (std::isnormal(power) || !(x > 0)) return factorial * power;
  const double root = pow(x, (-n - 1) / 2);
  return factorial * root * root;
}

// order! Σ 1 / (x + k)^(order + 1), k from 0, for x >= 0 and order >= 1.
double hurwitz(double x, double order) {
  double factorial = 1, sum = 0;  // of order - 1
  for (int i = 2; i < order; ++i) factorial *= i;
  for (const double enough = 12 + 2 * order; x < enough; ++x)
    sum += factorial_over_power(order, order * factorial, x);
  double tail = 1 + order / (2 * x), term = 1;
  for (std::size_t k = 0; k < bernoulli.size(); ++k) {
    const auto two_k = static_cast<double>(2 * k);
    term *= (order + two_k) / x * ((order + two_k + 1) / x);
    tail += bernoulli[k] * term;
  }
  return sum + tail * factorial_over_power(order - 1, factorial, x);
}

}  // namespace

double gamma_function(double x) { return std::tgamma(x); }

double log_gamma(double x) {
  int sign;  // the C library's lgamma would write it to a global variable
  return ::lgamma_r(x, &sign);
}

double digamma(double x) {
  if (x > 0) return digamma_of_positive(x);
  if (x == 0) return -1 / x;
  // ψ(1 - x) - π cot(πx)
  const double r = x - round(x);
  if (r == 0) return std::numeric_limits<double>::quiet_NaN();
  constexpr double pi = std::numbers::pi;
  const double cot = abs(r) < 0.25 ? 1 / tan(pi * r) : copysign(tan(pi * (0.5 - abs(r))), r);
  return digamma_of_positive(1 - x) - pi * cot;
}

double polygamma(double x, double order) {
  if (order == 0) return digamma(x);
  const bool odd = fmod(order, 2) != 0;
  if (x < 0) {
    // Sums over all integers are known from the fraction r alone: those below x are taken away.
    const double r = x - floor(x), to_next = ceil(x) - x;  // 1 - r, exact where x is small
    const double below = hurwitz(to_next, order) - hurwitz(1 - x, order);
    return odd ? hurwitz(r, order) + below : below - hurwitz(r, order);
  }
  return odd ? hurwitz(x, order) : -hurwitz(x, order);
}

}  // namespace ramp
