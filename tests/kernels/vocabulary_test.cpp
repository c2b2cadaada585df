// Element-wise kernels give an element the same bits as a plain number, as a lane of a vector, and
// where `either` is not let go the fast way.
#include <cmath>
#include <set>

#include "kernels/buffers.hpp"
#include "kernels/isa/ways.hpp"

namespace cotape::kernels::testing {
namespace {

constexpr std::size_t count = 1 << 16;

// Neighbours and elements of all sizes, whole numbers and the ends of the functions' ranges.
template <class T> buffer<T> arguments(unsigned seed) {
  using word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using limits = std::numeric_limits<T>;
  const T ends[] = {0,
                    -T(0),
                    1,
                    -1,
                    T(0.5),
                    T(0.25),
                    T(0.75),
                    T(0.65),
                    200,
                    201,
                    810000,
                    T(1e30),
                    limits::min(),
                    limits::denorm_min(),
                    limits::max(),
                    limits::infinity(),
                    -limits::infinity(),
                    limits::quiet_NaN()};
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> size(-10, 7), uniform(-1, 1), low(-746, -660);
  buffer<T> x(count);
  for (std::size_t i = 0; i < count; ++i) {
    const word any = static_cast<word>(engine());
    switch (i / 32 % 6) {
      case 0: std::memcpy(&x[i], &any, sizeof x[i]); break;
      case 1: x[i] = static_cast<T>(uniform(engine)); break;
      case 2: x[i] = static_cast<T>(uniform(engine) * std::exp2(size(engine))); break;
      case 3: x[i] = static_cast<T>(static_cast<int>(any % 150) - 75); break;
      case 4: x[i] = any % 8 == 0 ? ends[any / 8 % std::size(ends)] : T(uniform(engine)); break;
      default: x[i] = static_cast<T>(low(engine) * (sizeof(T) == 4 ? 0.12 : 1));
    }
  }
  return x;
}

template <class T>
void expect_same_bits(const buffer<T>& y, const buffer<T>& z, const std::string& what,
                      const buffer<T>& a) {
  for (std::size_t i = 0; i < count; ++i) {
    if (std::memcmp(&y[i], &z[i], sizeof y[i]) == 0 || (std::isnan(y[i]) && std::isnan(z[i])))
      continue;
    ADD_FAILURE() << what << " of " << a[i] << " (element " << i << "): " << y[i] << " and "
                  << z[i];
    return;
  }
}

// The operations that have a fast way.
template <class T> std::set<std::string> compare_ways(isa set) {
  const buffer<T> a = arguments<T>(1), b = arguments<T>(2), c = arguments<T>(3);
  buffer<T> one(count), other(count);
  std::set<std::string> faster;
  for_isa(set, [&]<class Arch>() {
    for (const ways<T>& f : all_ways<Arch, T>()) {
      const std::string what = std::string(f.name) + " on " + name_of(set);
      f.numbers(a.data(), b.data(), c.data(), one.data(), count);
      if (f.general(a.data(), b.data(), c.data(), other.data(), count) > 0) faster.insert(f.name);
      expect_same_bits(one, other, "the general way, " + what, a);
      f.vectors(a.data(), b.data(), c.data(), other.data(), count);
      expect_same_bits(one, other, "vectors, " + what, a);
    }
  });
  return faster;
}

TEST(Vocabulary, GivesTheSameBitsInEveryWay) {
  std::set<std::string> floats{
      "cos",   "erf",     "exp",        "expm1", "gaussian", "log",   "logit",
      "power", "sigmoid", "normal_cdf", "sin",   "softplus", "xlogy", "undo_exp_quotient"};
  std::set<std::string> doubles = floats;
  doubles.insert("tanh");
  for (isa set : usable_sets()) {
    EXPECT_EQ(compare_ways<float>(set), floats);
    EXPECT_EQ(compare_ways<double>(set), doubles);
  }
}

TEST(Vocabulary, TakesLogarithmsOfDenormalNumbers) {
  const buffer<double> a(16, 5e-310), one(16, 1), zero(16, 0);
  buffer<double> y(16);
  std::size_t found = 0;
  for (isa set : usable_sets()) {
    for_isa(set, [&]<class Arch>() {
      for (const ways<double>& f : all_ways<Arch, double>()) {
        const std::string name = f.name;
        if (name != "log" && name != "undo_exp_quotient") continue;
        ++found;
        f.vectors(a.data(), one.data(), zero.data(), y.data(), y.size());
        for (double each : y) EXPECT_DOUBLE_EQ(each, std::log(5e-310)) << name;
      }
    });
  }
  EXPECT_EQ(found, 2 * usable_sets().size());
}

}  // namespace
}  // namespace cotape::kernels::testing
