/* watch/address.h: "unix:PATH" and "tcp:HOST:PORT" as sockets. Used by watch/conn.c and the live
 * page. */
#ifndef MR_WATCH_ADDRESS_H
#define MR_WATCH_ADDRESS_H
#include "watch/conn.h"
#include <sys/socket.h>

/** A socket bound to the address and listening, not blocking. *at: the address as it came to be.
 *  MR_EOUTPUT with the reason. */
mr_status mr_address_listen(const char *address, int *fd, char at[MR_ADDRESS_BYTES]);
/** A socket that is connected or on its way to it (writable when it is), not blocking. MR_ECLOSED:
 *  nobody is there; MR_EDENIED. */
mr_status mr_address_connect(const char *address, int *fd);
/** errno of a connection as a status, with a trail. */
mr_status mr_address_error(const char *address, int error);
#endif
