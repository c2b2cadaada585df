// One program on several threads: the same values as on one.
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <cmath>
#include <xtensor/xrandom.hpp>

#include "cotape/threads.hpp"
#include "expect_error.hpp"
#include "kernels/orders.hpp"

// What oneTBB's headers do among themselves ThreadSanitizer cannot judge: the library is not
// instrumented.
#ifdef __SANITIZE_THREAD__
extern "C" const char* __tsan_default_suppressions() {
  return "race_top:oneapi/tbb\nrace_top:tbb::detail\nrace_top:kernels/"
         "threads.cpp\nrace_top:parallel_test.cpp";
}
#endif

namespace cotape {
namespace {

using array = xt::xarray<float>;

class Parallel : public ::testing::Test {
 protected:
  ~Parallel() override { set_num_threads(before_); }

  // The outputs of a freshly compiled program on so many threads.
  template <class F, class... Arrays>
  static std::vector<array> values(int threads, F f, const Arrays&... arrays) {
    set_num_threads(threads);
    auto code = compile(f);
    std::vector<array> result;
    for (const cotape::result& r : code(arrays...)) result.push_back(r.value<float>());
    return result;
  }

 private:
  int before_ = num_threads();
};

array random(std::vector<std::size_t> sizes) {
  xt::random::default_engine_type engine(sizes.size());
  return xt::random::rand<float>(sizes, -1.0F, 1.0F, engine);
}

TEST_F(Parallel, LoopsGiveTheSameBits) {
  const auto f = [](variable x, variable row) {
    const variable y = tanh(x * row + 0.5) * sigmoid(x) + sin(x) * cos(row) - exp(-x);
    return std::vector<variable>{y, sum(y), sum(y, 0), gradient(sum(square(y)), x)};
  };
  const array x = random({1003, 517}), row = random({517});
  const std::vector<array> one = values(1, f, x, row);
  for (int threads : {2, 3, 8}) {
    const std::vector<array> many = values(threads, f, x, row);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i], many[i]) << threads << ", " << i;
  }
}

TEST_F(Parallel, NestsGiveTheSameBits) {
  const auto f = [](variable x, variable row) {
    const variable m = mean(x, 1, keep_dims),
                   y = (x - m) / sqrt(mean(square(x - m), 1, keep_dims) + 1e-5) * row;
    std::vector<variable> out = vjp(y, {x, row}, cos(x));
    out.push_back(softmax(x));
    return out;
  };
  for (const std::size_t columns : {512, 37}) {
    const array x = random({2100, columns}), row = random({columns});
    const std::vector<array> one = values(1, f, x, row);
    for (int threads : {2, 3}) {
      const std::vector<array> many = values(threads, f, x, row);
      for (std::size_t i = 0; i < one.size(); ++i)
        EXPECT_EQ(one[i], many[i]) << threads << ", " << i;
    }
  }
}

// A thread takes whole what a sum of another row length adds up, too.
TEST_F(Parallel, NestsBesideOtherRowsGiveTheSameBits) {
  const auto f = [](variable x) {
    const variable e = exp(x);
    return std::vector<variable>{e / sum(e, 1, keep_dims), sum(reshape(e, {200000, 6}), 1)};
  };
  const array x = random({300000, 4});
  const std::vector<array> one = values(1, f, x);
  for (int threads : {2, 3}) {
    const std::vector<array> many = values(threads, f, x);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i], many[i]) << threads << ", " << i;
  }
}

// Within loops a thread takes whole rows, or whole pieces of what adds up all of it.
TEST_F(Parallel, ReductionsFollowTheOneOrderWithinLoopsToo) {
  using kernels::reduction;
  namespace plain = kernels::testing;
  const auto f = [](variable x) {
    const variable y = x * x - 0.25;
    return std::vector<variable>{sum(y, 1), max(y, 1), norm(y, 1), sum(y, 0), norm(y, 0), sum(y)};
  };
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{2101, 1003},
                                      {70, 30011},
                                      {700000, 3},
                                      {3, 90000},
                                      {9000, 7}}) {
    const array x = random({static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)});
    std::vector<float> y;
    for (float e : x) y.push_back(e * e - 0.25F);
    const reduction along_rows{rows, columns, 1}, down_columns{1, rows, columns},
        whole{1, rows * columns, 1};
    const std::vector<std::vector<float>> wanted{
        plain::reduced_in_order<plain::sums<float>>(along_rows, y.data()),
        plain::reduced_in_order<plain::maxima<float>>(along_rows, y.data()),
        plain::reduced_in_order<plain::norms<float>>(along_rows, y.data()),
        plain::reduced_in_order<plain::sums<float>>(down_columns, y.data()),
        plain::reduced_in_order<plain::norms<float>>(down_columns, y.data()),
        plain::reduced_in_order<plain::sums<float>>(whole, y.data())};
    for (int threads : {1, 2, 4}) {
      const std::vector<array> found = values(threads, f, x);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_TRUE(
            std::equal(found[i].begin(), found[i].end(), wanted[i].begin(), wanted[i].end()))
            << rows << " x " << columns << ", " << threads << " threads, " << i;
      }
    }
  }
}

