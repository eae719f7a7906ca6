#include "sim_search/hard.cuh"

namespace recbench::cuda {

template void hard_search<false>(const HardSearchOnDevice&, Stream);
template void hard_search<true>(const HardSearchOnDevice&, Stream);

}  // namespace recbench::cuda
