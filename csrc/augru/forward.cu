#include "augru/forward.cuh"

namespace recbench::cuda {

template void augru_forward<float>(const AugruForwardOnDevice&, void*, const AugruCard&, Stream);
template void augru_forward<double>(const AugruForwardOnDevice&, void*, const AugruCard&, Stream);
template void augru_forward<BFloat16>(const AugruForwardOnDevice&, void*, const AugruCard&, Stream);
template void augru_forward<Float16>(const AugruForwardOnDevice&, void*, const AugruCard&, Stream);

}  // namespace recbench::cuda
