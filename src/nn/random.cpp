// Random values drawn at once: recorded on a tape of their own and run.
#include "cotape/random.hpp"

#include "cotape/program.hpp"

namespace cotape {

namespace {

tensor run_once(tape& t, variable v) {
  program code(t, {}, {v});  // advances the counter
  code.run({});
  return tensor(code.output(0).view());
}

}  // namespace

tensor generator::uniform(const shape& s, double low, double high, dtype d) {
  tape t;
  return run_once(t, uniform(t, s, low, high, d));
}

tensor generator::normal(const shape& s, double mean, double deviation, dtype d) {
  tape t;
  return run_once(t, normal(t, s, mean, deviation, d));
}

}  // namespace cotape
