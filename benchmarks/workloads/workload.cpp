// Sizes, data and the list of cases.
#include "workload.hpp"

#include <algorithm>
#include <stdexcept>

namespace bench {

std::size_t settings::operator[](const std::string& name) const {
  for (const auto& [known, value] : list_) {
    if (known == name) return value;
  }
  throw std::out_of_range("no size is called " + name);
}

bool settings::set(const std::string& name, std::size_t value) {
  for (auto& [known, old] : list_) {
    if (known != name) continue;
    old = value;
    return true;
  }
  return false;
}

std::vector<std::string> settings::arguments() const {
  std::vector<std::string> list;
  for (const auto& [name, value] : list_) {
    list.push_back("--" + name);
    list.push_back(std::to_string(value));
  }
  return list;
}

std::string settings::text() const {
  std::string all;
  for (const std::string& argument : arguments()) all += (all.empty() ? "" : " ") + argument;
  return all;
}

tensor random_data::floats(const cotape::shape& s, double low, double high) {
  tensor t({cotape::float32, s});
  std::uniform_real_distribution<double> draw(low, high);
  std::generate_n(t.data_as<float>(), s.elements(),
                  [&] { return static_cast<float>(draw(random_)); });
  return t;
}

tensor random_data::doubles(const cotape::shape& s, double low, double high) {
  tensor t({cotape::float64, s});
  std::uniform_real_distribution<double> draw(low, high);
  std::generate_n(t.data_as<double>(), s.elements(), [&] { return draw(random_); });
  return t;
}

tensor random_data::indices(const cotape::shape& s, std::int64_t end) {
  tensor t({cotape::int64, s});
  std::uniform_int_distribution<std::int64_t> draw(0, end - 1);
  std::generate_n(t.data_as<std::int64_t>(), s.elements(), [&] { return draw(random_); });
  return t;
}

problem::problem(const workload& w, const settings& s, std::size_t thread_count)
    : what(&w), sizes(s), threads(thread_count), in(w.data(s)) {}

const std::vector<workload>& all_workloads() {
  static const std::vector<workload> list = [] {
    std::vector<workload> all;
    for (const auto family : {&rows_workloads, &slices_workloads, &models_workloads,
                              &attention_workloads, &products_workloads, &graphs_workloads}) {
      for (workload& w : family()) all.push_back(std::move(w));
    }
    return all;
  }();
  return list;
}

}  // namespace bench
