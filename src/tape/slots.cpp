#include "tape/slots.hpp"

#include <deque>
#include <mutex>

namespace cotape::slots {

namespace {

struct pool {
  std::mutex mutex;
  std::deque<detail::tape_slot> all;
  std::vector<detail::tape_slot*> free;
};

// Never destroyed: static tapes and handles may die after anything else does.
pool& shared() {
  static pool& p = *new pool;
  return p;
}

}  // namespace

detail::tape_slot* take(tape& owner) {
  pool& p = shared();
  const std::lock_guard lock(p.mutex);
  if (p.free.empty()) {
    if (p.free.capacity() <= p.all.size()) p.free.reserve(2 * p.all.size() + 1);
    p.free.push_back(&p.all.emplace_back());  // there is room for all at once: see leave()
  }
  detail::tape_slot* slot = p.free.back();
  p.free.pop_back();
  slot->owner = &owner;
  return slot;
}

void leave(detail::tape_slot& slot) {
  pool& p = shared();
  const std::lock_guard lock(p.mutex);
  slot.first = ++slot.serial;
  slot.owner = nullptr;
  // Numbers are not used twice: far up, the slot is left alone.
  if (slot.serial < 0x80000000) p.free.push_back(&slot);
}

}  // namespace cotape::slots
