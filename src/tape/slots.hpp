// The slots of tapes. A handle points to the slot, not to the tape, and carries the serial number
// that the slot had: so it can tell whether its tape has been rewound or is gone. Slots are never
// freed, for a handle may be asked at any time; a tape that dies leaves its slot to another one,
// whose handles have higher numbers. What is shared by the process is the list of all slots, behind
// a mutex that making and destroying a tape takes; at most 64 bytes for each tape that lived at one
// time. A handle of a dead tape reads its slot alone, and that without locks, while another thread
// may own it: hence atomic numbers.
#pragma once

#include "cotape/tape.hpp"

namespace cotape::slots {

detail::tape_slot* take(tape& owner);
void leave(detail::tape_slot& slot);  // allocates nothing

}  // namespace cotape::slots
