// Losses by name, and what they take: decisions ask for that, not for how a name is spelt.
#pragma once

#include <span>
#include <string>

#include "cotape/variable.hpp"

namespace cotape::detail {

/// What the numbers of a target or a prediction must be.
enum class numbers : std::uint8_t { any, not_zero, above_minus_one, probabilities, logits, labels };

struct named_loss {
  const char* name;
  const char* short_name;
  variable (*record)(operand prediction, operand target);
  variable (*short_function)(operand prediction, operand target) = nullptr;
  numbers prediction = numbers::any, target = numbers::any;
  // Of a cross-entropy what makes the probabilities, and the one, if any, that takes logits if this
  // one takes those, or the other way round.
  const char* activation = nullptr;
  const char* counterpart = nullptr;
};

std::span<const named_loss> named_losses();
/// Null if there is none.
const named_loss* find_loss(const std::string& name);

}  // namespace cotape::detail
