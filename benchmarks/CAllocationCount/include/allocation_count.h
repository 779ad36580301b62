#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdint.h>

/// Allocations of this process so far, by whoever; -1 where they are not counted.
int64_t allocation_count(void);

#endif
