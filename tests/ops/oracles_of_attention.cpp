// The rows of the shape oracle for attention and positions.
#include "oracles.hpp"

namespace cotape::tests {

namespace {

using numpy::demand;

sizes batch_of(const sizes& x) {
  demand(x.size() >= 2);
  return numpy::part(x, 0, numpy::rank(x) - 2);
}

sizes with_matrix(sizes batch, std::int64_t rows, std::int64_t columns) {
  batch.insert(batch.end(), {rows, columns});
  return batch;
}

std::int64_t rows_of(const sizes& x) { return x[x.size() - 2]; }

call random_attention(dice& d) {
  const std::vector<sizes> batches = d.partners(4, 2);
  const std::int64_t rows = d.size(), keys = d.size(), width = d.size();
  const sizes q = d.almost(with_matrix(batches[0], rows, width)),
              k = d.almost(with_matrix(batches[1], keys, width)),
              v = d.almost(with_matrix(batches[2], keys, d.size())),
              mask = with_matrix(batches[3], d.one_in(3) ? 1 : rows, d.one_in(3) ? 1 : keys);
  const bool masked = d.one_in(2), causal = d.one_in(2);
  call c{{q, k, v}, {}, {}, causal ? "causal" : ""};
  if (masked) c.operands.push_back(mask);
  c.rule = [=] {
    const sizes batch = numpy::broadcast({batch_of(q), batch_of(k), batch_of(v)});
    demand(q.back() == k.back() && rows_of(k) == rows_of(v));
    const sizes weights = with_matrix(batch, rows_of(q), rows_of(k));
    demand(!masked || numpy::broadcast({mask, weights}) == weights);
    return with_matrix(batch, rows_of(q), v.back());
  };
  c.apply = [=](const variables& x) {
    return variables{
        attention(x[0], x[1], x[2], {.mask = masked ? x[3] : variable(), .causal = causal})};
  };
  return c;
}

}  // namespace

void append_attention(std::vector<oracle>& rows) {
  rows.push_back({"attention", random_attention});
  rows.push_back({"rotary", [](dice& d) {
                    const sizes x = d.shape();
                    return call{{x},
                                [=] {
                                  demand(x.size() >= 2 && x.back() % 2 == 0);
                                  return x;
                                },
                                [](const variables& v) { return variables{rotary(v[0])}; }};
                  }});
  rows.push_back({"sinusoidal_positions", [](dice& d) {
                    const sizes x = d.shape();
                    return call{
                        {x},
                        [=] {
                          batch_of(x);
                          return sizes(x.end() - 2, x.end());
                        },
                        [](const variables& v) { return variables{sinusoidal_positions(v[0])}; }};
                  }});
}

}  // namespace cotape::tests
