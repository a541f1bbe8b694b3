cmake_minimum_required(VERSION 3.20)
# A global symbol is defined once: of two archives that have it the linker takes the first and says
# nothing, and a caller gets the function of another header. ARCHIVES are all of ours; OBJECTS are
# the programs' own, which may meet each other's names but no archive's. Both lists have commas.
string(REPLACE "," ";" archives "${ARCHIVES}")
string(REPLACE "," ";" objects "${OBJECTS}")

# The symbols of files as "FILE: NAME TYPE". Weak ones may come several times.
function(read_symbols ret_lines)
  execute_process(COMMAND ${NM} -A -P -g --defined-only ${ARGN}
    OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE rc)
  if(NOT rc EQUAL 0)
    message(FATAL_ERROR "cannot read symbols: ${err}")
  endif()
  # Brackets around an archive's member would keep a list's items together.
  string(REGEX REPLACE "[][]" " " out "${out}")
  string(REGEX MATCHALL "[^\n]+: [^ \n]+ [ABCDGRST] " lines "${out}")
  set(${ret_lines} "${lines}" PARENT_SCOPE)
endfunction()

set(bad "")
set(count 0)
read_symbols(lines ${archives})
foreach(line IN LISTS lines)
  string(REGEX MATCH "([^/]+): ([^ ]+) [A-Z] $" _ "${line}")
  set(symbol ${CMAKE_MATCH_2})
  if(DEFINED "in_${symbol}")
    string(APPEND bad "\n  ${symbol} in${in_${symbol}} and ${CMAKE_MATCH_1}")
  endif()
  set("in_${symbol}" " ${CMAKE_MATCH_1}")
  math(EXPR count "${count} + 1")
endforeach()
if(count LESS 100)
  message(FATAL_ERROR "found ${count} symbols only: the output of ${NM} is not understood")
endif()

if(objects)
  read_symbols(lines ${objects})
  foreach(line IN LISTS lines)
    string(REGEX MATCH "([^/]+): ([^ ]+) [A-Z] $" _ "${line}")
    set(symbol ${CMAKE_MATCH_2})
    if(DEFINED "in_${symbol}")
      string(APPEND bad "\n  ${symbol} in${in_${symbol}} and ${CMAKE_MATCH_1}")
    endif()
  endforeach()
endif()
if(bad)
  message(FATAL_ERROR "defined twice:${bad}")
endif()
