#include "sim_search/soft.cuh"

namespace recbench::cuda {

template void soft_search<float>(const SoftSearchOnDevice&, Stream);
template void soft_search<double>(const SoftSearchOnDevice&, Stream);
template void soft_search<BFloat16>(const SoftSearchOnDevice&, Stream);
template void soft_search<Float16>(const SoftSearchOnDevice&, Stream);

}  // namespace recbench::cuda
