#ifndef HELLO_DD_CPOSTGRESQL_H
#define HELLO_DD_CPOSTGRESQL_H
#include <libpq-fe.h>
#endif
