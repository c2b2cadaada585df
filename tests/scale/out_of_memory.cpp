#include "scale/out_of_memory.hpp"

#include <gtest/gtest.h>

#include <cotape/error.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>

#include "scale/allocations.hpp"

namespace cotape::tests {

namespace {

std::size_t failing = 0;  // the number of the request that fails

[[noreturn]] void tell_and_abort() {
  std::fprintf(stderr, "terminate was called after allocation %zu had failed\n", failing);
  std::abort();
}

// What else than a lack of memory an exception tells of.
std::string other_than_memory(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    return "";
  } catch (const io_error& e) {
    const std::string text = e.what();
    return text.find("emory") == text.npos ? text : "";
  } catch (const std::exception& e) {
    return e.what();
  }
}

void try_once(const attempt& a, std::size_t n, bool all_later) {
  SCOPED_TRACE(std::string("allocation ") + std::to_string(n) + (all_later ? " and later" : ""));
  std::exception_ptr thrown;
  failing = n;
  {
    const failing_allocation one(n, all_later);
    try {
      a.act();
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (thrown) {
    EXPECT_EQ(other_than_memory(thrown), "");
    a.refused();
    a.act();
  }
  a.done();
}

}  // namespace

void let_allocations_fail(const std::function<attempt()>& make, std::size_t most) {
  const auto before = std::set_terminate(tell_and_abort);
  make().act();  // makes what is made once in a process
  const attempt whole = make();
  const std::size_t begin = allocations();
  whole.act();
  const std::size_t total = allocations() - begin;
  whole.done();
  const bool every = std::getenv("COTAPE_EVERY_ALLOCATION") != nullptr;
  const std::size_t stride = every ? 1 : total / most + 1;
  std::cout << total << " allocations, every " << stride << ". fails\n";
  for (const bool all_later : {false, true}) {
    for (std::size_t n = all_later ? stride / 2 + 1 : 1; n <= total; n += stride) {
      try_once(make(), n, all_later);
      if (testing::Test::HasFailure()) return;
    }
  }
  std::set_terminate(before);
}

}  // namespace cotape::tests
