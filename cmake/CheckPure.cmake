cmake_minimum_required(VERSION 3.20)
# A pure archive may import only what is listed here: no I/O, no clock, no allocation, no
# environment, no logger. Everything else it needs comes in as an argument. The list is an
# allow-list, so that a function nobody thought of fails too.
set(allowed
  memchr memcmp memcpy memmove memset strcmp strlen strncmp strnlen
  __memcpy_chk __memmove_chk __memset_chk __stack_chk_fail
  snprintf __snprintf_chk                 # units of the configuration; no locale is ever set
  inflate inflateEnd inflateInit2_        # zlib's: its memory comes from the caller too
  __cpu_model                             # libgcc's: which instructions there are, set before main
  _GLOBAL_OFFSET_TABLE_)

execute_process(COMMAND ${NM} -P ${ARCHIVE} OUTPUT_VARIABLE out RESULT_VARIABLE rc)
if(NOT rc EQUAL 0)
  message(FATAL_ERROR "cannot read the symbols of ${ARCHIVE}")
endif()
string(REGEX MATCHALL "[^\n]+" lines "${out}")
set(defined "")
set(imported "")
foreach(line IN LISTS lines)
  if(line MATCHES "^([^ ]+) U")
    list(APPEND imported ${CMAKE_MATCH_1})
  elseif(line MATCHES "^([^ ]+) [TDBRVW]")
    list(APPEND defined ${CMAKE_MATCH_1})
  endif()
endforeach()
list(REMOVE_DUPLICATES imported)
set(bad "")
foreach(sym IN LISTS imported)
  # sr_log is ours and still impure; every other sr_ symbol comes from another checked archive.
  if(sym IN_LIST allowed OR sym IN_LIST defined)
    continue()
  elseif(sym MATCHES "^sr_" AND NOT sym MATCHES "^sr_(log|clock)")
    continue()
  endif()
  list(APPEND bad ${sym})
endforeach()
if(bad)
  message(FATAL_ERROR "${ARCHIVE} imports ${bad}: pure code takes time, memory and I/O as arguments")
endif()
