#include "augru/products.cuh"

namespace recbench::cuda {

template void augru_real_inputs<float>(const AugruShape&, const std::int64_t*, const void*, void*,
                                       Stream);
template void augru_real_inputs<double>(const AugruShape&, const std::int64_t*, const void*, void*,
                                        Stream);
template void augru_real_inputs<BFloat16>(const AugruShape&, const std::int64_t*, const void*,
                                          void*, Stream);
template void augru_real_inputs<Float16>(const AugruShape&, const std::int64_t*, const void*, void*,
                                         Stream);
template void augru_bias_gradients<float>(const AugruShape&, const void*, void*, void*, void*,
                                          Stream);
template void augru_bias_gradients<double>(const AugruShape&, const void*, void*, void*, void*,
                                           Stream);
template void augru_bias_gradients<BFloat16>(const AugruShape&, const void*, void*, void*, void*,
                                             Stream);
template void augru_bias_gradients<Float16>(const AugruShape&, const void*, void*, void*, void*,
                                            Stream);

}  // namespace recbench::cuda
