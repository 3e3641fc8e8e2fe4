// Memory that is handed out in order and taken back all at once. It keeps its blocks, so once a
// loop has run its first round, nothing calls the allocator.
#pragma once

#include <autodiff/values/tensor.hpp>

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace ramp {

// Memory for large arrays, on huge pages where the system has them: first touching 10^7 nodes page
// by page costs more than recording them.
void* take_pages(std::size_t bytes);  // NoMemory where there is none
void give_pages(void* p, std::size_t bytes) noexcept;

class Arena {
 public:
  struct Mark {
    std::size_t block = 0, used = 0;
    std::size_t total = 0;  // handed out, in bytes
  };

  /// `bytes` of 64-byte-aligned memory, uninitialised, valid until a rewind to an earlier mark.
  void* take(std::size_t asked) {
    const std::size_t bytes = whole(asked);
    if (blocks_.empty() || at_.used + bytes > blocks_[at_.block].quick) find_room(asked);
    void* p = blocks_[at_.block].memory.get() + at_.used;
    at_.used += bytes;
    at_.total += bytes;
    return p;
  }
  template <class T> T* take_array(std::size_t n) { return static_cast<T*>(take(n * sizeof(T))); }

  // Takes back, when it dies, what was handed out since.
  struct Temporary {
    explicit Temporary(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
    ~Temporary() { arena_.rewind(mark_); }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;

   private:
    Arena& arena_;
    Mark mark_;
  };
  Mark mark() const { return at_; }
  void rewind(Mark mark) { at_ = mark; }
  std::size_t capacity() const { return capacity_; }  // bytes held
  bool holds(const void* p) const;                    // whether that lies in one of its blocks
  std::size_t used() const { return at_.total; }      // bytes handed out
  static std::size_t whole(std::size_t bytes) {       // what take() hands out for them
    return (bytes + alignment - 1) / alignment * alignment;
  }

 private:
  struct Free {
    std::size_t size;
    void operator()(std::byte* p) const { give_pages(p, size); }
  };
  struct Block {
    std::unique_ptr<std::byte[], Free> memory;
    std::size_t size;
    std::size_t quick;     // its size, or 0: then find_room() is always called
    std::size_t open = 0;  // under the address sanitizer: up to where it may be read
  };
  void find_room(std::size_t asked);
  void next_block(std::size_t bytes);

  std::vector<Block> blocks_;
  Mark at_;
  std::size_t capacity_ = 0;
};

/// A contiguous array of plain records, which never shrinks.
template <class Record> class Records {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  Records() = default;
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;
  Records(Records&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Records& operator=(Records&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Records() { give_pages(data_, capacity_ * sizeof(Record)); }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  Record* data() { return data_; }
  const Record* data() const { return data_; }
  Record& operator[](std::size_t i) { return data_[i]; }
  const Record& operator[](std::size_t i) const { return data_[i]; }
  Record& back() { return data_[size_ - 1]; }

  bool full() const { return size_ == capacity_; }
  void push_unchecked(const Record& r) { data_[size_++] = r; }  // needs room
  Record& add_unchecked() {
    return data_[size_++];
  }  // needs room; to be filled in place: a copy
     // waits for what was written piece by piece
  void push(const Record& r) {
    if (full()) reserve(size_ + 1);
    push_unchecked(r);
  }
  void reserve(std::size_t n) {
    if (n <= capacity_) return;
    const std::size_t more = std::max(n, std::max<std::size_t>(64, capacity_ * 2));
    auto* grown = static_cast<Record*>(take_pages(more * sizeof(Record)));  // or all stays
    if (size_ > 0) std::memcpy(static_cast<void*>(grown), data_, size_ * sizeof(Record));
    give_pages(std::exchange(data_, grown), std::exchange(capacity_, more) * sizeof(Record));
  }
  void resize(std::size_t n) {  // new records are uninitialised
    reserve(n);
    size_ = n;
  }

 private:
  Record* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace ramp
