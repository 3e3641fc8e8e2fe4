#include <autodiff/values/scopes.hpp>

#include <algorithm>
#include <new>

namespace ramp {

std::uint32_t Scopes::of(std::uint32_t node) const {
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), node,
                                      [](std::uint32_t n, const Change& c) { return n < c.first; });
  return std::prev(after)->scope;
}

std::string Scopes::path(std::uint32_t scope) const {
  std::string path = all_[scope].name;
  while ((scope = all_[scope].parent) != 0) path = all_[scope].name + "/" + path;
  return path;
}

std::uint32_t Scopes::named(std::string_view name) {
  if (const auto known = names_.find(std::pair(current_, name)); known != names_.end())
    return known->second;
  const auto scope = static_cast<std::uint32_t>(all_.size());
  all_.push_back({std::string(name), current_});
  try {
    names_.emplace(std::pair(current_, std::string(name)), scope);
  } catch (...) {
    all_.pop_back();
    throw;
  }
  return scope;
}

std::uint64_t Scopes::open(std::string_view name, std::uint32_t next_node) {
  // Closing mustn't throw: there is room for the change that each open scope ends with.
  if (const std::size_t n = changes_.size() + open_.size() + 2; changes_.capacity() < n)
    changes_.reserve(2 * n);
  if (open_.size() == open_.capacity()) open_.reserve(2 * open_.size() + 4);
  const std::uint32_t scope = named(name);
  open_.push_back({++last_key_, scope});
  enter(scope, next_node);
  return last_key_;
}

void Scopes::close(std::uint64_t key, std::uint32_t next_node) noexcept {
  std::erase_if(open_, [key](const Open& o) { return o.key == key; });
  enter(open_.empty() ? 0 : open_.back().scope, next_node);
}

void Scopes::enter(std::uint32_t scope, std::uint32_t next_node) {
  current_ = scope;
  Change& latest = changes_.back();
  if (latest.scope == scope) return;
  if (latest.first == next_node)
    latest.scope = scope;
  else
    changes_.push_back({next_node, scope});
}

void Scopes::rewind(std::uint32_t next_node) noexcept {
  while (changes_.size() > 1 && changes_.back().first >= next_node) changes_.pop_back();
  enter(current_, next_node);
  if (all_.size() <= many_) return;
  try {
    forget_unused();
  } catch (const std::bad_alloc&) {  // nothing has changed: another time
  }
}

void Scopes::forget_unused() {
  std::vector<bool> used(all_.size());
  used[0] = true;
  for (const Change& c : changes_) used[c.scope] = true;
  for (const Open& o : open_) used[o.scope] = true;
  for (std::size_t s = all_.size(); s-- > 1;)
    if (used[s]) used[all_[s].parent] = true;

  std::vector<std::uint32_t> now(all_.size());  // their new numbers
  std::vector<ScopeInfo> kept;
  Names names;
  for (std::size_t s = 0; s < all_.size(); ++s) {
    if (!used[s]) continue;
    now[s] = static_cast<std::uint32_t>(kept.size());
    const std::uint32_t parent = now[all_[s].parent];
    kept.push_back({all_[s].name, parent});
    if (s > 0) names.emplace(std::pair(parent, all_[s].name), now[s]);
  }
  all_.swap(kept);
  names_.swap(names);
  for (Change& c : changes_) c.scope = now[c.scope];
  for (Open& o : open_) o.scope = now[o.scope];
  current_ = now[current_];
  many_ = std::max(few, 2 * all_.size());
}

}  // namespace ramp
