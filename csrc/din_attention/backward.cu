#include "din_attention/backward.cuh"

namespace recbench::cuda {

template void din_backward<float>(const DinAttentionArguments&, const DinAttentionGradients&, void*,
                                  Stream);
template void din_backward<double>(const DinAttentionArguments&, const DinAttentionGradients&,
                                   void*, Stream);
template void din_backward<BFloat16>(const DinAttentionArguments&, const DinAttentionGradients&,
                                     void*, Stream);
template void din_backward<Float16>(const DinAttentionArguments&, const DinAttentionGradients&,
                                    void*, Stream);

}  // namespace recbench::cuda
