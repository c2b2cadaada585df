// The functions of windows for the instruction set in use.
#include "kernels/windows.hpp"

#include "kernels/isa/entries.hpp"

namespace cotape::kernels {

template <class T> patch_functions<T> chosen_patch_functions() {
  return for_isa(chosen_isa(), []<class Arch>() { return patches_of<Arch>(T{}); });
}
template patch_functions<float> chosen_patch_functions();
template patch_functions<double> chosen_patch_functions();

template <class T> depthwise_functions<T> chosen_depthwise_functions() {
  return for_isa(chosen_isa(), []<class Arch>() { return depthwise_of<Arch>(T{}); });
}
template depthwise_functions<float> chosen_depthwise_functions();
template depthwise_functions<double> chosen_depthwise_functions();

template <class T> pooling_functions<T> chosen_pooling_functions() {
  return for_isa(chosen_isa(), []<class Arch>() { return pooling_of<Arch>(T{}); });
}
template pooling_functions<float> chosen_pooling_functions();
template pooling_functions<double> chosen_pooling_functions();

}  // namespace cotape::kernels
