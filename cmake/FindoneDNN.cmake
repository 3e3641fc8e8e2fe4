# oneDNN's CPU library, as oneDNN::oneDNN. Its own package file asks for OpenCL, which a product of
# matrices on a CPU doesn't need.

include(FindPackageHandleStandardArgs)

find_path(ONEDNN_INCLUDE_DIR dnnl.h)
find_library(ONEDNN_LIBRARY NAMES dnnl)
mark_as_advanced(ONEDNN_INCLUDE_DIR ONEDNN_LIBRARY)

find_package_handle_standard_args(oneDNN REQUIRED_VARS ONEDNN_LIBRARY ONEDNN_INCLUDE_DIR)
if(oneDNN_FOUND AND NOT TARGET oneDNN::oneDNN)
  add_library(oneDNN::oneDNN INTERFACE IMPORTED)
  set_target_properties(oneDNN::oneDNN PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${ONEDNN_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${ONEDNN_LIBRARY}")
endif()
