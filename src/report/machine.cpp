// The peak is that of the library's own GEMM and of memcpy, the best of a few short trials.
#include "report/machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "cotape/tensor.hpp"
#include "kernels/gemm.hpp"

namespace cotape::report {

namespace {

// The least time of a call, from calls for some milliseconds.
template <class F> double least_time(F f, double for_seconds) {
  using clock = std::chrono::steady_clock;
  const auto start = clock::now();
  const auto since = [](clock::time_point t) {
    return std::chrono::duration<double>(clock::now() - t).count();
  };
  double least = HUGE_VAL;
  do {
    const auto begin = clock::now();
    f();
    least = std::min(least, since(begin));
  } while (since(start) < for_seconds);
  return least;
}

double gemm_peak(dtype d) {
  constexpr std::int64_t n = 384;
  const tensor a(value_type{d, {n, n}}), b(value_type{d, {n, n}});
  tensor c(value_type{d, {n, n}});
  kernels::gemm_geometry g;
  g.m = g.n = g.k = g.a.stride = g.b.stride = g.d.stride = n;
  kernels::step s{};
  s.run = kernels::gemm(d);
  s.side = &g;
  s.a = a.data();
  s.b = b.data();
  s.d = c.data();
  s.run(s);  // BLAS's first call takes milliseconds
  return 2.0 * n * n * n / least_time([&] { s.run(s); }, 0.03);
}

double copy_peak(std::byte* to, const std::byte* from, std::size_t bytes) {
  // Short copies several times over, against the clock's own time.
  const std::size_t repeats = std::max<std::size_t>(1, (std::size_t{1} << 19) / bytes);
  const double time = least_time(
      [&] {
        for (std::size_t i = 0; i < repeats; ++i) {
          std::memcpy(to, from, bytes);
          asm volatile("" : : "r"(to) : "memory");  // every one of them counts
        }
      },
      0.005);
  return 2 * static_cast<double>(bytes * repeats) / time;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

kernels::isa made_for(std::string_view kernels) {
  if (is_one_of(kernels, {"SkylakeX", "Cooperlake", "SapphireRapids"})) return kernels::isa::avx512;
  return is_one_of(kernels, {"Haswell", "Zen"}) ? kernels::isa::avx2 : kernels::isa::baseline;
}

}  // namespace

double machine_peak::copy(double bytes) const {
  const auto it = std::find_if(copying.begin(), copying.end(),
                               [&](const auto& measured) { return measured.first >= bytes; });
  return it == copying.end() ? copying.back().second : it->second;
}

machine_peak measure_peak() {
  machine_peak peak{gemm_peak(float32), gemm_peak(float64), {}};
  constexpr std::size_t largest = std::size_t{32} << 20;
  tensor from(value_type{float32, {largest / 4}}), to(value_type{float32, {largest / 4}});
  std::memset(from.data(), 1, largest);  // pages of its own, not all the zero page
  for (std::size_t bytes = std::size_t{4} << 10; bytes <= largest; bytes *= 2) {
    const double rate = copy_peak(static_cast<std::byte*>(to.data()),
                                  static_cast<const std::byte*>(from.data()), bytes);
    peak.copying.emplace_back(2 * static_cast<double>(bytes), rate);
  }
  // A larger copy is never the faster one: where it was, the smaller one was disturbed.
  for (std::size_t i = peak.copying.size() - 1; i-- > 0;) {
    peak.copying[i].second = std::max(peak.copying[i].second, peak.copying[i + 1].second);
  }
  return peak;
}

std::string blas_warning(std::string_view kernels, kernels::isa processor, bool amd,
                         const char* forced) {
  const bool lesser = made_for(kernels) < processor;
  const bool others = amd && kernels == "Haswell";
  if (!lesser && !(others && forced != nullptr)) return {};
  std::string text = fmt::format("BLAS runs its kernels for {}", kernels);
  if (lesser) text += fmt::format(", this processor has {}", kernels::name_of(processor));
  else text += ", not those for this processor";
  if (forced == nullptr) return text + ": a newer BLAS may know it";
  return text + fmt::format(": OPENBLAS_CORETYPE={} is set, unset it", forced);
}

}  // namespace cotape::report
