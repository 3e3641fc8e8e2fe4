#include <autodiff/ops/registry.hpp>

#include <fmt/format.h>

#include <atomic>
#include <mutex>

namespace ramp {

extern template std::vector<OpInfo> make_ops(Arithmetic);
extern template std::vector<OpInfo> make_ops(Transcendental);
extern template std::vector<OpInfo> make_ops(Trigonometric);
extern template std::vector<OpInfo> make_ops(Normal);
extern template std::vector<OpInfo> make_ops(Special);
extern template std::vector<OpInfo> make_ops(Activations);
extern template std::vector<OpInfo> make_ops(Kinked);
extern template std::vector<OpInfo> make_ops(Rounding);
extern template std::vector<OpInfo> make_ops(Selection);
extern template std::vector<OpInfo> make_ops(Shaping);
extern template std::vector<OpInfo> make_ops(Products);
extern template std::vector<OpInfo> make_ops(Factored);
extern template std::vector<OpInfo> make_ops(Reductions);
extern template std::vector<OpInfo> make_ops(Indexing);
extern template std::vector<OpInfo> make_ops(Probabilities);

namespace {

// Readers take no lock: an entry is complete before the count says that it is there.
class Registry {
 public:
  static constexpr std::size_t most = 4096;

  static Registry& instance() {
    static Registry registry;
    return registry;
  }
  const OpInfo& operator[](OpId id) const { return *ops_[id]; }
  unsigned size() const { return count_.load(std::memory_order_acquire); }

  OpId add(OpInfo op) {
    const std::lock_guard lock(adding_);
    for (unsigned i = 0; i < size(); ++i)
      if (std::string_view(ops_[i]->about.name) == op.about.name)
        throw ValueError(fmt::format("[{}] there is an op of this name already", op.about.name));
    if (size() == ops_.size())
      throw ValueError(
          fmt::format("[{}] no room for more than {} ops", op.about.name, ops_.size()));
    op.id = static_cast<OpId>(size());
    const OpId id = op.id;
    ops_[id] = std::make_unique<const OpInfo>(std::move(op));
    count_.store(size() + 1, std::memory_order_release);
    return static_cast<OpId>(size() - 1);
  }

 private:
  Registry() {
    OpInfo leaf;
    leaf.about = {"leaf", "", "A value that no op made."};
    add(std::move(leaf));
    add_families(static_cast<BuiltinFamilies*>(nullptr));
  }
  template <class... Families> void add_families(Joined<Families...>*) {
    (add_all(make_ops(Families{})), ...);
  }
  void add_all(std::vector<OpInfo> ops) {
    for (OpInfo& op : ops) add(std::move(op));
  }

  std::mutex adding_;
  std::array<std::unique_ptr<const OpInfo>, most> ops_;
  std::atomic<unsigned> count_ = 0;
};

}  // namespace

const OpInfo& op_info(OpId id) { return Registry::instance()[id]; }

bool is_op(OpId id) { return id < Registry::instance().size(); }

std::vector<const OpInfo*> all_ops() {
  std::vector<const OpInfo*> all;
  for (unsigned i = first_op; i < Registry::instance().size(); ++i)
    all.push_back(&op_info(static_cast<OpId>(i)));
  return all;
}

const OpInfo* find_op(std::string_view name) {
  for (const OpInfo* op : all_ops())
    if (op->about.name == name) return op;
  return nullptr;
}

OpId add_op(OpInfo op) { return Registry::instance().add(std::move(op)); }

}  // namespace ramp
