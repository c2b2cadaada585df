#include "draw.hpp"

namespace cotape::tests {

array draw(const argument& of, engine& random) {
  const domain& d = of.from;
  std::uniform_real_distribution<double> between(d.low, d.high), jitter(0, 0.2);
  std::uniform_int_distribution<std::int64_t> number(static_cast<std::int64_t>(d.low),
                                                     static_cast<std::int64_t>(d.high));
  array x(of.shape);
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    double& e = x.data[i];
    switch (d.kind) {
      case domain::kind::interval: e = between(random); break;
      case domain::kind::two_sided:
        e = random() % 2 == 0 ? between(random) : -between(random);
        break;
      case domain::kind::comb:
        e = static_cast<double>(number(random)) + d.offset + jitter(random);
        break;
      case domain::kind::distinct:
        e = d.low + 0.25 * static_cast<double>(i) + jitter(random);
        break;
      case domain::kind::whole:
      case domain::kind::indices: e = static_cast<double>(number(random)); break;
      case domain::kind::fixed: e = d.at[i % d.at.size()]; break;
    }
  }
  if (d.kind == domain::kind::distinct) std::shuffle(x.data.begin(), x.data.end(), random);
  return x;
}

arrays draw(const op_case& of, const std::vector<shape>& shapes, engine& random) {
  arrays x;
  for (std::size_t i = 0; i < of.inputs.size(); ++i) {
    x.push_back(draw({shapes[i], of.inputs[i].from}, random));
  }
  return x;
}

arrays draw(const op_case& of, engine& random) { return draw(of, own_shapes(of), random); }

array draw_normal(const shape& s, engine& random) {
  std::normal_distribution<double> normal;
  array x(s);
  for (double& e : x.data) e = normal(random);
  return x;
}

std::vector<shape> own_shapes(const op_case& c) {
  std::vector<shape> shapes;
  for (const argument& a : c.inputs) shapes.push_back(a.shape);
  return shapes;
}

std::vector<shape> grown_shapes(const op_case& c, double elements) {
  double own = 1, rank = 1;
  std::vector<shape> shapes = own_shapes(c);
  for (const shape& s : shapes) {
    own = std::max(own, static_cast<double>(s.elements()));
    rank = std::max(rank, static_cast<double>(s.rank()));
  }
  const auto factor = static_cast<std::int64_t>(std::pow(elements / own, 1 / rank));
  for (shape& s : shapes) {
    index sizes = sizes_of(s);
    for (std::int64_t& n : sizes) n *= n == 1 ? 1 : factor;
    s = shape_from(sizes);
  }
  return shapes;
}

array rounded(array x, dtype d) {
  if (d == float32) {
    for (double& e : x.data) e = static_cast<double>(static_cast<float>(e));
  }
  return x;
}

tensor to_tensor(const array& x, dtype d) {
  tensor t(value_type{d, x.shape});
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    if (d == float32) t.data_as<float>()[i] = static_cast<float>(x.data[i]);
    else if (d == float64) t.data_as<double>()[i] = x.data[i];
    else t.data_as<std::int64_t>()[i] = static_cast<std::int64_t>(x.data[i]);
  }
  return t;
}

array to_array(array_view v) {
  array x(v.shape());
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    if (v.dtype() == float32) x.data[i] = static_cast<double>(v.data_as<float>()[i]);
    else if (v.dtype() == float64) x.data[i] = v.data_as<double>()[i];
    else x.data[i] = static_cast<double>(v.data_as<std::int64_t>()[i]);
  }
  return x;
}

}  // namespace cotape::tests
