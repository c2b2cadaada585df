// One case made ready by one engine, as a measurement sees it.
#pragma once

#include <cstddef>
#include <vector>

namespace bench {

class stepper {
 public:
  stepper() = default;
  stepper(const stepper&) = delete;
  stepper& operator=(const stepper&) = delete;
  virtual ~stepper() = default;

  virtual void run(std::size_t steps) = 0;
  /// How long that takes, in microseconds.
  virtual double time_us(std::size_t steps);
  /// What the last step computed: all values one after the other, in an order that its program
  /// states.
  virtual std::vector<double> values() = 0;
  /// The loss of the last step before its update, where that is apart from its values.
  virtual double loss() { return 0; }
  /// The learning rate of the following steps, where there is one.
  virtual void set_rate(double) {}
};

}  // namespace bench
