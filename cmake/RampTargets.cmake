# How Ramp's own targets are compiled, and what happens when a package is missing.

include(CheckCXXCompilerFlag)

# Warnings and CPU flags go to Ramp's own targets, never to those of a project that uses it.
#
# Contraction, a * b + c with one rounding instead of two, is off. Where it is on, GCC contracts what
# it happens to see together and Clang what stands in one expression, on a CPU that has the
# instruction: the value of a formula would depend on compiler, tuning, CPU and on what was inlined.
# A formula must give the same number as a scalar, in lanes, in a tensor and when it is recorded
# again. Where one rounding is wanted, std::fma says so; products of matrices, whose sums have no
# order that anybody may rely on, are one file that turns it on (CMakeLists.txt).
# The flag is private like the others, since it would slow down the loops of whoever links Ramp. A
# file of theirs that records scalars has Ramp's formulas inline, under its own flags: with GCC and
# -march=native, add -ffp-contract=off there to have the same last bit as everywhere else.
function(ramp_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    $<$<BOOL:${RAMP_WERROR}>:-Werror> -ffp-contract=off)
  if(RAMP_ARCH)
    string(MAKE_C_IDENTIFIER "RAMP_HAS_MARCH_${RAMP_ARCH}" known)
    check_cxx_compiler_flag(-march=${RAMP_ARCH} ${known})
    if(NOT ${known})
      message(FATAL_ERROR "RAMP_ARCH: ${CMAKE_CXX_COMPILER} knows no -march=${RAMP_ARCH}")
    endif()
    target_compile_options(${target} PRIVATE -march=${RAMP_ARCH})
  elseif(RAMP_NATIVE)  # which not every compiler knows for every CPU
    check_cxx_compiler_flag(-march=native RAMP_HAS_MARCH_native)
    if(RAMP_HAS_MARCH_native)
      target_compile_options(${target} PRIVATE -march=native)
    endif()
  endif()
endfunction()

# The library ramp::NAME. Its includes start at the repository's root: <autodiff/autodiff.hpp>.
function(ramp_library name)
  add_library(ramp_${name} ${ARGN})  # shared with BUILD_SHARED_LIBS
  add_library(ramp::${name} ALIAS ramp_${name})
  ramp_compile(ramp_${name})
  target_include_directories(ramp_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  set_target_properties(ramp_${name} PROPERTIES
    UNITY_BUILD OFF  # of the project around; here files have types of the same name
    EXPORT_NAME ${name}
    VERSION "${PROJECT_VERSION}"
    SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
  # A shared library shows what is in namespace ramp, and nothing of fmt, Eigen or JSON: one list for
  # the linker, where a macro would stand before each function.
  get_target_property(type ramp_${name} TYPE)
  if(type STREQUAL SHARED_LIBRARY AND CMAKE_SYSTEM_NAME STREQUAL Linux)
    set(exports "${PROJECT_SOURCE_DIR}/cmake/exports.map")
    target_link_options(ramp_${name} PRIVATE "LINKER:--version-script=${exports}")
    set_property(TARGET ramp_${name} APPEND PROPERTY LINK_DEPENDS "${exports}")
  endif()
endfunction()

# Headers that most files of a target include are read once for all, but not where Ramp is a guest.
# ccache wants to be told that it may keep what is compiled with them (tools/test).
function(ramp_precompile target)
  if(PROJECT_IS_TOP_LEVEL)
    target_precompile_headers(${target} PRIVATE ${ARGN})
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  endif()
endfunction()

# A program that asks how often the allocator was called, and by whom, or makes an allocation fail
# (tests/support/allocations.hpp).
function(ramp_count_allocations target)
  target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/allocations.cpp")
  set(products)
  if(uses_blas)
    set(products cblas_sgemm cblas_dgemm cblas_sgemv cblas_dgemv)
    target_compile_definitions(${target} PRIVATE RAMP_BLAS)
  endif()
  if(uses_onednn)
    list(APPEND products dnnl_sgemm)
    target_compile_definitions(${target} PRIVATE RAMP_ONEDNN)
  endif()
  if(CMAKE_SYSTEM_NAME STREQUAL Linux)
    list(TRANSFORM products PREPEND "LINKER:--wrap=")
    target_link_options(${target} PRIVATE ${products})
  endif()
endfunction()

# A package that nothing works without.
macro(ramp_require package target debian)
  if(NOT TARGET ${target})
    find_package(${package} QUIET)
  endif()
  if(NOT TARGET ${target})
    message(FATAL_ERROR "Ramp needs ${package}, which was not found. "
      "On Debian or Ubuntu: apt-get install ${debian} (tools/setup installs all that is needed).")
  endif()
endmacro()

# A package that only one part needs: without it, `found` is false and the part is left out.
macro(ramp_wants found part package target debian)
  if(NOT TARGET ${target})
    find_package(${package} QUIET)
  endif()
  if(TARGET ${target})
    set(${found} TRUE)
  else()
    set(${found} FALSE)
    message(STATUS "Ramp: ${part} left out, ${package} was not found "
      "(Debian, Ubuntu: apt-get install ${debian})")
  endif()
endmacro()
