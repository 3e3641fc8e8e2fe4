#include <autodiff/inspect/explain.hpp>

#include <fmt/format.h>

#include <unordered_map>

namespace ramp {
namespace {

// Follows the elements in question from x up, node by node, to the ops that have made them so.
template <class T> class Explaining {
 public:
  Explaining(const Var<T>& root, const Var<T>& x)
      : tape_(root.tape("explain")),
        root_(tape_.at(root, "explain")),
        x_(tape_.at(x, "explain")),
        z_(root_ + 1),
        from_(root_ + 1) {
    why_.node = x_;
    const std::vector<bool> needed = tape_.needed_by(root_);
    std::vector<bool> flows(needed.size());  // gets a gradient of the root
    flows[root_] = tape_.varies(root_);
    for (std::uint32_t i = root_; i > 0; --i)
      for (std::size_t k = 0; flows[i] && k < tape_.operands(i).size(); ++k)
        if (tape_.passes(i, k)) flows[tape_.operands(i)[k].node] = true;

    const std::string name = tape_.describe(x_);
    if (!tape_.varies(x_)) {
      why_.reason = Reason::detached;
      why_.text = name + " has no gradient: it is a constant or was recorded under no_grad()";
    } else if (x_ >= needed.size() || !needed[x_]) {
      why_.reason = Reason::not_reached;
      why_.text = fmt::format("the gradient of {} is 0: {} doesn't depend on it", name,
                              tape_.describe(root_));
    } else {
      detached_ = !flows[x_];
      std::vector<Var<T>> asked;
      for (std::uint32_t i = x_; i < needed.size() && !detached_; ++i)
        if (flows[i]) asked.push_back(tape_.handle(i));
      auto all = detached_ ? std::vector{Tensor<T>(x.shape())} : tape_.grad(root, asked);
      for (std::size_t n = 1; n < all.size(); ++n)
        adjoints_.emplace(asked[n].index(), std::move(all[n]));
      const Tensor<T>& g = all[0];
      bad_ = first_bad(g.view()) < g.size();
      bool no_number = false;
      for (const T e : g) {
        no_number = no_number || e != e;
        z_[x_].push_back(bad_ ? !isfinite(e) : e == 0);
        why_.elements += z_[x_].back();
      }
      if (bad_) why_.reason = no_number ? Reason::nan : Reason::infinite;
      if (why_.elements == 0)
        why_.text = "the gradient of " + name + " is finite and nowhere 0";
      else
        why_.text = fmt::format("the gradient of {} is {} in {} of {} elements: ", name,
                                !bad_       ? "0"
                                : no_number ? "nan"
                                            : "infinite",
                                why_.elements, g.size());
      if (bad_) reach();
      if (why_.elements > 0) find(detached_ ? needed : flows);
    }
    for (std::uint32_t i = last_; i > x_; i = from_[i]) why_.path.push_back(i);
    why_.path.push_back(x_);
    std::reverse(why_.path.begin(), why_.path.end());
  }
  const Explanation& result() const { return why_; }

 private:
  struct End {  // where it comes from
    Reason reason;
    std::uint32_t node;
    std::size_t k;
    std::vector<std::size_t> elements;  // of the k-th operand
  };

  // Of each adjoint above x, where something has come to it: a NaN that the root hands down. As in
  // a careful sweep, what a selection closed passes no infinite slope on.
  void reach() {
    for (const auto& [i, g] : adjoints_) reached_.emplace(i, Tensor<T>(g.shape()));
    reached_.at(root_) = Tensor<T>(tape_.shape_of(root_), nan);
    for (std::uint32_t i = root_; i > x_; --i)
      for (std::size_t k = 0; reached_.contains(i) && k < tape_.operands(i).size(); ++k) {
        const auto to = reached_.find(tape_.operands(i)[k].node);
        if (to == reached_.end() || !tape_.passes(i, k)) continue;
        const Tensor<T> here = reached_through(i, k);
        for (std::size_t e = 0; e < here.size(); ++e)
          if (here[e] != here[e]) to->second[e] = nan;
      }
  }
  Tensor<T> reached_through(std::uint32_t i, std::size_t k) {
    const Tensor<T>& above = reached_.at(i);
    Tensor<T> here = pull(i, k, above);
    if (op_info(tape_.op(i)).elementwise && here.shape() == above.shape())
      for (std::size_t e = 0; e < here.size(); ++e)
        if (above[e] == 0) here[e] = 0;  // 0 times infinity
    return here;
  }

  void find(const std::vector<bool>& between) {
    for (std::uint32_t i = x_ + 1; i < between.size(); ++i)
      for (std::size_t k = 0; between[i] && k < tape_.operands(i).size(); ++k) {
        const std::uint32_t operand = tape_.operands(i)[k].node;
        if (z_[operand].empty()) continue;
        if (z_[i].empty()) from_[i] = operand;
        if (!detached_ && tape_.passes(i, k))
          follow(i, k);
        else if (detached_ && tape_.passes(i, k))
          z_[i] = {true};
        else if (detached_)
          ends_.push_back({Reason::detached, i, k, {}});
      }
    std::stable_sort(ends_.begin(), ends_.end(), [](const End& a, const End& b) {
      return a.reason != b.reason ? a.reason < b.reason : a.elements.size() > b.elements.size();
    });
    for (std::size_t n = 0; n < ends_.size() && n < 3; ++n)
      why_.text += (n ? "; also, " : "") + in_words(ends_[n]);
    if (ends_.empty()) {
      why_.text += bad_ ? "its contributions overflow where they are added"
                        : "its contributions cancel or underflow where they are added";
      return;
    }
    const End& end = ends_[0];
    last_ = why_.node = end.node;
    from_[last_] = tape_.operands(last_)[end.k].node;
    if (bad_)
      find_bad_value(last_);
    else
      why_.reason = end.reason;
  }

  // One step, from node i's k-th operand to i. NaNs are put where the adjoint isn't 0: what stays 0
  // has come from zeros alone, and their reason lies further up. So does that of a NaN, where the
  // sweep gave a 0: an infinite slope stands before an adjoint that nothing has reached.
  void follow(std::uint32_t i, std::size_t k) {
    const std::uint32_t operand = tape_.operands(i)[k].node;
    const Tensor<T>& g = adjoints_.at(i);
    const bool bad_before = first_bad(g.view()) < g.size();
    Tensor<T> marked = g, other = g;
    for (std::size_t e = 0; e < g.size(); ++e) {
      if (g[e] == 0) continue;
      marked[e] = nan;
      other[e] = static_cast<T>(std::cos(1 + 0.7 * static_cast<double>(e)));
    }
    const Tensor<T> came = pull(i, k, g), fed = pull(i, k, marked), varied = pull(i, k, other),
                    open = pull(i, k, Tensor<T>(g.shape(), nan));
    std::array<End, 4> ends{End{Reason::closed, i, k, {}}, End{Reason::zero_factor, i, k, {}},
                            End{Reason::cancelled, i, k, {}}, End{why_.reason, i, k, {}}};
    Tensor<T> x(tape_.value_of(operand));
    const Tensor<T> reached = bad_ ? reached_through(i, k) : came;
    bool goes_on = false;
    for (std::size_t e = 0; e < x.size(); ++e) {
      if (!z_[operand][e] || (bad_ && (isfinite(came[e]) || reached[e] == reached[e]))) continue;
      const bool closed = open[e] == open[e];
      const bool of_zeros = !isfinite(came[e]) || (came[e] == 0 && !closed && fed[e] == fed[e]);
      if (bad_ ? bad_before : of_zeros) {
        x[e] = nan;
        goes_on = true;
      } else {
        ends[bad_             ? 3
             : came[e] != 0   ? 2
             : closed         ? 0
             : varied[e] == 0 ? 1
                              : 2]
            .elements.push_back(e);
      }
    }
    for (End& end : ends)
      if (!end.elements.empty()) ends_.push_back(std::move(end));
    if (!goes_on) return;
    // A NaN in those elements gets into those of the value whose adjoints they have got. Element by
    // element these are known: pow(1, NaN) is 1.
    Tensor<T> y(g.shape());
    if (const OpInfo& op = op_info(tape_.op(i)); op.elementwise) {
      spread(Broadcasting(x.shape(), y.shape()), x.data(), 0, y.size(), y.data(), false);
    } else {
      std::vector<Value<T>> in = values(i);
      in[k] = Value<T>::of(x.view(), &scratch_);
      evaluate<T>(op, in, tape_.attr_of(i).bytes.data(), y.view(), false);
      scratch_.rewind({});
    }
    z_[i].resize(y.size());
    for (std::size_t e = 0; e < y.size(); ++e)
      if (bad_ ? !isfinite(g[e]) : y[e] != y[e] && g[e] == 0) z_[i][e] = true;
  }

  // Down to where the first bad value was made, if a value is bad.
  void find_bad_value(std::uint32_t i) {
    const auto bad = [&](std::uint32_t k) {
      return first_bad(tape_.value_of(k)) < tape_.value_of(k).size();
    };
    for (bool down = true; down;) {
      const auto in = tape_.operands(i);
      down = false;
      for (std::size_t k = 0; k < in.size() && !down; ++k)
        if ((down = in[k].node != 0 && bad(in[k].node))) i = in[k].node;
    }
    if (!bad(i)) return;
    why_.node = i;
    const std::size_t e = first_bad(tape_.value_of(i));
    why_.text +=
        fmt::format("; the first bad value is that of {}: {} at element {}{}", tape_.describe(i),
                    printable(tape_.value_of(i)[e]), e, tape_.operands_at(i, e));
  }

  std::string in_words(const End& end) const {
    const OpInfo& op = op_info(tape_.op(end.node));
    const char* words =
        end.reason == Reason::closed && op.elementwise  ? "the path ends at {}, closed"
        : end.reason == Reason::closed                  ? "{} doesn't choose it"
        : end.reason == Reason::zero_factor             ? "the slope of {} is 0"
        : end.reason == Reason::cancelled               ? "contributions cancel or underflow at {}"
        : bad_                                          ? "it begins in the pullback of {}"
        : op.differentiable_in(static_cast<int>(end.k)) ? "{} was recorded under no_grad()"
                                                        : "{} passes no gradient on";
    std::string text = fmt::format(fmt::runtime(words), tape_.describe(end.node));
    const Shape shape = tape_.shape_of(tape_.operands(end.node)[end.k]);
    if (end.elements.empty()) return text;
    if (shape.rank() > 0) text += extent(end.elements, shape, op.elementwise);
    return text + tape_.operands_at(end.node, end.elements[0], end.k);
  }

  // Whole columns of a matrix are what the units of a layer do to all samples.
  static std::string extent(const std::vector<std::size_t>& elements, const Shape& shape,
                            bool of_units) {
    const std::size_t width = shape.back(), rows = shape.size() / width;
    std::vector<std::size_t> count(width), whole;
    for (const std::size_t e : elements)
      if (++count[e % width] == rows) whole.push_back(e % width);
    if (!of_units || rows == 1 || whole.size() * rows != elements.size())
      return fmt::format(" in {} of {} elements", elements.size(), shape.size());
    if (whole.size() == width)
      return fmt::format(" in all {} units for all {} samples", width, rows);
    return fmt::format(" in {} of {} units for all {} samples", whole.size(), width, rows);
  }

  std::vector<Value<T>> values(std::uint32_t i) {
    std::vector<Value<T>> all;
    for (const Input<T> x : tape_.operands(i)) {
      View<const T> value = tape_.value_of(x);
      if (x.node == 0) {  // it is to outlive x
        T* const number = scratch_.template take_array<T>(1);
        *number = x.number;
        value.data = number;
      }
      all.push_back(Value<T>::of(value, &scratch_));
    }
    return all;
  }
  // What node i's pullback makes of g for its k-th operand.
  Tensor<T> pull(std::uint32_t i, std::size_t k, const Tensor<T>& g) {
    const std::vector<Value<T>> in = values(i);
    Tensor<T> to(tape_.shape_of(tape_.operands(i)[k]));
    const AnyAttr attr = tape_.attr_of(i);
    const Call<T> call{in, Value<T>::of(tape_.value_of(i), &scratch_), attr.bytes.data(),
                       tape_.conventions(i)};
    pull_back<T>(op_info(tape_.op(i)), call, static_cast<int>(k), Value<T>::of(g.view(), &scratch_),
                 to.view(), false);
    scratch_.rewind({});
    return to;
  }

  static constexpr T nan = std::numeric_limits<T>::quiet_NaN();
  Tape<T>& tape_;
  std::uint32_t root_, x_, last_ = 0;
  bool bad_ = false, detached_ = false;
  std::vector<std::vector<bool>> z_;  // by node, the elements that are followed
  std::vector<std::uint32_t> from_;   // the operand that it was reached from
  std::vector<End> ends_;
  std::unordered_map<std::uint32_t, Tensor<T>> adjoints_, reached_;  // from above x to the root
  Arena scratch_;
  Explanation why_;
};

}  // namespace

template <class T> Explanation explain(const Var<T>& root, const Var<T>& x) {
  return or_memory_error("[explain]", [&] { return Explaining<T>(root, x).result(); });
}
template Explanation explain(const Var<float>&, const Var<float>&);
template Explanation explain(const Var<double>&, const Var<double>&);

}  // namespace ramp
