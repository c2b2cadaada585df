// Which elements of a program's last run were on a kink.
#include <fmt/format.h>

#include <ostream>

#include "cotape/report.hpp"

namespace cotape::report {

namespace {

constexpr std::size_t most_printed = 4;

template <class T> void collect(const array_view& mask, kink& into) {
  const T* on = mask.data_as<T>();
  for (std::int64_t i = 0; i < mask.shape().elements(); ++i) {
    if (on[i] != 0) into.elements.push_back(unravel_index(i, mask.shape()));
  }
}

}  // namespace

std::vector<kink> kinks(const program& code) {
  std::vector<kink> result;
  for (const kink_mask& k : code.kinks()) {
    kink found{k.operation, k.text, k.where, k.mask.shape(), {}};
    if (k.mask.dtype() == float32) collect<float>(k.mask, found);
    else collect<double>(k.mask, found);
    if (!found.elements.empty()) result.push_back(std::move(found));
  }
  return result;
}

std::ostream& operator<<(std::ostream& out, const std::vector<kink>& kinks) {
  for (const kink& k : kinks) {
    out << fmt::format("{} of {} at {}: {} of {} elements:", k.operation, k.shape.text(),
                       k.where.text(), k.elements.size(), k.shape.elements());
    for (std::size_t i = 0; i < k.elements.size() && i < most_printed; ++i) {
      out << ' ' << shape(k.elements[i]).text();
    }
    out << (k.elements.size() > most_printed ? " ...\n" : "\n");
  }
  return out;
}

}  // namespace cotape::report
