// The functions of torch's stable C ABI that the operators call, declared here so that a build
// needs no torch. They exist since torch 2.10 and keep their form: test_declarations.cpp compiles
// this file together with torch's own headers, and a declaration that differs is then an error.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct AtenTensorOpaque;
using AtenTensorHandle = AtenTensorOpaque*;
struct TorchLibraryOpaque;
using TorchLibraryHandle = TorchLibraryOpaque*;
struct StableListOpaque;
using StableListHandle = StableListOpaque*;
using StableIValue = std::uint64_t;
using AOTITorchError = std::int32_t;

AOTITorchError aoti_torch_library_init_fragment(const char* ns, const char* file,
                                                std::uint32_t line, TorchLibraryHandle* library);
AOTITorchError aoti_torch_library_init_impl(const char* ns, const char* key, const char* file,
                                            std::uint32_t line, TorchLibraryHandle* library);
AOTITorchError aoti_torch_library_def(TorchLibraryHandle library, const char* schema);
AOTITorchError torch_library_impl(TorchLibraryHandle library, const char* name,
                                  void (*function)(StableIValue*, std::uint64_t, std::uint64_t),
                                  std::uint64_t build_version);

AOTITorchError aoti_torch_empty_strided(std::int64_t dim, const std::int64_t* sizes,
                                        const std::int64_t* strides, std::int32_t dtype,
                                        std::int32_t device_type, std::int32_t device_index,
                                        AtenTensorHandle* tensor);
AOTITorchError aoti_torch__reinterpret_tensor(AtenTensorHandle self, std::int64_t dim,
                                              const std::int64_t* sizes,
                                              const std::int64_t* strides,
                                              std::int64_t storage_offset,
                                              AtenTensorHandle* tensor);
AOTITorchError aoti_torch_new_tensor_handle(AtenTensorHandle self, AtenTensorHandle* tensor);
AOTITorchError aoti_torch_delete_tensor_object(AtenTensorHandle self);
AOTITorchError aoti_torch_copy_(AtenTensorHandle self, AtenTensorHandle source,
                                std::int32_t non_blocking);
AOTITorchError aoti_torch_mm_out(AtenTensorHandle out, AtenTensorHandle a, AtenTensorHandle b);

AOTITorchError torch_get_mutable_data_ptr(AtenTensorHandle self, void** data);
AOTITorchError torch_get_const_data_ptr(AtenTensorHandle self, const void** data);
AOTITorchError aoti_torch_get_dim(AtenTensorHandle self, std::int64_t* dim);
AOTITorchError aoti_torch_get_size(AtenTensorHandle self, std::int64_t axis, std::int64_t* size);
AOTITorchError aoti_torch_get_numel(AtenTensorHandle self, std::int64_t* numel);
AOTITorchError aoti_torch_get_dtype(AtenTensorHandle self, std::int32_t* dtype);
AOTITorchError aoti_torch_get_device_type(AtenTensorHandle self, std::int32_t* type);
AOTITorchError aoti_torch_get_device_index(AtenTensorHandle self, std::int32_t* index);
AOTITorchError aoti_torch_is_contiguous(AtenTensorHandle self, bool* contiguous);

std::int32_t aoti_torch_dtype_float32();
std::int32_t aoti_torch_dtype_float64();
std::int32_t aoti_torch_dtype_bfloat16();
std::int32_t aoti_torch_dtype_float16();
std::int32_t aoti_torch_dtype_int64();

// In torch's CUDA library, which need not be there: on_device.cu looks these up when it runs.
struct CUDAGuardOpaque;
using CUDAGuardHandle = CUDAGuardOpaque*;
AOTITorchError aoti_torch_create_cuda_guard(std::int32_t device_index, CUDAGuardHandle* guard);
AOTITorchError aoti_torch_delete_cuda_guard(CUDAGuardHandle guard);
AOTITorchError aoti_torch_get_current_cuda_stream(std::int32_t device_index, void** stream);

// Since torch 2.13, else null.
__attribute__((weak)) const char* torch_exception_get_what_without_backtrace();

AOTITorchError torch_list_size(StableListHandle list, std::size_t* size);
AOTITorchError torch_list_get_item(StableListHandle list, std::size_t index, StableIValue* element);
AOTITorchError torch_delete_list(StableListHandle list);

AOTITorchError torch_parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain,
                                  void (*body)(std::int64_t, std::int64_t, void*), void* context);

}  // extern "C"
