// The interpreter's rules for windows over images.
#pragma once

#include "node_rules.hpp"

namespace cotape::tests {

number_array convolution(const task& t);  // conv, conv_to_images, conv_to_filters
number_array unfolded(const task& t);
number_array folded(const task& t);
number_array largest_of_windows(const task& t);
number_array largest_to_images(const task& t);
number_array largest_picks(const task& t);
number_array means_of_windows(const task& t);
number_array means_to_images(const task& t);

}  // namespace cotape::tests
