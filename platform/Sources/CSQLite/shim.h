#ifndef HELLO_DD_CSQLITE_H
#define HELLO_DD_CSQLITE_H
#include <sqlite3.h>
#endif
