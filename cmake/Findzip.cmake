# libzip, whose description in Debian also demands programs that are packaged apart.
include(${CMAKE_CURRENT_LIST_DIR}/find_plain_library.cmake)
find_plain_library(zip zip.h zip)
