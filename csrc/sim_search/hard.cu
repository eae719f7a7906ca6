#include "sim_search/hard.cuh"

namespace recbench::cuda {

template __global__ void hard_search_kernel<false>(HardSearchOnDevice);
template __global__ void hard_search_kernel<true>(HardSearchOnDevice);

}  // namespace recbench::cuda
