#ifndef HELLO_DD_CZLIB_H
#define HELLO_DD_CZLIB_H
#include <zlib.h>
#endif
