#include "din_attention/forward.cuh"

namespace recbench::cuda {

template void din_forward<float>(const DinAttentionArguments&, float*, float*, Stream);
template void din_forward<double>(const DinAttentionArguments&, double*, double*, Stream);
template void din_forward<BFloat16>(const DinAttentionArguments&, float*, BFloat16*, Stream);
template void din_forward<Float16>(const DinAttentionArguments&, float*, Float16*, Stream);

}  // namespace recbench::cuda
