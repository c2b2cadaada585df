// Prints for every operation without products the hash of its values' and gradients' bits, on the
// instruction set that COTAPE_ISA names and so many threads (the argument).
#include <cstdio>
#include <cstdlib>

#include "cotape/threads.hpp"
#include "primitives/primitives.hpp"
#include "support.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

std::uint64_t hash_of(array_view v, std::uint64_t hash) {
  const auto* bytes = static_cast<const unsigned char*>(v.data());
  for (std::size_t i = 0; i < v.type().bytes(); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3;
  return hash;
}

void print_bits(const op_case& c, const std::vector<shape>& shapes, dtype d, engine& random) {
  graph_under_test g(c, draw(c, shapes, random), d);
  variables outputs{c.apply(g.inputs)}, asked;
  for (const variable& x : g.inputs) {
    if (x.dtype() != int64) asked.push_back(x);
  }
  if (outputs[0].dtype() != int64) {
    const variable w = g.input(outputs[0].dtype(), draw_normal(outputs[0].shape(), random));
    for (const variable& dx : vjp(outputs[0], asked, w)) outputs.push_back(dx);
  }
  for (const auto& node : g.t.nodes()) {
    if (node.op == &primitives::matmul) return;
  }
  program code(g.t, g.inputs, outputs);
  code.run(std::vector<array_view>(g.values.begin(), g.values.end()));
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < code.outputs(); ++i) hash = hash_of(code.output(i).view(), hash);
  std::printf("%s in %s from %s: %016llx\n", c.text().c_str(), name_of(d), shapes[0].text().c_str(),
              static_cast<unsigned long long>(hash));
}

}  // namespace

int main(int, char** arguments) {
  set_num_threads(std::atoi(arguments[1]));
  engine random(1);
  for (const op_case& c : op_cases()) {
    for (dtype d : {float32, float64}) {
      print_bits(c, own_shapes(c), d, random);
      if (c.elementwise) print_bits(c, std::vector<shape>(c.inputs.size(), {1, 20011}), d, random);
      else if (c.grows) print_bits(c, grown_shapes(c, 20000), d, random);
    }
  }
}
