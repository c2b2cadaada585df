# How this project compiles its own code: flags for every target, and kernels per instruction set.

set(COTAPE_X86_64 OFF)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(COTAPE_X86_64 ON)
endif()

# Language, warnings, rounding and sanitizers of a target of ours.
function(cotape_compile_options target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  # Multiply-adds only where they are written: the same bits from every compiler.
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wconversion -ffp-contract=off
    $<$<BOOL:${COTAPE_WARNINGS_AS_ERRORS}>:-Werror>)
  if(COTAPE_SANITIZE)
    list(JOIN COTAPE_SANITIZE "," sanitizers)
    target_compile_options(${target} PRIVATE
      -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer
      # g++ reports falsely through the instrumentation.
      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(${target} PRIVATE -fsanitize=${sanitizers})
  endif()
endfunction()

# Counts which lines of a target of ours run. Not for tests, whose objects come out of ccache for
# every clone: of counted objects, which hold the path of their counts, they do not.
function(cotape_coverage target)
  if(COTAPE_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage)
    target_link_options(${target} PUBLIC --coverage)
  endif()
endfunction()

# Position-independent code of the library. A static one may go into a shared one, a module of
# another language for one, unless the user says otherwise.
function(cotape_position_independent target)
  if(BUILD_SHARED_LIBS OR NOT DEFINED CMAKE_POSITION_INDEPENDENT_CODE)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
  # Its functions are inlined as those of a program.
  target_compile_options(${target} PRIVATE -fno-semantic-interposition)
endfunction()

# Private include folders of the library, for its own and its per-instruction-set files.
function(cotape_private_includes target)
  target_include_directories(${target} PRIVATE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_include_directories(${target} SYSTEM PRIVATE ${XSIMD_INCLUDE_DIR})
endfunction()

# cotape_isa_sources(TARGET FILE...) compiles each file once per instruction set and adds the
# objects to TARGET. COTAPE_ISA is the set's name; xsimd's namespace is renamed after it, so that
# the linker cannot take an inline function of one set for another's.
function(cotape_isa_sources target)
  set(sets baseline)
  if(COTAPE_X86_64)
    list(APPEND sets avx2 avx512)
  else()
    target_compile_definitions(${target} PRIVATE COTAPE_ONLY_BASELINE=1)
  endif()
  set(baseline_flags "")
  set(avx2_flags -mavx2 -mfma)
  set(avx512_flags -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd ${avx2_flags}
    -mprefer-vector-width=512
    # g++ 12 warns of its own intrinsics, whose undefined lanes are meant to be undefined.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)

  foreach(isa IN LISTS sets)
    set(objects ${target}_${isa})
    add_library(${objects} OBJECT ${ARGN})
    cotape_compile_options(${objects})
    cotape_coverage(${objects})
    cotape_position_independent(${objects})
    cotape_private_includes(${objects})
    target_link_libraries(${objects} PRIVATE xtensor)
    target_compile_definitions(${objects} PRIVATE COTAPE_ISA=${isa} xsimd=xsimd_${isa})
    # Kernels are fast in a debug build too, but under a sanitizer, where -O3 takes minutes a file.
    target_compile_options(${objects} PRIVATE
      $<$<NOT:$<BOOL:${COTAPE_SANITIZE}>>:-O3> ${${isa}_flags}
      # xsimd converts numbers out of range in lanes that it discards.
      $<$<BOOL:${COTAPE_SANITIZE}>:-fno-sanitize=float-cast-overflow>)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
endfunction()
