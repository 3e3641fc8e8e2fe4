# The C interface to BLAS, as CBLAS::CBLAS. OpenBLAS if there is one, else any; BLA_VENDOR, as in
# FindBLAS, picks another. Debian's libblas has the C interface inside, others a libcblas beside it.

include(CheckCXXSourceCompiles)
include(FindPackageHandleStandardArgs)

# In a function, so that BLA_VENDOR and the results of FindBLAS stay in here.
function(_cblas_find_libraries)
  if(BLA_VENDOR)
    set(vendors ${BLA_VENDOR})
  else()
    set(vendors OpenBLAS All)
  endif()
  foreach(BLA_VENDOR IN LISTS vendors)
    find_package(BLAS QUIET)
    if(NOT BLAS_FOUND)
      continue()
    endif()
    find_library(CBLAS_LIBRARY NAMES cblas)
    mark_as_advanced(CBLAS_LIBRARY)
    set(without ${BLAS_LIBRARIES})
    set(with ${CBLAS_LIBRARY} ${BLAS_LIBRARIES})
    foreach(separate IN ITEMS without with)
      set(CMAKE_REQUIRED_QUIET ON)
      set(CMAKE_REQUIRED_LIBRARIES "${${separate}}")
      set(works CBLAS_LINKS_${BLA_VENDOR}_${separate}_LIBCBLAS)
      check_cxx_source_compiles(
        "extern \"C\" void cblas_sgemm(); int main() { cblas_sgemm(); }" ${works})
      if(${works})
        set(CBLAS_LIBRARIES "${${separate}}" PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

_cblas_find_libraries()
find_path(CBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas openblas-pthread blis atlas)
mark_as_advanced(CBLAS_INCLUDE_DIR)

find_package_handle_standard_args(CBLAS REQUIRED_VARS CBLAS_LIBRARIES CBLAS_INCLUDE_DIR)
if(CBLAS_FOUND AND NOT TARGET CBLAS::CBLAS)
  add_library(CBLAS::CBLAS INTERFACE IMPORTED)
  set_target_properties(CBLAS::CBLAS PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${CBLAS_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${CBLAS_LIBRARIES}")
endif()
