#include "augru/backward.cuh"

namespace recbench::cuda {

template void augru_backward<float>(const AugruBackwardOnDevice&, void*, const AugruCard&, Stream);
template void augru_backward<double>(const AugruBackwardOnDevice&, void*, const AugruCard&, Stream);
template void augru_backward<BFloat16>(const AugruBackwardOnDevice&, void*, const AugruCard&,
                                       Stream);
template void augru_backward<Float16>(const AugruBackwardOnDevice&, void*, const AugruCard&,
                                      Stream);

}  // namespace recbench::cuda
