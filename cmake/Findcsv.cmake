# libcsv, which comes without a description of its own.
include(${CMAKE_CURRENT_LIST_DIR}/find_plain_library.cmake)
find_plain_library(csv csv.h csv)
