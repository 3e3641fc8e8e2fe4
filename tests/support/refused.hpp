// Short forms of what tests of the tape assert again and again.
#pragma once

#include <autodiff/values/tensor.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

// Refused by this type of error, with this text.
#define REFUSED_WITH(expression, Type, text) CHECK_THROWS_WITH_AS((void)(expression), text, Type)

// The same, with this in its text.
#define REFUSED(expression, Type, part) REFUSED_WITH(expression, Type, doctest::Contains(part))

namespace support {

/// What an error of this type says, or that there was none.
template <class Type, class Call> std::string message_of(Call call) {
  try {
    call();
  } catch (const Type& error) {
    return error.what();
  }
  return "nothing was thrown";
}

template <class T> bool equal(const ramp::Tensor<T>& a, std::initializer_list<T> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace support