// Threads take whole pieces of what a loop adds up, in a step behind it, and store nothing else.
TEST_F(Parallel, ReductionsOfAllStayInTheirLoop) {
  set_num_threads(2);
  for (const int operations : {2, 12}) {
    for (const int axis : {-1, 0}) {
      tape t;
      const variable x = t.input(float32, {4096, 512});
      variable y = x;
      for (int k = 0; k < operations; ++k) y = exp(y);
      const program code(t, {x}, {axis < 0 ? sum(y) : sum(y, axis)});
      EXPECT_EQ(code.steps(), 2u) << operations;
      EXPECT_LT(code.memory().arena, 1u << 18) << code.explain();
    }
  }
}

// Two threads cannot take about as many of three rows. To store what a loop makes and read it again
// takes as long as some operations: a loop of fewer keeps its reductions nevertheless.
TEST_F(Parallel, ReductionsThatSplitBadlyStayInLoopsOfLittleElse) {
  const auto steps = [](int threads, int operations) {
    set_num_threads(threads);
    tape t;
    const variable x = t.input(float32, {3, 700001});
    variable y = x;
    for (int k = 0; k < operations; ++k) y = exp(y);
    return program(t, {x}, {sum(y, 1)}).steps();
  };
  EXPECT_EQ(steps(1, 12), 1u);
  EXPECT_EQ(steps(2, 2), 1u);
  EXPECT_EQ(steps(2, 12), 2u);
}

// A thread that waits for the rest of a loop must not begin the caller's next task, on the same
// program.
TEST_F(Parallel, LoopsWithinTheCallersOwnTasksAreWhole) {
  set_num_threads(8);
  constexpr int steps = 4;
  const auto make = [] {
    return compile([](variable x) {
      for (int k = 0; k < steps; ++k) x = exp(x * 0.5) - 1.0;
      return x * 1.0;
    });
  };
  tbb::enumerable_thread_specific<decltype(make())> programs(make);
  std::atomic<int> wrong{0};
  tbb::task_arena arena(8);
  arena.execute([&] {
    const auto task = [&](int i) {
      double wanted = i * 0.01;
      const xt::xarray<double> x = xt::ones<double>({300000}) * wanted;
      for (int k = 0; k < steps; ++k) wanted = std::exp(wanted * 0.5) - 1;
      const auto y = programs.local()(x).template value<double>();
      for (std::size_t k = 0; k < y.size(); k += 97) wrong += std::abs(y(k) - wanted) > 1e-9;
    };
    tbb::parallel_for(0, 100, task, tbb::simple_partitioner());
  });
  EXPECT_EQ(wrong, 0);
}

TEST_F(Parallel, ProductsAgreeHoweverTheyAreSplit) {
  const auto f = [](variable a, variable b) {
    return std::vector<variable>{matmul(a, b), matmul(transpose(b), transpose(a)),
                                 matmul(a, transpose(a)) * -0.5,
                                 matmul(reshape(a, {5, 131, 300}), b)};
  };
  const array a = random({655, 300}), b = random({300, 450});
  const std::vector<array> one = values(1, f, a, b);
  for (int threads : {2, 5}) {
    const std::vector<array> many = values(threads, f, a, b);
    for (std::size_t i = 0; i < one.size(); ++i) {
      EXPECT_LT(xt::amax(xt::abs(one[i] - many[i]))(), 1e-4F) << threads << ", " << i;
    }
    EXPECT_EQ(many, values(threads, f, a, b)) << "the same number of threads, other bits";
  }
}

TEST_F(Parallel, BatchesOfProductsAgree) {
  const auto f = [](variable a, variable b) { return std::vector<variable>{matmul(a, b)}; };
  const array a = random({9, 100, 200}), b = random({9, 200, 150});
  EXPECT_EQ(values(1, f, a, b), values(4, f, a, b));
}

TEST_F(Parallel, ItTakesOneThreadOrMore) {
  tests::expect_error<value_error>([] { set_num_threads(0); },
                                   "set_num_threads: 0 threads, it takes 1 or more");
  set_num_threads(3);
  EXPECT_EQ(num_threads(), 3);
}

}  // namespace
}  // namespace cotape
