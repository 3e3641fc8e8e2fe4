// Rows of a batch: some of them as a batch, and which of them has a number that is none. The
// trainer's own; nobody else includes it.
#pragma once

#include <autodiff/values/error.hpp>
#include <nn/data/file_writer.hpp>
#include <nn/data/source.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>

namespace ramp::nn {

// Why a loss may not be finite: a number of the data isn't. `rows` says where its rows stand in the
// set; without it they are the set's own.
template <class T> void check_finite(View<const T> data, const char* what,
                                     std::span<const std::uint32_t> rows, std::uint64_t epoch,
                                     const std::string& name) {
  const std::size_t at = first_bad(data);
  if (at == data.size()) return;
  const std::size_t width = data.shape[1], row = at / width;
  throw NonFiniteError(fmt::format(
      "[train] {}: the {} have {} in row {}, column {}, seen in epoch {}: rows and columns count "
      "from 0; leave the row out, or put a number there",
      name, what, printable(data[at]), rows.empty() ? row : rows[row], at % width, epoch + 1));
}

template <class T>
View<const T> rows_of(const View<const T>& all, std::size_t first, std::size_t n) {
  if (all.size() == 0) return all;
  return {all.data + first * all.shape[1], all.shape.with(0, static_cast<std::uint32_t>(n))};
}

template <class T> Batch<T> rows_of(const Batch<T>& all, std::size_t first, std::size_t n) {
  Batch<T> part = all;
  part.inputs = rows_of<T>(all.inputs, first, n);
  part.targets = rows_of<T>(all.targets, first, n);
  if (!all.labels.empty()) part.labels = all.labels.subspan(first, n);
  if (!all.rows.empty()) part.rows = all.rows.subspan(first, n);
  return part;
}

}  // namespace ramp::nn
