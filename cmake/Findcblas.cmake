# OpenBLAS by its C interface.
include(${CMAKE_CURRENT_LIST_DIR}/find_plain_library.cmake)
find_plain_library(cblas cblas.h openblas openblas openblas-pthread)
